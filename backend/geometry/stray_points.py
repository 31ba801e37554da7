"""Stray points: alone, or in small clusters far from everything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NEIGHBORS = 8


def stray_points(
    points: FloatArray, tree: cKDTree, *, gap: float, sparse: float, largest: int
) -> BoolArray:
    """Which points (N,) are stray: their surroundings are sparse, or a cluster far from the rest.

    The distance to the eighth neighbour is compared with the median over all points and with the
    median over the neighbours, so that a surface that is sparse as a whole, such as one seen at a
    grazing angle, stays (after Rusu et al., "Towards 3D point cloud based object maps", 2008).

    Args:
        points: (N, 3).
        tree: of ``points``.
        gap: a cluster is apart if nothing else is nearer, in median distances.
        sparse: so many times the distance of others is sparse.
        largest: points that a cluster has at most.
    """
    count = min(NEIGHBORS + 1, len(points))
    if count < NEIGHBORS + 1:
        return np.zeros(len(points), dtype=bool)
    distance, near = tree.query(points, k=count, workers=-1)
    reach = distance[:, -1]
    typical = float(np.median(reach))
    alone = reach > sparse * np.maximum(typical, np.median(reach[near[:, 1:]], axis=1))
    joined = distance <= gap * typical
    starts = np.broadcast_to(np.arange(len(points))[:, None], near.shape)[joined]
    graph = coo_matrix((np.ones(len(starts)), (starts, near[joined])), shape=(len(points),) * 2)
    _, piece = connected_components(graph, directed=False)
    return np.asarray(alone | (np.bincount(piece)[piece] <= largest))
