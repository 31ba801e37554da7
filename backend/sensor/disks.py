"""Choosing points that keep their distance: a maximal set of disjoint discs over a surface."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray

# Number of nearest fixed points that are looked at; points of another wall do not count.
FIXED_NEIGHBORS = 8
# The first batches end after these fractions, one over each, of all points.
BATCH_ENDS = (16, 4)


def clear_of(
    fixed: FloatArray,
    fixed_normals: FloatArray,
    points: FloatArray,
    normals: FloatArray,
    radius: FloatArray,
) -> BoolArray:
    """Which ``points`` (N, 3) have no ``fixed`` one (F, 3) of their wall within ``radius`` (N,).

    Of one wall are points whose unit normals are less than a right angle apart.
    """
    if len(points) == 0:
        return np.ones(0, dtype=bool)
    low, high = points.min(axis=0) - radius.max(), points.max(axis=0) + radius.max()
    near = ((fixed >= low) & (fixed <= high)).all(axis=1)
    if not near.any():
        return np.ones(len(points), dtype=bool)
    fixed, fixed_normals = fixed[near], fixed_normals[near]
    count = min(FIXED_NEIGHBORS, len(fixed))
    distance, nearest = cKDTree(fixed).query(points, k=count)
    distance, nearest = distance.reshape(-1, count), nearest.reshape(-1, count)
    alike = np.einsum("nki,ni->nk", fixed_normals[nearest], normals) > 0
    return ~(alike & (distance < radius[:, None])).any(axis=1)


def spread_out(
    points: FloatArray, normals: FloatArray, radius: FloatArray, rng: np.random.Generator
) -> IntArray:
    """Rows (K,) of a maximal subset of ``points`` (N, 3) that keep their distance on their wall.

    Points are taken in random order, each that lies at least its own ``radius`` (N,) from all
    taken before. It is done in batches, so that what the first ones exclude never meets the others.
    """
    order = rng.permutation(len(points))
    taken = np.empty(0, dtype=np.int64)
    for batch in np.split(order, [len(order) // parts for parts in BATCH_ENDS]):
        clear = clear_of(
            points[taken], normals[taken], points[batch], normals[batch], radius[batch]
        )
        batch = batch[clear]
        kept = _first_come(points[batch], normals[batch], radius[batch])
        taken = np.concatenate([taken, batch[kept]])
    return taken


def _first_come(points: FloatArray, normals: FloatArray, radius: FloatArray) -> BoolArray:
    """Which points (B,) are taken, when those with smaller rows come first.

    In rounds: a point with no undecided neighbour before it is taken, its neighbours after it are
    not (Luby, "A simple parallel algorithm for the maximal independent set problem", 1986).
    """
    open_, kept = np.ones(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    before, after = _conflicts(points, normals, radius)
    while open_.any():
        winners = open_.copy()
        winners[after] = False
        kept |= winners
        open_ &= ~winners
        open_[after[winners[before]]] = False
        undecided = open_[before] & open_[after]
        before, after = before[undecided], after[undecided]
    return kept


def _conflicts(
    points: FloatArray, normals: FloatArray, radius: FloatArray
) -> tuple[IntArray, IntArray]:
    """Pairs of rows (P,), (P,), the smaller one first, of which the second would be too near."""
    if len(points) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    pairs = cKDTree(points).query_pairs(float(radius.max()), output_type="ndarray")
    before, after = pairs[:, 0], pairs[:, 1]
    distance = np.linalg.norm(points[before] - points[after], axis=1)
    alike = np.einsum("pi,pi->p", normals[before], normals[after]) > 0
    near = alike & (distance < radius[after])
    return before[near], after[near]
