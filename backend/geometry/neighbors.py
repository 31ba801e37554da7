"""Adjacency graphs: edges of a mesh, symmetric k-nearest-neighbour edges of a scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

SCAN_NEIGHBORS = 8


def unique_edges(edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Undirected edges (E, 2), each once with the smaller index first, in sorted order."""
    low, high = edges.min(axis=1), edges.max(axis=1)
    keep = low != high
    if not keep.any():
        return np.empty((0, 2), dtype=np.int64)
    count = int(high.max()) + 1
    keys = np.unique(low[keep] * count + high[keep])
    return np.stack([keys // count, keys % count], axis=1)


def mesh_edges(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edges (E, 2) of triangles ``faces`` (M, 3)."""
    return unique_edges(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]))


def knn_edges(
    points: NDArray[np.float64], tree: cKDTree, neighbors: int = SCAN_NEIGHBORS
) -> NDArray[np.int64]:
    """Edges (E, 2) that join each of ``points`` (N, 3) with its nearest ``neighbors``."""
    neighbors = min(neighbors, len(points) - 1)
    if neighbors < 1:
        return np.empty((0, 2), dtype=np.int64)
    _, indices = tree.query(points, k=neighbors + 1)
    starts = np.repeat(np.arange(len(points)), neighbors + 1)
    return unique_edges(np.stack([starts, indices.ravel()], axis=1))
