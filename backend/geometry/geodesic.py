"""Shortest paths over a surface given by points: a search on the graph, then pulled straight.

Paths over a graph zigzag and are some percent too long; pulling the path taut on the surface takes
most of that away.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from backend.cloud import PointCloud
from backend.errors import ReplayError
from backend.geometry.polyline import arc_lengths, resample_polyline

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Segments of the path while it is pulled, and how often each of its vertices is.
TAUT_LEVELS = (8, 16, 32, 64, 128)
TAUT_ROUNDS = 40


def edge_graph(cloud: PointCloud) -> csr_matrix:
    """Symmetric sparse matrix (N, N) of the lengths of the cloud's edges."""
    start, end = cloud.edges.T
    lengths = np.linalg.norm(cloud.points[start] - cloud.points[end], axis=1)
    # A zero is no edge to scipy; coincident points are joined all the same.
    lengths = np.maximum(lengths, np.finfo(float).tiny)
    half = csr_matrix((lengths, (start, end)), shape=(len(cloud), len(cloud)))
    return half + half.T


def distances_within(graph: csr_matrix, source: int, limit: float) -> FloatArray:
    """Distance (N,) over ``graph`` from ``source``; infinite beyond ``limit``."""
    return np.asarray(dijkstra(graph, indices=source, limit=limit))


def geodesic_path(cloud: PointCloud, anchors: FloatArray, step: float) -> FloatArray:
    """Polyline (V, 3) over the surface through ``anchors`` (A, 3), vertices about ``step`` apart.

    Raises:
        ReplayError: two anchors lie on pieces of the surface that are not connected.
    """
    graph = edge_graph(cloud)
    _, indices = cloud.tree.query(anchors)
    legs = [
        _taut(cloud, cloud.points[_shortest(graph, cloud, int(start), int(end))])
        for start, end in pairwise(indices)
        if start != end
    ]
    if not legs:
        raise ReplayError(
            f"anchors {anchors.tolist()} all lie nearest to one point of the surface; "
            "move them apart, or use a denser scan"
        )
    joined = np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])
    return resample_polyline(joined, step)


def _shortest(graph: csr_matrix, cloud: PointCloud, start: int, end: int) -> IntArray:
    """Indices of the points on the shortest path over the graph, both ends included."""
    limit = 3.0 * float(np.linalg.norm(cloud.points[start] - cloud.points[end]))
    distance, before = dijkstra(graph, indices=start, limit=limit, return_predecessors=True)
    if np.isinf(distance[end]):
        distance, before = dijkstra(graph, indices=start, return_predecessors=True)
    if np.isinf(distance[end]):
        raise ReplayError(
            f"no way over the surface from {cloud.points[start].tolist()} to "
            f"{cloud.points[end].tolist()}: the scan has a gap in between"
        )
    path = [end]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _taut(cloud: PointCloud, path: FloatArray) -> FloatArray:
    """Pull a zigzag path straight along the surface, its ends held, from coarse to fine.

    A wide detour is straightened by few vertices, which a pull reaches at once; many take the path
    onto the surface.
    """
    for count in TAUT_LEVELS:
        path = resample_polyline(path, float(arc_lengths(path)[-1]) / count)
        for _ in range(TAUT_ROUNDS):
            middle = 0.5 * (path[:-2] + path[2:])
            path[1:-1] = project_to_surface(cloud, middle)
    return path


def project_to_surface(cloud: PointCloud, places: FloatArray) -> FloatArray:
    """``places`` (P, 3) on the tangent plane of the nearest point; on it, without normals."""
    _, nearest = cloud.tree.query(places)
    if cloud.normals is None:
        return cloud.points[nearest]
    normals = cloud.normals[nearest]
    height = np.einsum("ij,ij->i", places - cloud.points[nearest], normals)
    return places - height[:, None] * normals
