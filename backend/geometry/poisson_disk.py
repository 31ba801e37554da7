"""Thinning that knows no axes: points that keep a distance from one another."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads

FIRST_BLOCK, LARGEST_BLOCK = 2048, 4096


def poisson_disk(points: FloatArray, order: IntArray, radius: float) -> IntArray:
    """Rows (M,) of ``points`` (N, 3), in ``order``: each that is not too near to one before it.

    A greedy Poisson-disk subset: no two of its points lie within ``radius``, and every point lies
    within ``radius`` of one of them. It depends on distances and on the order alone, so it turns
    with the points, and a point far away changes nothing.

    Args:
        points: (N, 3).
        order: rows in the order in which they are looked at.
        radius: in the unit of the points.

    >>> line = np.array([[x, 0.0, 0.0] for x in range(6)])
    >>> poisson_disk(line, np.arange(6), radius=1.5)
    array([0, 2, 4])
    """
    kept = np.empty(0, dtype=np.int64)
    start, size = 0, FIRST_BLOCK
    while start < len(order):
        block = order[start : start + size]
        if len(kept):
            beyond = np.nextafter(radius, np.inf)
            nearest, _ = cKDTree(points[kept]).query(
                points[block], distance_upper_bound=beyond, workers=threads()
            )
            block = block[nearest > radius]
        kept = np.concatenate([kept, block[_first_of_pairs(points[block], radius)]])
        start, size = start + size, min(2 * size, LARGEST_BLOCK)
    return kept


def _first_of_pairs(points: FloatArray, radius: float) -> BoolArray:
    """Mask (B,): taken one after the other, those that none taken before is near to.

    In each round all points are taken that nothing undecided comes before (Blelloch et al., "Greedy
    sequential maximal independent set and matching are parallel on average", 2012).
    """
    taken = np.zeros(len(points), dtype=bool)
    undecided = np.ones(len(points), dtype=bool)
    pairs = np.sort(cKDTree(points).query_pairs(radius, output_type="ndarray"), axis=1)
    while undecided.any():
        waiting = np.zeros(len(points), dtype=bool)
        waiting[pairs[:, 1]] = True
        chosen = undecided & ~waiting
        taken |= chosen
        undecided &= ~chosen
        undecided[pairs[chosen[pairs[:, 0]], 1]] = False
        pairs = pairs[undecided[pairs].all(axis=1)]
    return taken
