"""The pieces of a part's surface: flat faces, and rounded bands such as bores and fillets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.instruct.places.circle import Circle, fit_circle
from backend.instruct.places.welded import LEVEL, SHARP, WeldedMesh, pieces

# Facets are of one rounded band where their curvatures differ by less than this factor.
ALIKE = 3.0
# Fewer facets than this are no band.
FEWEST_FACETS = 3
# Share of the part's surface from which on a plane piece counts as a face.
FACE_SHARE = 0.002
# Normals of a cylinder are across its axis: share of their squares along it, at most.
ALONG_AXIS = 0.01
# Vertices of a cylinder lie off it by no more than this share of its radius.
OFF_CIRCLE = 0.06


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of the surface.

    Attributes:
        faces: (K,) rows of the mesh's faces.
        area: of all of them.
        normal: (3,) mean normal, of length 1 where the piece is flat.
    """

    faces: IntArray
    area: float
    normal: FloatArray


@dataclass(frozen=True, eq=False)
class Band(Piece):
    """A rounded piece.

    Attributes:
        curvature: mean, in 1/length; positive where the surface bulges outward.
        circle: of the cylinder that the piece is of; None where it is of none.
        smooth: share of its border at which it goes over into its neighbours.
        concave: share of its border at which its neighbours rise from it.
    """

    curvature: float
    circle: Circle | None
    smooth: float
    concave: float


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces of a mesh, each found when it is first asked for."""

    mesh: WeldedMesh

    @cached_property
    def flats(self) -> list[Piece]:
        """The plane faces, the largest first; facets of rounded bands are none."""
        facet, area = self.mesh.facets, self._facet_areas
        in_band = np.zeros(len(area), dtype=bool)
        in_band[[n for n, band in enumerate(self._band_of_facet) if band >= 0]] = True
        large = np.flatnonzero((area >= FACE_SHARE * area.sum()) & ~in_band)
        order = np.argsort(facet, kind="stable")
        start = np.searchsorted(facet[order], np.arange(len(area) + 1))
        found = [self._piece(np.sort(order[start[n] : start[n + 1]])) for n in large]
        return sorted(found, key=lambda piece: -piece.area)

    @cached_property
    def bands(self) -> list[Band]:
        """The rounded bands, the largest first."""
        number = self._band_of_facet[self.mesh.facets]
        order = np.argsort(number, kind="stable")
        start = np.searchsorted(number[order], np.arange(int(number.max(initial=-1)) + 2))
        found = [self._band(np.sort(order[a:b])) for a, b in pairwise(start)]
        return sorted(found, key=lambda band: -band.area)

    @cached_property
    def _facet_areas(self) -> FloatArray:
        return np.asarray(np.bincount(self.mesh.facets, self.mesh.areas), dtype=np.float64)

    @cached_property
    def _facet_curvatures(self) -> FloatArray:
        """Mean curvature of each facet: how much it turns at its smooth edges, over its area."""
        edges, facet = self.mesh.edges, self.mesh.facets
        near = facet[edges.pairs]
        smooth = (edges.turn < SHARP) & (near[:, 0] != near[:, 1])
        bend = np.where(edges.convex, 1.0, -1.0) * edges.turn * edges.lengths / 2.0
        total = sum(
            np.bincount(near[smooth, side], bend[smooth], len(self._facet_areas)) for side in (0, 1)
        )
        return np.asarray(total / np.maximum(self._facet_areas, np.finfo(float).tiny))

    @cached_property
    def _band_of_facet(self) -> IntArray:
        """Number of the band of each facet, from 0; -1 for a facet that is of none."""
        edges, bent = self.mesh.edges, self._facet_curvatures
        near = self.mesh.facets[edges.pairs]
        near = near[(edges.turn < SHARP) & (near[:, 0] != near[:, 1])]
        one, other = bent[near[:, 0]], bent[near[:, 1]]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = one / other
        alike = (ratio > 1.0 / ALIKE) & (ratio < ALIKE)
        group = pieces(near[alike], len(bent))
        size = np.bincount(group)
        kept = np.flatnonzero(size >= FEWEST_FACETS)
        number = np.full(len(size), -1)
        number[kept] = np.arange(len(kept))
        return np.asarray(number[group])

    def _piece(self, faces: IntArray) -> Piece:
        areas = self.mesh.areas[faces]
        total = float(areas.sum())
        return Piece(faces, total, areas @ self.mesh.normals[faces] / max(total, 1e-300))

    def _band(self, faces: IntArray) -> Band:
        piece, edges = self._piece(faces), self.mesh.edges
        inside = np.zeros(len(self.mesh.faces), dtype=bool)
        inside[faces] = True
        border = self.border(inside)
        length = max(float(edges.lengths[border].sum()), 1e-300)
        smooth = float(edges.lengths[border & ~edges.sharp].sum()) / length
        rising = border & ~edges.convex & (edges.turn > LEVEL)
        facet = self.mesh.facets[faces]
        bend = self._facet_curvatures[facet] * self.mesh.areas[faces]
        return Band(
            faces,
            piece.area,
            piece.normal,
            float(bend.sum() / max(piece.area, 1e-300)),
            self._circle(faces),
            smooth,
            float(edges.lengths[rising].sum()) / length,
        )

    def border(self, inside: BoolArray) -> BoolArray:
        """Which edges (E,) are between the faces ``inside`` (M,) and others."""
        pair = inside[self.mesh.edges.pairs]
        return np.asarray(pair[:, 0] != pair[:, 1])

    def _circle(self, faces: IntArray) -> Circle | None:
        """The circle of the cylinder on which ``faces`` lie; None if they lie on none."""
        normals, areas = self.mesh.normals[faces], self.mesh.areas[faces]
        squares = (normals * areas[:, None]).T @ normals
        sizes, axes = np.linalg.eigh(squares)
        if sizes[0] > ALONG_AXIS * sizes.sum():
            return None
        vertices = self.mesh.points[np.unique(self.mesh.faces[faces])]
        circle = fit_circle(vertices, axes[:, 0])
        return circle if circle.off <= OFF_CIRCLE * circle.radius else None
