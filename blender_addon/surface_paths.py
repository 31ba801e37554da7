# SPDX-License-Identifier: GPL-3.0-or-later
"""Shortest paths over a mesh between anchors: a search over its edges, then pulled straight.

Paths over edges zigzag and are some percent too long; pulling them taut on the surface, from
coarse to fine, takes most of that away.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import ArrayLike, NDArray

from .attribute_io import NORMAL, read_attribute, read_positions
from .schema import RecipeError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# The search stays where the way over a point is at most this many times the straight one.
DETOUR = 3.0
# Vertices of the path while it is pulled, and how often each of them is.
TAUT_LEVELS = (8, 16, 32, 64, 128)
TAUT_ROUNDS = 60
MAX_POINTS = 2000


@dataclass(frozen=True, eq=False)
class SurfacePath:
    """A polyline over a surface, in the object's local space.

    Attributes:
        points: (V, 3).
        normals: (V, 3) outward and unit.
    """

    points: Floats
    normals: Floats

    def as_document(self) -> dict[str, Any]:
        """The path as a recipe's JSON holds it."""
        return {
            "points": self.points.tolist(),
            "normals": self.normals.tolist(),
            "resolved": True,
        }


class Surface:
    """An object's evaluated surface as it stands now, to search on; in local space.

    Attributes:
        points: (N, 3) vertices.
        normals: (N, 3) nominal normals where defects have stored them, else those of the mesh.
        edges: (E, 2).
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        """Read the surface of a mesh object.

        Raises:
            RecipeError: there are no faces.
        """
        depsgraph = bpy.context.evaluated_depsgraph_get()
        evaluated = obj.evaluated_get(depsgraph)
        mesh: Any = evaluated.to_mesh()
        if not len(mesh.polygons):
            raise RecipeError(f"{obj.name!r} has no faces, and so no surface to find a place on")
        self.points: Floats = read_positions(mesh).astype(np.float64)
        self.normals: Floats = _vertex_normals(mesh)
        self.edges: Integers = _read(mesh.edges, "vertices", 2)
        self._corners = [tuple(polygon.vertices) for polygon in mesh.polygons]
        evaluated.to_mesh_clear()
        self._tree: Any = BVHTree.FromPolygons(self.points.tolist(), self._corners)

    def nearest(self, place: ArrayLike) -> tuple[Floats, int]:
        """The surface's point (3,) nearest to ``place`` (3,), and the vertex next to it."""
        location, _, face, _ = self._tree.find_nearest(Vector(np.asarray(place).tolist()))
        point = np.array(location, dtype=np.float64)
        corners = np.array(self._corners[face])
        away = np.linalg.norm(self.points[corners] - point, axis=1)
        return point, int(corners[np.argmin(away)])


def _vertex_normals(mesh: Any) -> Floats:
    if NORMAL in mesh.attributes:
        return read_attribute(mesh, NORMAL).astype(np.float64)
    return _read(mesh.vertex_normals, "vector", 3, np.float32)


def _read(collection: Any, name: str, width: int, dtype: type = np.int32) -> Any:
    values: NDArray[Any] = np.empty(len(collection) * width, dtype=dtype)
    collection.foreach_get(name, values)
    return values.reshape(-1, width).astype(np.int64 if dtype is np.int32 else np.float64)


def surface_path(surface: Surface, anchors: ArrayLike, step: float) -> SurfacePath:
    """The shortest way over ``surface`` through ``anchors`` (A, 3), vertices about ``step`` apart.

    Raises:
        RecipeError: the anchors coincide, or lie on pieces of the surface that do not touch.
    """
    ends = [surface.nearest(anchor) for anchor in np.asarray(anchors, dtype=np.float64)]
    graph = _neighbors(surface)
    legs = [
        _taut(surface, _leg(surface, graph, start, end))
        for start, end in pairwise(ends)
        if not np.array_equal(start[0], end[0])
    ]
    if not legs:
        raise RecipeError(
            f"anchors {np.asarray(anchors).tolist()} all lie nearest to one point of the surface; "
            "move them apart"
        )
    joined = np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])
    length = float(np.linalg.norm(np.diff(joined, axis=0), axis=1).sum())
    count = int(np.clip(np.ceil(length / step) + 1, 2, MAX_POINTS))
    points = _onto(surface, _resampled(joined, count))
    normals = surface.normals[[surface.nearest(point)[1] for point in points]]
    return SurfacePath(points, normals)


