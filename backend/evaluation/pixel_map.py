"""Score maps of organised scans: a score for every pixel, as published methods have it.

The ground truth of MVTec 3D-AD is an image, and where a part is bent or cut, up to a fifth of its
anomalous pixels have no depth. A method that scores points alone misses them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from backend.arrays import Float32Array

# The standard deviation that published maps are blurred by (Roth et al., "Towards total recall in
# industrial anomaly detection", 2022), and how far apart their patches are: 28 in 224 pixels.
BLUR, REACH = 4.0, 8.0


def bare_map(
    shape: tuple[int, int],
    row: NDArray[np.integer],
    column: NDArray[np.integer],
    scores: Float32Array,
) -> Float32Array:
    """(H, W) the ``scores`` (N,) of points in their pixels; NaN in those without a point."""
    image = np.full(shape, np.nan, np.float32)
    image[row, column] = scores
    return image


def dense_map(bare: Float32Array) -> Float32Array:
    """(H, W) with a score in every pixel: ``filled``, and blurred by ``BLUR`` pixels."""
    return np.asarray(gaussian_filter(filled(bare), BLUR))


def filled(bare: Float32Array) -> Float32Array:
    """(H, W) with a score in every pixel.

    A pixel without a point that is at most ``REACH`` pixels from one has the score of the nearest;
    those farther away have 0.

    Args:
        bare: (H, W), NaN in pixels without a point.
    """
    missing = np.isnan(bare)
    if missing.all():
        return np.zeros_like(bare)
    distance, (rows, columns) = distance_transform_edt(missing, return_indices=True)
    return np.where(distance <= REACH, bare[rows, columns], np.float32(0.0))
