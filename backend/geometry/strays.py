"""Points of a scan that belong to no surface: flying pixels, reflections, dust in the air.

``stray_points`` says which points a detector must not take for surface. It judges single points
only: points that lie together may be a chip or a burr, and that is what the detector looks for.
``detached_points`` says what ``--clean`` removes before anything else, when the user asks for it.
There a small cluster far from the rest is dust or a reflection, and how far is far is a setting.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads

NEIGHBORS = 6
# A point is off the surface if it is the neighbour of at most FEWEST_FOLLOWERS points and is
# OFF_SURFACE times as far from its own neighbours as those are from theirs.
FEWEST_FOLLOWERS = 1
OFF_SURFACE = 1.75
# A point is alone if it is this many times as far from its neighbours as usual.
ALONE = 8.0
# More neighbours than NEIGHBORS, so that a cluster holds together.
CLUSTER_NEIGHBORS = 8


class Surroundings(NamedTuple):
    """The six nearest other points of each of N points; fewer in smaller clouds.

    Attributes:
        reach: (N,) distance to the farthest of them; two points may have it in common.
        mean: (N,) mean distance to them, which tells points apart.
        neighbors: (N, 6) their rows.
    """

    reach: FloatArray
    mean: FloatArray
    neighbors: IntArray

    @classmethod
    def of(cls, points: FloatArray, tree: cKDTree) -> Surroundings:
        """Of ``points`` (N, 3), by their ``tree``."""
        count = min(NEIGHBORS + 1, len(points))
        distance, rows = tree.query(points, k=count, workers=threads())
        distance, rows = distance.reshape(-1, count), rows.reshape(-1, count)
        return cls(distance[:, -1], distance.mean(axis=1), rows[:, 1:].astype(np.int64))


def stray_points(surroundings: Surroundings, spacing: float = 0.0) -> BoolArray:
    """Which points (N,) lie alone: off every surface, or far from everything.

    Both are told by distances to neighbours only, so neither the axes nor the size of the whole
    matter, and a stray point changes nothing about the others. What lies together, be it as few as
    seven points, is no stray: it may be a chip or a burr.

    Args:
        surroundings: of the points.
        spacing: points that are no farther apart than usual, or than this, are not alone.
    """
    reach, _, neighbors = surroundings
    if neighbors.shape[1] < NEIGHBORS:
        return np.zeros(len(reach), dtype=bool)
    alone = reach > ALONE * max(float(np.median(reach)), spacing)
    followers = np.bincount(neighbors[~alone].ravel(), minlength=len(reach))
    usual = np.median(reach[neighbors], axis=1)
    return alone | ((followers <= FEWEST_FOLLOWERS) & (reach > OFF_SURFACE * usual))


def detached_points(
    points: FloatArray, tree: cKDTree, *, gap: float, sparse: float, largest: int
) -> BoolArray:
    """Which points (N,) are in sparse surroundings, or in a small cluster far from the rest.

    The distance to the eighth neighbour is compared with the median over all points and with the
    median over the neighbours, so that a surface that is sparse as a whole, such as one seen at a
    grazing angle, stays (after Rusu et al., "Towards 3D point cloud based object maps", 2008).

    Args:
        points: (N, 3).
        tree: of ``points``.
        gap: a cluster is apart if nothing else is nearer, in median distances.
        sparse: ratio to the distance of others from which a point counts as sparse.
        largest: points that a cluster has at most.
    """
    count = min(CLUSTER_NEIGHBORS + 1, len(points))
    if count < CLUSTER_NEIGHBORS + 1:
        return np.zeros(len(points), dtype=bool)
    distance, near = tree.query(points, k=count, workers=threads())
    reach = distance[:, -1]
    typical = float(np.median(reach))
    alone = reach > sparse * np.maximum(typical, np.median(reach[near[:, 1:]], axis=1))
    joined = distance <= gap * typical
    starts = np.broadcast_to(np.arange(len(points))[:, None], near.shape)[joined]
    graph = coo_matrix((np.ones(len(starts)), (starts, near[joined])), shape=(len(points),) * 2)
    _, piece = connected_components(graph, directed=False)
    return np.asarray(alone | (np.bincount(piece)[piece] <= largest))
