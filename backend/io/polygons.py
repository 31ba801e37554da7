"""Faces of any number of corners, and strips, cut into triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.arrays import IntArray
from backend.io.limits import ReadLimits
from backend.wording import were

# In a strip: the next index begins a new one.
RESTART = -1


def triangles_of(
    lengths: NDArray, corners: NDArray, limits: ReadLimits
) -> tuple[IntArray | None, tuple[str, ...]]:
    """As ``triangulate``, or None without polygons, and the notices for the user.

    Raises:
        FileFormatError: there are more triangles than ``limits`` has.
    """
    if len(lengths) == 0:
        return None, ()
    limits.check_faces(int(np.maximum(lengths.astype(np.int64, copy=False) - 2, 0).sum()))
    few = int((lengths < 3).sum())
    notice = f"{were(few, len(lengths), 'faces')} left out: fewer than three corners."
    return triangulate(lengths, corners), (notice,) if few else ()


def triangulate(lengths: NDArray, corners: NDArray) -> IntArray:
    """Triangles (M, 3) that fan out from each polygon's first corner, in the polygons' order.

    Right for convex polygons; a polygon of fewer than three corners gives none.

    Args:
        lengths: (F,) corners of each polygon.
        corners: (sum of lengths,) or (…, 1) vertex indices, polygon after polygon.
    """
    corners = corners.reshape(-1).astype(np.int64, copy=False)
    if len(lengths) and (lengths == 3).all():
        return corners.reshape(-1, 3)
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


def triangles_of_strips(lengths: NDArray, corners: NDArray) -> IntArray:
    """Triangles (M, 3) of strips: each index makes one with the two before it.

    Every second triangle of a strip is turned, so that all have the winding of its first; triangles
    without an extent, by which strips are joined, are left out.

    Args:
        lengths: (S,) indices of each list of strips.
        corners: (sum of lengths,) or (…, 1) vertex indices; ``RESTART`` begins a new strip.
    """
    corners = corners.reshape(-1).astype(np.int64, copy=False)
    places = np.arange(len(corners))
    begins = np.zeros(len(corners) + 1, np.int64)
    begins[np.append(0, np.cumsum(lengths))] = np.append(0, np.cumsum(lengths))
    after = np.flatnonzero(corners == RESTART) + 1
    begins[after] = after
    within = places - np.maximum.accumulate(begins)[:-1]
    third = places[(within >= 2) & (corners != RESTART)]
    triangles = corners[third[:, None] + [-2, -1, 0]]
    turned = within[third] % 2 == 1
    triangles[turned] = triangles[turned][:, [1, 0, 2]]
    a, b, c = triangles.T
    return triangles[(a != b) & (b != c) & (c != a)]
