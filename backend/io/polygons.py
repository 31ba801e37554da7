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
    corners = corners.reshape(-1).astype(np.int64, copy=False)
    lengths = lengths.astype(np.int64, copy=False)
    triangles = np.maximum(lengths - 2, 0)
    first = np.repeat(np.cumsum(lengths) - lengths, triangles)
    within = np.arange(len(first)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    faces = np.empty((len(first), 3), np.int64)
    faces[:, 0] = corners[first]
    within += first
    faces[:, 1] = corners[within + 1]
    faces[:, 2] = corners[within + 2]
    return faces
