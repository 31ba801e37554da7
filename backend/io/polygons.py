"""Faces of any number of corners, cut into triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def triangulate(lengths: NDArray, corners: NDArray) -> NDArray[np.int64]:
    """Triangles (M, 3) that fan out from each polygon's first corner, in the polygons' order.

    Right for convex polygons; a polygon of fewer than three corners gives none.

    Args:
        lengths: (F,) corners of each polygon.
        corners: (sum of lengths,) or (…, 1) vertex indices, polygon after polygon.
    """
    corners = corners.reshape(-1).astype(np.int64)
    lengths = lengths.astype(np.int64)
    first = np.cumsum(lengths) - lengths
    triangles = np.maximum(lengths - 2, 0)
    polygon = np.repeat(np.arange(len(lengths)), triangles)
    within = np.arange(len(polygon)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    start = first[polygon]
    return np.stack(
        [corners[start], corners[start + within + 1], corners[start + within + 2]], axis=1
    )
