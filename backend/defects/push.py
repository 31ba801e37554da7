"""Along what a defect pushes: each point's own inward normal, or one given direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.errors import ReplayError


def unit(vector: ArrayLike) -> FloatArray:
    """``vector`` (..., 3) scaled to length one; zero stays zero.

    >>> unit([[3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    array([[0.6, 0. , 0.8],
           [0. , 0. , 0. ]])
    """
    vector = np.asarray(vector, dtype=np.float64)
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.where(length > 0, length, 1.0)


def require_normals(cloud: PointCloud, purpose: str) -> FloatArray:
    """The cloud's normals (N, 3).

    Raises:
        ReplayError: it has none.
    """
    if cloud.normals is None:
        raise ReplayError(
            f"{purpose} needs outward normals, but these {len(cloud)} points have none; give the "
            "position of the sensor (--viewpoint), the nominal model (--nominal), or a direction "
            "of the defect"
        )
    return cloud.normals


def push_directions(
    cloud: PointCloud, indices: IntArray, direction: tuple[float, float, float] | None
) -> FloatArray:
    """Unit directions of positive depth, (len(indices), 3) or broadcastable to it."""
    if direction is not None:
        return unit(direction)[None, :]
    return -require_normals(cloud, "pushing along the inward normal")[indices]
