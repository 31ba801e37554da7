# SPDX-License-Identifier: GPL-3.0-or-later
"""Shortest paths over a mesh between anchors: a search over its edges, then pulled straight.

Paths over edges zigzag and are some percent too long; pulling them taut on the surface, from
coarse to fine, takes most of that away.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from mathutils.interpolate import poly_3d_calc
from numpy.typing import ArrayLike, NDArray

from ..data.attributes import (
    NORMAL,
    evaluated_mesh,
    read_attribute,
    read_corners,
    read_items,
    read_positions,
)
from ..documents.errors import AddonError

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
        edges: (E, 2), numbers of vertices.
        neighbors: the vertices next to each vertex.
        middle: (3,) of the bounding box.
        reach: distance from the middle to the farthest point.
    """

    def __init__(self, obj: bpy.types.Object) -> None:
        """Read the surface of a mesh object.

        Raises:
            AddonError: there are no faces.
        """
        with evaluated_mesh(obj) as mesh:
            if not len(mesh.polygons):
                raise AddonError(f"{obj.name!r} has no faces, and so no surface for a defect")
            self.points: Floats = read_positions(mesh).astype(np.float64)
            self.normals: Floats = _vertex_normals(mesh)
            self.edges: Integers = read_items(mesh.edges, "vertices", 2, np.int32).astype(np.int64)
            self._corners = read_corners(mesh).astype(np.int64)
            # Where the corners of each face begin; one more for where the last one ends.
            starts = read_items(mesh.polygons, "loop_start", 1, np.int32).astype(np.int64)
            self._starts = np.append(starts, len(self._corners))
        self._tree: Any = BVHTree.FromObject(obj, bpy.context.evaluated_depsgraph_get())

    @cached_property
    def neighbors(self) -> Neighbors:
        """The vertices next to each vertex."""
        return _neighbors(self)

    @cached_property
    def middle(self) -> Floats:
        """(3,) middle of the bounding box."""
        return np.asarray((self.points.min(axis=0) + self.points.max(axis=0)) / 2.0)

    @cached_property
    def reach(self) -> float:
        """Distance from the middle to the farthest point."""
        return float(np.linalg.norm(self.points - self.middle, axis=1).max())

    def nearest(self, place: ArrayLike) -> tuple[Floats, int]:
        """The surface's point (3,) nearest to ``place`` (3,), and the vertex next to it."""
        location, _, face, _ = self._tree.find_nearest(Vector(np.asarray(place).tolist()))
        return self._on_face(location, face)

    def onto(self, places: ArrayLike) -> Floats:
        """The surface's points (P, 3) nearest to ``places`` (P, 3)."""
        rows = np.asarray(places, dtype=np.float64).reshape(-1, 3).tolist()
        found = [self._tree.find_nearest(Vector(place))[0] for place in rows]
        return np.array(found, dtype=np.float64).reshape(-1, 3)

    def hit(self, origin: ArrayLike, direction: ArrayLike) -> tuple[Floats, int] | None:
        """Where a ray first meets the surface, as ``nearest`` gives it; None where it misses.

        Args:
            origin: (3,) where the ray begins.
            direction: (3,) of any length but 0.
        """
        ray = (Vector(np.asarray(end, dtype=float).tolist()) for end in (origin, direction))
        location, _, face, _ = self._tree.ray_cast(*ray)
        return None if location is None else self._on_face(location, face)

    def normal_near(self, place: ArrayLike) -> Floats:
        """The normal (3,) unit of the surface nearest to ``place`` (3,), between its vertices'."""
        location, _, face, _ = self._tree.find_nearest(Vector(np.asarray(place).tolist()))
        corners = self._corners[self._starts[face] : self._starts[face + 1]]
        shares = poly_3d_calc(self.points[corners].tolist(), location)
        normal = np.asarray(shares) @ self.normals[corners]
        return np.asarray(normal / np.linalg.norm(normal))

    def _on_face(self, location: Any, face: int) -> tuple[Floats, int]:
        """A point of a face, and that of the face's vertices which is next to it."""
        point = np.array(location, dtype=np.float64)
        corners = self._corners[self._starts[face] : self._starts[face + 1]]
        away = np.linalg.norm(self.points[corners] - point, axis=1)
        return point, int(corners[np.argmin(away)])


def _vertex_normals(mesh: Any) -> Floats:
    if NORMAL in mesh.attributes:
        return read_attribute(mesh, NORMAL).astype(np.float64)
    return read_items(mesh.vertex_normals, "vector", 3, np.float32).astype(np.float64)


