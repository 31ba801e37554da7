"""Triangles between neighbouring points of a scan: small ones that leave no gaps on its surface."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from backend.arrays import FloatArray, IntArray
from backend.geometry.blur import adjacency_matrix
from backend.geometry.neighbors import graph_triangles, runs_along_surface, unique_edges

# An edge across a void is so long, in parts of the longest own edges of its ends: at most of the
# longer one, at least of the shorter one.
FARTHEST = 2.0
SHORTEST = 0.8
# No point is nearer to its middle than this, in parts of its length.
CLEAR = 0.2
# The other edges have passed already; these may climb by this, in the same parts.
STEP = 0.5
# A triangle goes when a point lies well within its smallest circumscribed sphere, at this part of
# its radius: at 1 only a Delaunay triangulation would be left, without the least slack for noise.
INSIDE = 0.8
CHUNK = 200_000


def local_triangles(
    points: FloatArray, normals: FloatArray | None, edges: IntArray, hubs: IntArray
) -> IntArray:
    """Triangles (M, 3) of ``points`` (N, 3), which may overlap.

    Args:
        points: (N, 3).
        normals: (N, 3) unit and outward; or None where unknown.
        edges: (E, 2) the scan's adjacency, as ``unique_edges`` gives it. No triangle joins points
            that are more than three steps apart over it.
        hubs: (H,) points that are joined with all within three steps, so that paths can begin
            there in every direction.
    """
    wider, reach = _over_voids(points, normals, edges, hubs)
    triangles = graph_triangles(wider, len(points))
    centers, radii = _circumspheres(points[triangles])
    kept = np.isin(triangles, hubs).any(axis=1)
    small = kept | (radii <= FARTHEST * reach[triangles].max(axis=1))
    hub = kept[small]
    triangles, centers, radii = triangles[small], centers[small], radii[small]
    # Hubs have many neighbours; to look at as many neighbours of every point would take long.
    plain = wider[~np.isin(wider, hubs).any(axis=1)]
    neighbors = _padded(adjacency_matrix(plain, len(points)).tocsr())
    kept = np.ones(len(triangles), dtype=bool)
    for start in range(0, len(triangles), CHUNK):
        part = slice(start, start + CHUNK)
        for place in neighbors[triangles[part, 0]].T:
            away = np.linalg.norm(points[place] - centers[part], axis=1)
            kept[part] &= away >= INSIDE * radii[part]
    return triangles[kept | hub]


def _over_voids(
    points: FloatArray, normals: FloatArray | None, edges: IntArray, hubs: IntArray
) -> tuple[IntArray, FloatArray]:
    """``edges`` and those across voids (E, 2); and the longest own edge (N,) of each point.

    Points at random leave places empty that are wider than the way to the nearest neighbours. An
    edge across such a place joins points three steps from each other, with none near its middle.
    """
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    reach = np.zeros(len(points))
    np.maximum.at(reach, edges.ravel(), np.repeat(lengths, 2))
    one = adjacency_matrix(edges, len(points))
    three = (one @ one @ one + one @ one).tocoo()
    ahead = three.row < three.col
    wider = np.stack([three.row[ahead], three.col[ahead]], axis=1).astype(np.int64)
    start, end = points[wider[:, 0]], points[wider[:, 1]]
    lengths = np.linalg.norm(end - start, axis=1)
    longest = reach[wider]
    hub = np.isin(wider, hubs).any(axis=1)
    able = lengths <= FARTHEST * longest.max(axis=1)
    able = hub | (able & (lengths > SHORTEST * longest.min(axis=1)))
    wider, lengths, middles = wider[able], lengths[able], 0.5 * (start + end)[able]
    clear, _ = cKDTree(points).query(middles)
    wider = wider[hub[able] | (clear >= CLEAR * lengths)]
    if normals is not None:
        wider = wider[runs_along_surface(points, normals, wider, FARTHEST * reach, STEP)]
    return unique_edges(np.concatenate([edges, wider])), reach


def _circumspheres(corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centers (M, 3) and radii (M,) of the circles through corners (M, 3, 3); infinite if flat."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(u, v)
    double = 2.0 * np.einsum("mi,mi->m", normal, normal)
    uu, vv = np.einsum("mi,mi->m", u, u)[:, None], np.einsum("mi,mi->m", v, v)[:, None]
    offset = uu * np.cross(v, normal) + vv * np.cross(normal, u)
    flat = double <= np.finfo(float).tiny
    offset /= np.where(flat, 1.0, double)[:, None]
    radii = np.where(flat, np.inf, np.linalg.norm(offset, axis=1))
    return corners[:, 0] + offset, radii


def _padded(graph: csr_matrix) -> IntArray:
    """The neighbours (N, most) of each point, its own index where it has fewer."""
    count = np.diff(graph.indptr)
    padded = np.repeat(np.arange(len(count)), int(count.max(initial=0))).reshape(len(count), -1)
    inside = np.arange(padded.shape[1]) < count[:, None]
    padded[inside] = graph.indices
    return padded
