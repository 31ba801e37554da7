"""Surface normals: of meshes from their faces, of scans from neighbourhoods, and made to point out.

A sign is only ever flipped as a whole normal; where it comes from is told by a word, since a
defect that goes inward is only as right as the normals are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import (
    breadth_first_order,
    connected_components,
    minimum_spanning_tree,
)
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.geometry.chunks import each_chunk

NEIGHBORS = 16
# Cavities are searched only among pieces with at least this share of the points, and at most this
# number of pieces.
SMALLEST_PIECE = 0.002
MOST_PIECES = 50
# The disc that holds this many neighbours has the area of as many points.
AREA_NEIGHBORS = 8
WINDING_QUERIES = 8
# An open surface winds less than this about what it shelters.
CLOSED = 0.9
# Added to edge weights, because a stored zero is no edge to scipy.
MIN_WEIGHT = 1e-9


def estimate_normals(
    points: FloatArray, tree: cKDTree, k: int = NEIGHBORS, subset: IntArray | None = None
) -> FloatArray:
    """Unit normals (Q, 3) of unknown sign: the direction of least variance of ``k`` neighbours.

    Args:
        points: (N, 3).
        tree: of ``points``.
        k: neighbours, the point itself included; at most N are used.
        subset: (Q,) rows to estimate; all N if None.

    >>> plane = np.array([[x, y, 0.0] for x in range(6) for y in range(6)])
    >>> normals = estimate_normals(plane, cKDTree(plane))
    >>> abs(normals[0]).round(6)
    array([0., 0., 1.])
    """
    rows = np.arange(len(points)) if subset is None else np.asarray(subset)
    normals = np.empty((len(rows), 3))

    def fill(part: slice) -> None:
        normals[part] = _least_variance(points, tree, min(k, len(points)), rows[part])

    each_chunk(len(rows), fill)
    return normals


def _least_variance(points: FloatArray, tree: cKDTree, k: int, rows: IntArray) -> FloatArray:
    _, neighbors = tree.query(points[rows], k=k)
    around = np.moveaxis(points[neighbors.reshape(len(rows), k)], 2, 0).copy()
    around -= around.mean(axis=2, keepdims=True)
    # Coordinate by coordinate: three times as quick as all nine products at once.
    spread = np.empty((len(rows), 3, 3))
    for i in range(3):
        for j in range(i, 3):
            spread[:, i, j] = spread[:, j, i] = np.einsum("qk,qk->q", around[i], around[j])
    return np.ascontiguousarray(np.linalg.eigh(spread)[1][:, :, 0])


def orient_towards(points: FloatArray, normals: FloatArray, viewpoint: ArrayLike) -> FloatArray:
    """``normals`` (N, 3), each turned to the side on which ``viewpoint`` (3,) or (N, 3) lies.

    >>> down = np.array([[0.0, 0.0, -1.0]])
    >>> orient_towards(np.zeros((1, 3)), down, viewpoint=[0.0, 0.0, 9.0])
    array([[-0., -0.,  1.]])
    """
    return turned_to(normals, np.asarray(viewpoint, dtype=np.float64) - points)


def orient_consistently(
    points: FloatArray, normals: FloatArray, tree: cKDTree, k: int = NEIGHBORS
) -> FloatArray:
    """``normals`` (N, 3) turned alike along each connected piece, then outward as a whole.

    Signs spread over a minimum spanning tree of the neighbourhood graph (Hoppe et al., "Surface
    reconstruction from unorganized points", 1992), from point to point along edges where they are
    beyond doubt (see ``_agreement``). A piece counts as outward when the mean of
    (p - center) . n is positive, which is three times the volume over the area for a closed evenly
    scanned surface, and a guess for an open one. A closed piece inside another one is a cavity, and
    its normals point into it.
    """
    graph = _neighbor_graph(points, normals, tree, min(k, len(points)))
    pieces, piece = connected_components(graph, directed=False)
    signs = _signs_over(minimum_spanning_tree(graph), points, normals, piece, pieces)
    count = np.bincount(piece, minlength=pieces)
    centers = np.stack([np.bincount(piece, p, pieces) / count for p in points.T], axis=1)
    outward = np.einsum("ni,ni->n", points - centers[piece], normals) * signs
    flipped = np.bincount(piece, outward, pieces) < 0
    oriented = normals * np.where(flipped[piece], -signs, signs)[:, None]
    cavity = _cavities(points, oriented, tree, piece, count)
    return np.where(cavity[piece][:, None], -oriented, oriented)


def _cavities(
    points: FloatArray,
    normals: FloatArray,
    tree: cKDTree,
    piece: NDArray[np.int32],
    count: IntArray,
) -> BoolArray:
    """Which pieces (P,) lie within an odd number of closed ones, all ``normals`` being outward.

    Small pieces, of which a noisy scan has many, are neither looked into nor turned.
    """
    large = np.flatnonzero(count >= SMALLEST_PIECE * len(points))[:MOST_PIECES]
    cavity = np.zeros(len(count), dtype=bool)
    if len(large) < 2:
        return cavity
    order = np.argsort(piece, kind="stable")
    rows = np.split(order, np.cumsum(count)[:-1])
    distance, _ = tree.query(points, k=min(AREA_NEIGHBORS + 1, len(points)))
    vectors = normals * (np.pi * distance[:, -1:] ** 2 / AREA_NEIGHBORS)
    for inner in large:
        inside = [
            _winding(points[rows[outer]], vectors[rows[outer]], points[rows[inner]]) > CLOSED
            for outer in large
            if outer != inner
        ]
        cavity[inner] = sum(inside) % 2 == 1
    return cavity


def _winding(points: FloatArray, vectors: FloatArray, queries: FloatArray) -> float:
    """How often a surface winds around a few of ``queries`` (Q, 3): 1 inside it, 0 outside.

    The median of sum(a n . (p - q) / |p - q|^3) / 4 pi over them (Barill et al., "Fast winding
    numbers for soups and clouds", 2018).

    Args:
        points: (N, 3).
        vectors: (N, 3) outward normals times the area that each point stands for.
    """
    few = queries[:: 1 + len(queries) // WINDING_QUERIES]
    offsets = points[None] - few[:, None]
    cubed = np.linalg.norm(offsets, axis=2) ** 3
    solid = np.einsum("qni,ni->qn", offsets, vectors) / np.maximum(cubed, np.finfo(float).tiny)
    return float(np.median(solid.sum(axis=1)) / (4.0 * np.pi))


def _neighbor_graph(points: FloatArray, normals: FloatArray, tree: cKDTree, k: int) -> csr_matrix:
    _, neighbors = tree.query(points, k=k)
    ends = neighbors.reshape(len(points), k).ravel()
    starts = np.repeat(np.arange(len(points)), k)
    agreement = _agreement(points, normals, starts, ends)
    weights = np.maximum(1.0 - np.abs(agreement), 0.0) + MIN_WEIGHT
    apart = starts != ends
    # The two directions of an edge weigh the same; scipy takes the smaller of stored directions.
    return coo_matrix(
        (weights[apart], (starts[apart], ends[apart])), shape=(len(points), len(points))
    ).tocsr()


def _agreement(
    points: FloatArray, normals: FloatArray, starts: IntArray, ends: IntArray
) -> FloatArray:
    """How surely (E,) the normals m and n at the ends of edges point to one side: 1, or -1 if not.

    The cosine between n and the mirror image of m in the plane midway between the ends: m . n - 2
    (e . m)(e . n) along the edge e. On a circular arc it is exactly one, and so it is over a sharp
    edge half way; from wall to wall, straight across, it tells that parallel normals disagree.
    """
    edges = points[ends] - points[starts]
    squared = np.maximum(np.einsum("ei,ei->e", edges, edges), np.finfo(float).tiny)
    first, second = normals[starts], normals[ends]
    along = np.einsum("ei,ei->e", edges, first) * np.einsum("ei,ei->e", edges, second)
    return np.asarray(np.einsum("ei,ei->e", first, second) - 2.0 * along / squared)


def _signs_over(
    forest: csr_matrix,
    points: FloatArray,
    normals: FloatArray,
    piece: NDArray[np.int32],
    pieces: int,
) -> FloatArray:
    """Signs (N,) that make every normal agree with its parent's in ``forest``."""
    count = len(normals)
    _, roots = np.unique(piece, return_index=True)
    # One more node joins the roots, so that a single traversal reaches every piece.
    edges = forest.tocoo()
    rows = np.concatenate([edges.row, np.full(pieces, count)])
    columns = np.concatenate([edges.col, roots])
    joined = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count + 1, count + 1))
    _, parents = breadth_first_order(joined.tocsr(), count, directed=False)
    parent = parents[:count].astype(np.int64)
    parent[roots] = roots
    agreement = _agreement(points, normals, np.arange(count), parent)
    signs = np.where(agreement < 0, -1.0, 1.0)
    # Doubling the step each round reaches every root in log2(depth) rounds.
    while not np.array_equal(parent, parent[parent]):
        signs, parent = signs * signs[parent], parent[parent]
    return signs * signs[parent]


