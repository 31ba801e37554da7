"""Adjacency graphs: edges of a mesh, nearest neighbours along the surface of a scan.

Two walls of a thin plate, or two sheets one above the other, may lie closer than neighbouring
points do. A scan's edges are therefore judged by the normals at their ends (see
``runs_along_surface``): neither paths nor averages cross from wall to wall.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray

SCAN_NEIGHBORS = 8
# How far points look that found neighbours on another wall: past as many again and more.
FAR_NEIGHBORS = 3 * SCAN_NEIGHBORS

# Height of one tangent plane above the other that is always allowed, as a ratio of the distance to
# the farthest of SCAN_NEIGHBORS. Noise allows more: NOISE_SIGMAS times its standard deviation.
STEP = 0.2
NOISE_SIGMAS = 2.0
# The noise is estimated from about NOISE_EDGES edges with steps up to CLIP times the allowed one.
NOISE_EDGES = 100_000
CLIP = 1.5
# The quarter of a normal distribution's samples nearest to zero ends at this many deviations.
QUARTILE_SIGMAS = 0.3186
# Normals nearer than 60 degrees are of one smooth surface; beyond 154 degrees, of two walls.
SMOOTH_COSINE = 0.5
WALL_COSINE = -0.9
# Of the same distance: the longest way over two tangent planes that meet in a sharp edge.
RIDGE_REACH = 1.5


def unique_edges(edges: IntArray) -> IntArray:
    """Undirected edges (E, 2), each once with the smaller index first, in sorted order.

    >>> unique_edges(np.array([[2, 0], [0, 2], [1, 0]]))
    array([[0, 1],
           [0, 2]])
    """
    if len(edges) == 0:
        return np.empty((0, 2), dtype=np.int64)
    low, high = edges.min(axis=1), edges.max(axis=1)
    keep = low != high
    if not keep.any():
        return np.empty((0, 2), dtype=np.int64)
    count = int(high.max()) + 1
    keys = np.unique(low[keep] * count + high[keep])
    return np.stack([keys // count, keys % count], axis=1)


def mesh_edges(faces: IntArray) -> IntArray:
    """Edges (E, 2) of triangles ``faces`` (M, 3).

    >>> mesh_edges(np.array([[0, 1, 2], [2, 1, 3]]))
    array([[0, 1],
           [0, 2],
           [1, 2],
           [1, 3],
           [2, 3]])
    """
    return unique_edges(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]))


def graph_triangles(edges: IntArray, count: int) -> IntArray:
    """All triangles (M, 3) whose sides are among ``edges`` (E, 2), as ``unique_edges`` gives them.

    Args:
        edges: of points 0 … ``count`` − 1, in sorted order.
        count: of points.

    >>> graph_triangles(np.array([[0, 1], [0, 2], [1, 2], [2, 3]]), count=4)
    array([[0, 1, 2]])
    """
    low, high = edges.T
    last = np.searchsorted(low, np.arange(count), side="right")
    # Edges from one point to two others, where a third joins those.
    later = last[low] - 1 - np.arange(len(edges))
    first = np.repeat(np.arange(len(edges)), later)
    ahead = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    second = first + 1 + ahead
    keys = low * count + high
    wanted = high[first] * count + high[second]
    found = np.searchsorted(keys, wanted)
    closed = keys[np.minimum(found, len(keys) - 1)] == wanted
    return np.stack([low[first], high[first], high[second]], axis=1)[closed]


def length_graph(points: FloatArray, edges: IntArray) -> csr_matrix:
    """Symmetric sparse matrix (N, N) of the lengths of ``edges`` (E, 2)."""
    start, end = edges.T
    lengths = np.linalg.norm(points[start] - points[end], axis=1)
    # A zero is no edge to scipy; coincident points are joined all the same.
    lengths = np.maximum(lengths, np.finfo(float).tiny)
    half = csr_matrix((lengths, (start, end)), shape=(len(points), len(points)))
    return half + half.T


def scan_edges(
    points: FloatArray,
    tree: cKDTree,
    normals: FloatArray | None = None,
    neighbors: int = SCAN_NEIGHBORS,
) -> IntArray:
    """Edges (E, 2) that join each of ``points`` (N, 3) with its nearest neighbours.

    Args:
        points: (N, 3).
        tree: of ``points``.
        normals: (N, 3) unit and outward; with them only edges along the surface are kept, and
            a point that loses some by that is joined with farther ones of its own wall. Without
            them walls closer than the neighbours are joined.
        neighbors: how many, at most N − 1.
    """
    neighbors = min(neighbors, len(points) - 1)
    if neighbors < 1:
        return np.empty((0, 2), dtype=np.int64)
    distance, indices = tree.query(points, k=neighbors + 1)
    edges = unique_edges(_directed(np.arange(len(points)), indices))
    if normals is None:
        return edges
    reach = distance[:, -1]
    step = _step(points, normals, edges, reach)
    kept = runs_along_surface(points, normals, edges, reach, step)
    degree = np.bincount(edges[kept].ravel(), minlength=len(points))
    lost = np.bincount(edges[~kept].ravel(), minlength=len(points))
    short = np.flatnonzero((lost > 0) & (degree < neighbors))
    if len(short) == 0:
        return edges[kept]
    farther = _nearest_along(points, tree, normals, short, neighbors, reach, step)
    joined = unique_edges(np.concatenate([edges[kept], farther]))
    return unique_edges(np.concatenate([joined, _leaves(joined, indices)]))


def _leaves(edges: IntArray, indices: IntArray) -> IntArray:
    """An edge to the nearest neighbour for points that ``edges`` leave alone: outliers stay.

    A point with one edge is the way to nowhere else, so this bridges no gap.
    """
    alone = np.flatnonzero(np.bincount(edges.ravel(), minlength=len(indices)) == 0)
    first = indices[alone, 0]
    nearest = np.where(first == alone, indices[alone, 1], first)
    return np.stack([alone, nearest], axis=1)


def _directed(starts: IntArray, indices: IntArray) -> IntArray:
    """Edges (Q k, 2) from each of ``starts`` (Q,) to its row of ``indices`` (Q, k)."""
    return np.stack([np.repeat(starts, indices.shape[1]), indices.ravel()], axis=1)


def _nearest_along(
    points: FloatArray,
    tree: cKDTree,
    normals: FloatArray,
    rows: IntArray,
    neighbors: int,
    reach: FloatArray,
    step: float,
) -> IntArray:
    """Directed edges from each of ``rows`` to its nearest ``neighbors`` along the surface."""
    _, indices = tree.query(points[rows], k=min(FAR_NEIGHBORS, len(points) - 1) + 1)
    edges = _directed(rows, indices)
    kept = runs_along_surface(points, normals, edges, reach, step)
    kept &= edges[:, 0] != edges[:, 1]
    nearest = np.cumsum(kept.reshape(indices.shape), axis=1).ravel() <= neighbors
    return edges[kept & nearest]


def runs_along_surface(
    points: FloatArray, normals: FloatArray, edges: IntArray, reach: FloatArray, step: float
) -> BoolArray:
    """Whether each of ``edges`` (E, 2) joins neighbours on one surface: (E,).

    Let a = |(q − p) · (m + n)| / 2 for the ends p, q and their normals m, n: zero on any surface
    of constant curvature, and the gap between two sheets that face the same way. Where m and n are
    near to each other, the edge stays if a is small. Else the two tangent planes have to meet in a
    sharp edge close by, convex or concave, between p and q: the heights (q − p) · m and
    (p − q) · n have one sign, and divided by the sine of the planes' angle they add up to the way
    over that edge. Two walls back to back or face to face meet nowhere near.

    Args:
        points: (N, 3).
        normals: (N, 3) unit and outward; a zero vector says nothing, and its edges stay.
        edges: (E, 2).
        reach: (N,) distance from each point to the farthest of its nearest neighbours.
        step: how large a may be, in parts of ``reach``.
    """
    start, end = edges.T
    across = points[end] - points[start]
    both = normals[start] + normals[end]
    cosine = 0.5 * np.einsum("ei,ei->e", both, both) - 1.0
    apart = 0.5 * np.abs(np.einsum("ei,ei->e", across, both))
    radius = np.maximum(reach[start], reach[end])
    kept = (cosine > SMOOTH_COSINE) & (apart <= step * radius)
    rest = np.flatnonzero(~kept)
    ahead = np.einsum("ei,ei->e", across[rest], normals[start[rest]])
    back = -np.einsum("ei,ei->e", across[rest], normals[end[rest]])
    one_side = np.maximum(np.minimum(ahead, back), -np.maximum(ahead, back))
    sine = np.sqrt(np.clip(1.0 - cosine[rest] ** 2, 0.0, 1.0))
    meets = np.abs(ahead) + np.abs(back) <= RIDGE_REACH * radius[rest] * sine
    meets &= (one_side >= -step * radius[rest]) & (cosine[rest] > WALL_COSINE)
    unknown = ~(normals[start[rest]].any(axis=1) & normals[end[rest]].any(axis=1))
    kept[rest] = meets | unknown
    return kept


def _step(points: FloatArray, normals: FloatArray, edges: IntArray, reach: FloatArray) -> float:
    """``STEP``, or more where the scan is so noisy that its own surface has such steps.

    The noise is that of most edges; those beyond what it explains, from sheet to sheet, are
    left out of its estimate again and again until nothing changes.
    """
    start, end = edges[:: 1 + len(edges) // NOISE_EDGES].T
    both = normals[start] + normals[end]
    smooth = 0.5 * np.einsum("ei,ei->e", both, both) - 1.0 > SMOOTH_COSINE
    apart = 0.5 * np.abs(np.einsum("ei,ei->e", points[end] - points[start], both))
    radius = np.maximum(reach[start], reach[end])
    ratio = np.sort((apart / np.maximum(radius, np.finfo(float).tiny))[smooth])
    step, inside = np.inf, len(ratio)
    while inside:
        step = NOISE_SIGMAS * float(ratio[inside // 4]) / QUARTILE_SIGMAS
        fewer = int(np.searchsorted(ratio, CLIP * step, side="right"))
        if fewer >= inside:
            break
        inside = fewer
    return max(STEP, step) if inside else STEP
