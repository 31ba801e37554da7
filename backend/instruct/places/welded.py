"""A part's mesh as faces that meet at edges: how sharp each edge is, and which faces are flat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.surface import face_normals, require_faces
from backend.geometry.places import places_of

# Turn in radians from which on an edge is sharp; that of ``edge_random`` by default.
SHARP = 0.6
# Turn up to which two faces lie in one plane: meshes that were made coarser are not exact.
LEVEL = 0.02
# Turn of the faces of a plane against its mean normal, at most, as a root of the mean square.
EVEN = 0.04


@dataclass(frozen=True, eq=False)
class WeldedMesh:
    """The faces of a mesh whose coincident vertices are one.

    Attributes:
        points: (N, 3) vertices, part frame.
        faces: (M, 3) vertices of each face.
        normals: (M, 3) unit, outward.
        areas: (M,).
    """

    points: FloatArray
    faces: IntArray
    normals: FloatArray
    areas: FloatArray

    @classmethod
    def of(cls, mesh: PointCloud) -> WeldedMesh:
        """The mesh, whose faces look outward.

        >>> welded = WeldedMesh.of(fs.load_sample("plate_holes"))
        >>> len(welded.faces), len(welded.points)
        (1252, 618)
        """
        mesh = mesh.surface
        place = places_of(mesh.points)
        points = np.empty((int(place.max()) + 1, 3))
        points[place] = mesh.points
        normals, areas = face_normals(mesh)
        return cls(points, place[require_faces(mesh)], normals, areas)

    @cached_property
    def edges(self) -> Edges:
        """The edges at which two faces meet."""
        return Edges.of(self)

    @cached_property
    def middles(self) -> FloatArray:
        """Middle (M, 3) of each face."""
        return np.asarray(self.points[self.faces].mean(axis=1))

    @cached_property
    def facets(self) -> IntArray:
        """Number (M,) of the plane piece that each face is of, from 0."""
        level = self.edges.turn < LEVEL
        facet = self.joined(self.edges.pairs[level])
        count = int(facet.max()) + 1
        mean = np.stack(
            [np.bincount(facet, self.areas * axis, count) for axis in self.normals.T], axis=1
        )
        area = np.bincount(facet, self.areas, count)
        # The length of the mean normal tells how far the normals are spread.
        spread = 1.0 - np.linalg.norm(mean, axis=1) / np.maximum(area, np.finfo(float).tiny)
        bent = spread[facet] > EVEN**2 / 2.0
        alone = np.where(bent, count + np.arange(len(facet)), facet)
        return np.asarray(np.unique(alone, return_inverse=True)[1])

    def joined(self, pairs: IntArray) -> IntArray:
        """Number (M,) of the piece that each face is of, where ``pairs`` (K, 2) of faces join."""
        return pieces(pairs, len(self.faces))


def pieces(pairs: IntArray, count: int) -> IntArray:
    """Number of the piece (count,) of each node of a graph with the edges ``pairs`` (K, 2)."""
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Edges:
    """The E edges of a mesh at which two faces meet.

    Attributes:
        ends: (E, 2) vertices.
        pairs: (E, 2) faces.
        turn: (E,) angle in radians between the normals of both.
        convex: (E,) whether the material is on the inside of the bend.
        lengths: (E,).
        outward: (E, 3) sum of the normals of both faces.
    """

    ends: IntArray
    pairs: IntArray
    turn: FloatArray
    convex: BoolArray
    lengths: FloatArray
    outward: FloatArray

    @classmethod
    def of(cls, mesh: WeldedMesh) -> Edges:
        """The edges of a mesh; one that more than two faces have joins them in a row."""
        faces = mesh.faces
        sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        owner = np.tile(np.arange(len(faces)), 3)
        low, high = sides.min(axis=1), sides.max(axis=1)
        key = low * len(mesh.points) + high
        order = np.argsort(key, kind="stable")
        twin = np.flatnonzero((np.diff(key[order]) == 0) & (low != high)[order[1:]])
        first, second = order[twin], order[twin + 1]
        ends, pairs = sides[first], np.stack([owner[first], owner[second]], axis=1)
        way = mesh.points[ends[:, 1]] - mesh.points[ends[:, 0]]
        one, other = mesh.normals[pairs[:, 0]], mesh.normals[pairs[:, 1]]
        across = np.cross(one, other)
        cosine = np.einsum("ei,ei->e", one, other)
        turn = np.arctan2(np.linalg.norm(across, axis=1), cosine)
        convex = np.einsum("ei,ei->e", across, way) > 0
        return cls(ends, pairs, turn, convex, np.linalg.norm(way, axis=1), one + other)

    @property
    def sharp(self) -> BoolArray:
        """(E,) which of them are sharp."""
        return self.turn > SHARP
