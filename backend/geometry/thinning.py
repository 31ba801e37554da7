"""Evenly spread points out of many."""

from __future__ import annotations

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray

# Of more points than MANY, thinning looks at about as many as this for each one that stays.
LOOKED_AT = 50
MANY = 200_000
# A table of so many keys a point is quicker than sorting the points.
TABLE = 50
# 2^-20 of the extent: three such cell indices still fit one 64-bit key.
MAX_BISECTIONS = 20


def thin(points: FloatArray, count: int) -> BoolArray:
    """Mask (N,) of about ``count`` of ``points`` (N, 3), one a cell of an even grid.

    The cell is found by bisection, to within 2 % of ``count`` where the points allow it. In each
    cell the point nearest to the cell's mean stays. Of very many points it looks at some alone, at
    even steps of their order.

    >>> points = np.random.default_rng(0).uniform(size=(2000, 3))
    >>> int(thin(points, 500).sum())
    505
    """
    if count >= len(points):
        return np.ones(len(points), dtype=bool)
    if len(points) > max(MANY, 2 * LOOKED_AT * count):
        keep = np.zeros(len(points), dtype=bool)
        few = np.arange(0, len(points), len(points) // (LOOKED_AT * count))
        keep[few] = thin(points[few], count)
        return keep
    low, high = 0.0, float(np.ptp(points, axis=0).max()) or 1.0
    columns = np.ascontiguousarray((points - points.min(axis=0)).T)
    for _ in range(MAX_BISECTIONS):
        cell = (low + high) / 2.0
        keys = _cell_keys(columns, cell)
        kept = _different(keys)
        if abs(kept - count) <= 0.02 * count:
            break
        low, high = (cell, high) if kept > count else (low, cell)
    return _one_per_cell(points, keys)


def _cell_keys(columns: FloatArray, cell: float) -> IntArray:
    """An integer (N,) for each point's cell on a grid of cubes of edge ``cell``.

    ``columns`` (3, N) are the points' coordinates, none of them negative.
    """
    first, second, third = (columns / cell).astype(np.int64)
    return np.asarray((first * (second.max() + 1) + second) * (third.max() + 1) + third)


def _different(keys: IntArray) -> int:
    """How many different ``keys`` (N,) there are, none of them negative."""
    most = int(keys.max()) + 1
    if most > TABLE * len(keys):
        return len(np.unique(keys))
    there = np.zeros(most, dtype=bool)
    there[keys] = True
    return int(np.count_nonzero(there))


def _one_per_cell(points: FloatArray, keys: IntArray) -> BoolArray:
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    size = np.diff(starts, append=len(keys))
    of_cell = np.repeat(np.arange(len(size)), size)
    cell = np.empty_like(order)
    cell[order] = of_cell
    sums = [np.bincount(cell, coordinate) for coordinate in points.T]
    mean = np.stack(sums, axis=1) / size[:, None]
    distance = np.linalg.norm(points - mean[cell], axis=1)[order]
    least = np.flatnonzero(distance == np.minimum.reduceat(distance, starts)[of_cell])
    keep = np.zeros(len(points), dtype=bool)
    # Of those that are as near as one another, the first.
    keep[order[least[np.diff(of_cell[least], prepend=-1) > 0]]] = True
    return keep