def surface_path(surface: Surface, anchors: ArrayLike, step: float) -> SurfacePath:
    """The shortest way over ``surface`` through ``anchors`` (A, 3), vertices about ``step`` apart.

    Raises:
        AddonError: the anchors coincide, or lie on pieces of the surface that do not touch.
    """
    ends = [surface.nearest(anchor) for anchor in np.asarray(anchors, dtype=np.float64)]
    legs = [
        _taut(surface, _leg(surface, start, end))
        for start, end in pairwise(ends)
        if not np.array_equal(start[0], end[0])
    ]
    if not legs:
        raise AddonError(
            f"anchors {np.asarray(anchors).tolist()} all lie nearest to one point of the surface; "
            "move them apart"
        )
    joined = np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])
    return _laid(surface, joined, step)


def stroke_path(surface: Surface, stroke: ArrayLike, step: float, rounds: int) -> SurfacePath:
    """A stroke drawn over ``surface``, without the shaking of the hand.

    Args:
        surface: to lie on.
        stroke: (S, 3) places along it, as the hand left them.
        step: about how far apart the path's vertices are.
        rounds: how often each vertex moves halfway to the middle of its neighbours; the ends stay.

    Raises:
        AddonError: the stroke has no length.
    """
    drawn = np.asarray(stroke, dtype=np.float64).reshape(-1, 3)
    if len(drawn) < 2 or length_of(drawn) == 0.0:
        raise AddonError(f"a stroke through {drawn.tolist()} has no length; draw a longer one")
    path = resampled(drawn, _count(drawn, step))
    for _ in range(rounds):
        path[1:-1] += 0.25 * (path[:-2] - 2.0 * path[1:-1] + path[2:])
    return _laid(surface, path, step)


def _laid(surface: Surface, line: Floats, step: float) -> SurfacePath:
    """A line (V, 3) near the surface as a path on it, vertices about ``step`` apart."""
    places = [surface.nearest(place) for place in resampled(line, _count(line, step))]
    points = np.array([point for point, _ in places])
    return SurfacePath(points, surface.normals[[vertex for _, vertex in places]])


def _count(line: Floats, step: float) -> int:
    """How many vertices about ``step`` apart a line (V, 3) takes."""
    return int(np.clip(np.ceil(length_of(line) / step) + 1, 2, MAX_POINTS))


def length_of(line: Floats) -> float:
    """Length of a polyline (V, 3)."""
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


@dataclass(frozen=True, eq=False)
class Neighbors:
    """Neighbours of vertex i: ``targets[starts[i]:starts[i + 1]]``, at ``lengths`` alike."""

    starts: Integers
    targets: Integers
    lengths: Floats


def _neighbors(surface: Surface) -> Neighbors:
    ends = np.concatenate([surface.edges, surface.edges[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    starts = np.searchsorted(ends[:, 0], np.arange(len(surface.points) + 1))
    lengths = np.linalg.norm(surface.points[ends[:, 0]] - surface.points[ends[:, 1]], axis=1)
    return Neighbors(starts, ends[:, 1], lengths)


def _leg(surface: Surface, start: tuple[Floats, int], end: tuple[Floats, int]) -> Floats:
    """A way (V, 3) over edges between two places, both included."""
    graph = surface.neighbors
    foci = np.stack([start[0], end[0]])
    reach = sum(np.linalg.norm(surface.points - focus, axis=1) for focus in foci)
    near = reach <= DETOUR * np.linalg.norm(foci[1] - foci[0]) + graph.lengths.max()
    way = _shortest(graph, start[1], end[1], near)
    if way is None:
        way = _shortest(graph, start[1], end[1], np.ones_like(near))
    if way is None:
        raise AddonError(
            f"there is no path over the surface from {start[0].tolist()} to {end[0].tolist()}: "
            "they lie on pieces of the mesh that do not touch"
        )
    return np.concatenate([foci[:1], surface.points[way], foci[1:]])


def _shortest(
    graph: Neighbors, start: int, end: int, allowed: NDArray[np.bool_]
) -> list[int] | None:
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
        path = resampled(path, count)
        for _ in range(TAUT_ROUNDS):
            path[1:-1] = surface.onto(0.5 * (path[:-2] + path[2:]))
    return path


def resampled(path: Floats, count: int) -> Floats:
    """``count`` vertices evenly along ``path`` (V, 3), both its ends kept."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0.0, lengths[-1], count)
    return np.stack([np.interp(places, lengths, path[:, axis]) for axis in range(3)], axis=1)
