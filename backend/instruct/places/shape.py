"""What the shape of a part tells, each found when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.walls import ball_diameters, wall_thickness
from backend.geometry.surface import within_triangles
from backend.geometry.thinning import thin
from backend.instruct.places.bands import Pieces
from backend.instruct.places.lines import Lines
from backend.instruct.places.welded import SHARP, WeldedMesh
from backend.sampling.places import Surface, edge_points

# Points over the faces of a mesh, by which boxes are judged.
SAMPLES = 30_000
# Places under which walls are measured, and the points among which their other sides are.
PROBES = 600
WALL_POINTS = 20_000
SEED = 0
# A point is at a line of edges if it is off it by no more than so many spacings of the surface.
AT_LINE = 3.0


@dataclass(frozen=True, eq=False)
class Judged:
    """Points of the surface, and of which feature each is.

    Attributes:
        points: (N, 3) part frame.
        owner: (N,) number of the feature; -1 for none.
        count: of the features.
    """

    points: FloatArray
    owner: IntArray
    count: int


@dataclass(frozen=True, eq=False)
class PartShape:
    """The shape of one part.

    Attributes:
        surface: the part, on which recipes are drawn.
    """

    surface: Surface

    @property
    def cloud(self) -> PointCloud:
        """The points on which recipes are drawn, with outward normals."""
        return self.surface.cloud

    @cached_property
    def mesh(self) -> WeldedMesh | None:
        """The faces of the part; None where there is a scan alone."""
        seen = self.surface.seen
        return None if seen.faces is None or len(seen.faces) == 0 else WeldedMesh.of(seen)

    @cached_property
    def pieces(self) -> Pieces | None:
        """The flat and rounded pieces of the mesh."""
        return None if self.mesh is None else Pieces(self.mesh)

    @cached_property
    def lines(self) -> Lines | None:
        """The lines of sharp edges of the mesh."""
        return None if self.mesh is None else Lines(self.mesh)

    @cached_property
    def _samples(self) -> tuple[FloatArray, IntArray]:
        """Points (P, 3) over the faces, evenly by area, and the face (P,) of each."""
        mesh = self.mesh
        assert mesh is not None
        rng = np.random.default_rng(SEED)
        face = np.sort(rng.choice(len(mesh.areas), size=SAMPLES, p=mesh.areas / mesh.areas.sum()))
        a, b, c = np.moveaxis(mesh.points[mesh.faces[face]], 1, 0)
        u, v = within_triangles(SAMPLES, rng)[..., None]
        return a + u * (b - a) + v * (c - a), face

    def on_faces(self, features: list[IntArray]) -> Judged:
        """Points of the surface, judged by the ``features``, each rows of faces."""
        assert self.mesh is not None
        points, face = self._samples
        owner = np.full(len(self.mesh.faces), -1)
        for number in reversed(range(len(features))):
            owner[features[number]] = number
        return Judged(points, owner[face], len(features))

    @cached_property
    def _edge_points(self) -> FloatArray:
        """The points (P, 3) among which ``edge_random`` draws."""
        rows = edge_points(self.cloud, np.arange(len(self.cloud)), SHARP)[0]
        return self.cloud.points[rows]

    def at_lines(self, lines: list[IntArray]) -> Judged:
        """The points at sharp edges, judged by the ``lines``, each rows of edges."""
        assert self.lines is not None
        step = 0.5 * self.cloud.spacing
        return self.near(*self.lines.spread(lines, step), AT_LINE * self.cloud.spacing)

    def near(self, places: FloatArray, number: IntArray, reach: float) -> Judged:
        """The points at sharp edges, judged by how near they are to ``places`` (P, 3).

        Args:
            places: of the features.
            number: (P,) of the feature of each.
            reach: how far a point may lie off.
        """
        points = self._edge_points
        if len(places) == 0 or len(points) == 0:
            return Judged(points, np.full(len(points), -1), 0)
        away, nearest = PointCloud(places).tree.query(points, distance_upper_bound=reach)
        owner = np.append(number, -1)[np.where(np.isfinite(away), nearest, len(number))]
        return Judged(points, owner, int(number.max()) + 1)

    @cached_property
    def _probed(self) -> tuple[PointCloud, IntArray]:
        """The points of the surface, thinned where they are many, and rows of some of them."""
        cloud = self.cloud
        if len(cloud) > 2 * WALL_POINTS:
            cloud = cloud.cropped(thin(cloud.points, WALL_POINTS))
        rng = np.random.default_rng(SEED)
        count = len(cloud)
        return cloud, np.sort(rng.choice(count, size=min(PROBES, count), replace=False))

    @cached_property
    def probes(self) -> FloatArray:
        """Places (P, 3) under which walls are measured."""
        cloud, rows = self._probed
        return cloud.points[rows]

    @cached_property
    def walls(self) -> FloatArray:
        """Thickness (P,) of the wall under each probe; infinite where no other side is seen."""
        return wall_thickness(*self._probed)

    @cached_property
    def balls(self) -> FloatArray:
        """Diameter (P,) of the largest ball in the material at each probe."""
        return ball_diameters(*self._probed)