def mesh_vertex_normals(points: FloatArray, faces: IntArray) -> FloatArray:
    """Unit vertex normals (N, 3), faces weighed by their angle at the vertex.

    They lie on the side from which the faces wind counterclockwise. The weights are those of
    Thürmer and Wüthrich, "Computing vertex normals from polygonal facets" (1998), which do not
    depend on how flat surface is cut into triangles. A vertex without faces gets a zero vector.

    >>> triangle = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> mesh_vertex_normals(triangle, np.array([[0, 1, 2]]))
    array([[0., 0., 1.],
           [0., 0., 1.],
           [0., 0., 1.]])
    """
    corners = points[faces]
    directions = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    weighted = _corner_angles(corners)[:, :, None] * _unit(directions)[:, None, :]
    index, flat = faces.ravel(), weighted.reshape(-1, 3)
    sums = [np.bincount(index, flat[:, axis], len(points)) for axis in range(3)]
    return _unit(np.stack(sums, axis=1))


def _corner_angles(corners: FloatArray) -> FloatArray:
    """Angles (M, 3) of triangles (M, 3, 3), radians."""
    ahead = _unit(np.roll(corners, -1, axis=1) - corners)
    behind = -np.roll(ahead, 1, axis=1)
    return np.arccos(np.clip(np.einsum("mci,mci->mc", ahead, behind), -1.0, 1.0))


def turned_to(normals: FloatArray, directions: FloatArray) -> FloatArray:
    """``normals`` (N, 3), each with the sign that makes it agree with its direction (N, 3)."""
    away = np.einsum("ni,ni->n", normals, directions) < 0
    return np.where(away[:, None], -normals, normals)


def _unit(vectors: FloatArray) -> FloatArray:
    """``vectors`` (..., 3) at length one; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)