@dataclass(frozen=True, eq=False)
class _Graph:
    """Neighbours of vertex i: ``targets[starts[i]:starts[i + 1]]``, at ``lengths`` alike."""

    starts: Integers
    targets: Integers
    lengths: Floats


def _neighbors(surface: Surface) -> _Graph:
    ends = np.concatenate([surface.edges, surface.edges[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    starts = np.searchsorted(ends[:, 0], np.arange(len(surface.points) + 1))
    lengths = np.linalg.norm(surface.points[ends[:, 0]] - surface.points[ends[:, 1]], axis=1)
    return _Graph(starts, ends[:, 1], lengths)


def _leg(
    surface: Surface, graph: _Graph, start: tuple[Floats, int], end: tuple[Floats, int]
) -> Floats:
    """A way (V, 3) over edges between two places, both included."""
    foci = np.stack([start[0], end[0]])
    reach = sum(np.linalg.norm(surface.points - focus, axis=1) for focus in foci)
    near = reach <= DETOUR * np.linalg.norm(foci[1] - foci[0]) + graph.lengths.max()
    way = _shortest(graph, start[1], end[1], near)
    if way is None:
        way = _shortest(graph, start[1], end[1], np.ones_like(near))
    if way is None:
        raise RecipeError(
            f"no way over the surface from {start[0].tolist()} to {end[0].tolist()}: "
            "they lie on pieces of the mesh that do not touch"
        )
    return np.concatenate([foci[:1], surface.points[way], foci[1:]])


def _shortest(graph: _Graph, start: int, end: int, allowed: NDArray[np.bool_]) -> list[int] | None:
    """Vertices of the shortest way over edges between ``allowed`` ones; None if there is none.

    E. W. Dijkstra, "A note on two problems in connexion with graphs", 1959.
    """
    distance, before, done = {start: 0.0}, {start: start}, set()
    queue = [(0.0, start)]
    while queue:
        so_far, vertex = heapq.heappop(queue)
        if vertex == end:
            return _walked_back(before, start, end)
        if vertex in done:
            continue
        done.add(vertex)
        edges = slice(graph.starts[vertex], graph.starts[vertex + 1])
        pairs = zip(graph.targets[edges].tolist(), graph.lengths[edges].tolist(), strict=True)
        for target, length in pairs:
            total = so_far + length
            if allowed[target] and total < distance.get(target, np.inf):
                distance[target], before[target] = total, vertex
                heapq.heappush(queue, (total, target))
    return None


def _walked_back(before: dict[int, int], start: int, end: int) -> list[int]:
    way = [end]
    while way[-1] != start:
        way.append(before[way[-1]])
    return way[::-1]


def _taut(surface: Surface, path: Floats) -> Floats:
    """Pull a zigzag path (V, 3) straight along the surface, its ends held."""
    for count in TAUT_LEVELS:
        path = _resampled(path, count)
        for _ in range(TAUT_ROUNDS):
            path[1:-1] = _onto(surface, 0.5 * (path[:-2] + path[2:]))
    return path


def _onto(surface: Surface, places: Floats) -> Floats:
    return np.array([surface.nearest(place)[0] for place in places]).reshape(-1, 3)


def _resampled(path: Floats, count: int) -> Floats:
    """``count`` vertices evenly along ``path`` (V, 3), both its ends kept."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0.0, lengths[-1], count)
    return np.stack([np.interp(places, lengths, path[:, axis]) for axis in range(3)], axis=1)
