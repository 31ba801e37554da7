"""Shortest paths over a surface: over the faces of a mesh, and over the points of a scan.

On a mesh the path is as good as exact. On a scan it runs over the triangles that the edges of its
neighbourhood graph make, and so only where neighbouring points lie along one surface: no gap is
jumped, whether in the surface or between two walls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud.point_cloud import PointCloud
from backend.cloud.surface import require_faces
from backend.errors import ReplayError
from backend.geometry.closest_on_mesh import closest_on_mesh, face_spheres
from backend.geometry.local_triangles import local_triangles
from backend.geometry.neighbors import length_graph
from backend.geometry.polyline import resample_between_corners
from backend.geometry.shortest_path import Level, shortest_path
from backend.geometry.smooth_along_normals import smooth_along_normals

# Paths up to DETOUR times the straight line are searched first, then FARTHER times as long ones.
DETOUR = 1.5
FARTHER = 2.0
# Paths over a scan's edges zigzag; this is the largest share by which that makes them longer.
ZIGZAG = 0.08
SCAN_LEVELS = (Level(np.inf, 1, 300_000),)
# Takes most of a scan's noise from under its path.
SMOOTHING_ROUNDS = 2
# A path's vertices stay where it turns by more than this, as it does over a part's sharp edges.
CORNER = np.radians(15.0)


def distances_within(graph: csr_matrix, source: int, limit: float) -> FloatArray:
    """Distance (N,) over ``graph`` from ``source``; infinite beyond ``limit``."""
    return np.asarray(dijkstra(graph, indices=source, limit=limit))


def geodesic_path(cloud: PointCloud, anchors: FloatArray, step: float) -> FloatArray:
    """Polyline (V, 3) over the surface through ``anchors`` (A, 3), vertices about ``step`` apart.

    Anchors go to the nearest place on a mesh, to the nearest point of a scan. Where the path turns
    over a sharp edge it has a vertex more.

    Raises:
        ReplayError: the anchors are at one place, or two of them lie on pieces of the surface that
            are not connected.
    """
    legs = list(_legs(cloud, anchors))
    if not legs:
        raise ReplayError(
            f"anchors {anchors.tolist()} all lie nearest to one point of the surface; "
            "move them apart, or use a denser scan"
        )
    joined = np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])
    return resample_between_corners(joined, step, CORNER)


def project_to_surface(cloud: PointCloud, places: FloatArray) -> FloatArray:
    """``places`` (P, 3) on the nearest face of a mesh; on a scan's nearest tangent plane.

    On the nearest point itself where a scan has no normals.
    """
    if _has_faces(cloud):
        return closest_on_mesh(cloud.points, require_faces(cloud), places)
    nearest = cloud.nearest(places)
    if cloud.normals is None:
        return cloud.points[nearest]
    normals = cloud.normals[nearest]
    height = np.einsum("ij,ij->i", places - cloud.points[nearest], normals)
    return places - height[:, None] * normals


def _legs(cloud: PointCloud, anchors: FloatArray) -> Iterator[FloatArray]:
    """The paths (V, 3) between anchors that follow each other and are at different places."""
    if _has_faces(cloud):
        faces = require_faces(cloud)
        places = closest_on_mesh(cloud.points, faces, anchors)
        spheres = face_spheres(cloud.points, faces)
        for ends in pairwise(places):
            if (ends[0] != ends[1]).any():
                yield _over_faces(cloud.points, faces, spheres, np.stack(ends))
        return
    rows = cloud.nearest(anchors)
    for start, end in pairwise(rows.tolist()):
        if (cloud.points[start] != cloud.points[end]).any():
            yield _over_points(cloud, start, end)


def _has_faces(cloud: PointCloud) -> bool:
    return cloud.faces is not None and len(cloud.faces) > 0


def _over_faces(
    points: FloatArray, faces: IntArray, spheres: tuple[FloatArray, FloatArray], ends: FloatArray
) -> FloatArray:
    """The path (V, 3) between two places on faces; looked for near the straight way first.

    Every way no longer than some length lies where the distances to the two ends add up to less.
    """
    centers, radii = spheres
    around = _detours(centers, ends) - 2.0 * radii
    limit = DETOUR * _straight(ends)
    while True:
        near = around <= limit
        whole = bool(near.all())
        path = shortest_path(points, faces[near], ends, limit, np.inf if whole else limit)
        if path is not None:
            return path
        if whole:
            raise _no_way(ends)
        limit *= FARTHER


def _over_points(cloud: PointCloud, start: int, end: int) -> FloatArray:
    """The path (V, 3) between two points of a scan; looked for near the straight way first."""
    ends = cloud.points[[start, end]]
    around = _detours(cloud.points, ends) - 2.0 * cloud.spacing
    limit = DETOUR * _straight(ends)
    while True:
        near = around <= limit
        whole = bool(near.all())
        way = _search(cloud, near, (start, end), np.inf if whole else limit)
        if way is not None:
            return _straightened(cloud, way, ends)
        if whole:
            raise _no_way(ends)
        limit *= FARTHER


@dataclass(frozen=True)
class _Way:
    """What a search over a scan's edges found.

    Attributes:
        rows: (W,) the shortest way's points in order.
        length: its length.
        near: (N,) points over which ways are hardly longer.
    """

    rows: IntArray
    length: float
    near: BoolArray


def _search(
    cloud: PointCloud, among: BoolArray, ends: tuple[int, int], limit: float
) -> _Way | None:
    """The shortest way over edges between points ``among`` (N,), if it is within ``limit``."""
    rows, edges = _induced(cloud, among)
    graph = length_graph(cloud.points[rows], edges)
    start, end = np.searchsorted(rows, ends).tolist()
    there, before = dijkstra(graph, indices=start, limit=limit, return_predecessors=True)
    length = float(there[end])
    if np.isinf(length):
        return None
    way = [end]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    longest = (1.0 + ZIGZAG) * length + 2.0 * cloud.spacing
    near = np.zeros(len(cloud), dtype=bool)
    near[rows] = there + dijkstra(graph, indices=end, limit=longest) <= longest
    return _Way(rows[way[::-1]], length, near)


def _straightened(cloud: PointCloud, way: _Way, ends: FloatArray) -> FloatArray:
    """The path (V, 3) over triangles of edges near a way; the way itself where there are none."""
    rows, edges = _induced(cloud, way.near)
    points = cloud.points[rows]
    normals = None if cloud.normals is None else cloud.normals[rows]
    if normals is not None:
        points = smooth_along_normals(points, normals, edges, SMOOTHING_ROUNDS)
    hubs = np.searchsorted(rows, way.rows[[0, -1]])
    triangles = local_triangles(points, normals, edges, hubs)
    path = None
    if np.isin(hubs, triangles).all():
        path = shortest_path(points, triangles, points[hubs], way.length, levels=SCAN_LEVELS)
    path = cloud.points[way.rows] if path is None else path.copy()
    if normals is not None:
        # The triangles are chords of a curved surface.
        path = resample_between_corners(path, cloud.spacing, CORNER)
        path = project_to_surface(PointCloud(points, normals), path)
    path[[0, -1]] = ends
    return path


def _induced(cloud: PointCloud, keep: BoolArray) -> tuple[IntArray, IntArray]:
    """Rows (K,) where ``keep`` (N,) is true, and the edges between them, by their new numbers."""
    start, end = cloud.edges.T
    renumber = np.cumsum(keep) - 1
    return np.flatnonzero(keep), renumber[cloud.edges[keep[start] & keep[end]]]


def _detours(places: FloatArray, ends: FloatArray) -> FloatArray:
    """Length (P,) of the straight way from end to end (2, 3) by ``places`` (P, 3)."""
    return np.asarray(
        np.linalg.norm(places - ends[0], axis=1) + np.linalg.norm(places - ends[1], axis=1)
    )


def _straight(ends: FloatArray) -> float:
    return float(np.linalg.norm(ends[1] - ends[0]))


def _no_way(ends: FloatArray) -> ReplayError:
    return ReplayError(
        f"no way over the surface from {ends[0].tolist()} to {ends[1].tolist()}: "
        "there is a gap in between; put both on one piece of it"
    )
