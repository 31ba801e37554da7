"""Points about a place, without an index: each defect would put it out of date."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from backend.arrays import FloatArray, IntArray
from backend.geometry.chunks import CHUNK


def points_in_box(points: FloatArray, low: FloatArray, high: FloatArray) -> IntArray:
    """Rows of those of ``points`` (N, 3) between ``low`` (3,) and ``high`` (3,), in order.

    >>> line = np.array([[x, 0.0, 0.0] for x in range(5)])
    >>> points_in_box(line, np.array([1.0, -1.0, -1.0]), np.array([3.0, 1.0, 1.0]))
    array([1, 2, 3])
    """
    rows = np.flatnonzero((points[:, 0] >= low[0]) & (points[:, 0] <= high[0]))
    for axis in (1, 2):
        values = points[rows, axis]
        rows = rows[(values >= low[axis]) & (values <= high[axis])]
    return rows


def points_within(points: FloatArray, center: ArrayLike, radius: float) -> IntArray:
    """Rows of those of ``points`` (N, 3) that are no farther than ``radius`` from ``center``.

    >>> points_within(np.array([[x, 0.0, 0.0] for x in range(5)]), [4.0, 0.0, 0.0], radius=1.5)
    array([3, 4])
    """
    middle = np.asarray(center, dtype=np.float64)
    rows = points_in_box(points, middle - radius, middle + radius)
    return rows[np.linalg.norm(points[rows] - middle, axis=1) <= radius]


def nearest_point(points: FloatArray, place: FloatArray) -> int:
    """Row of the one of ``points`` (N, 3) nearest to ``place`` (3,), the first of equals.

    >>> nearest_point(np.array([[x, 0.0, 0.0] for x in range(5)]), np.array([2.2, 1.0, 0.0]))
    2
    """
    best, least = 0, np.inf
    for start in range(0, len(points), CHUNK):
        squared = ((points[start : start + CHUNK] - place) ** 2).sum(axis=1)
        row = int(np.argmin(squared))
        if squared[row] < least:
            best, least = start + row, float(squared[row])
    return best
