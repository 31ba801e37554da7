"""Vertices at the same place: what joins the faces of a mesh that has a vertex for each corner."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray

# Of the largest coordinate: finer than single precision, coarser than the rounding of doubles.
CELL = 1e-8


def places_of(points: FloatArray) -> IntArray:
    """A number (N,) for the place of each of ``points`` (N, 3): equal where the points coincide.

    Coincident is what lies in one cell of a grid that is finer than single precision.

    >>> places_of(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    array([1, 0, 1])
    """
    cell = CELL * (np.abs(points).max() or 1.0)
    keys = np.rint(points / cell).astype(np.int64)
    order = np.lexsort(keys.T)
    new = (np.diff(keys[order], axis=0) != 0).any(axis=1)
    number = np.empty(len(points), dtype=np.int64)
    number[order] = np.concatenate([[0], np.cumsum(new)])
    return number
