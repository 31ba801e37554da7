"""The nominal model of a part, prepared once: its surface as samples, and points against them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads
from backend.cloud import PointCloud
from backend.cloud.surface import require_surface, surface_points
from backend.geometry.thinning import thin

# Scan points this near to the nominal surface, as a ratio of its diagonal, count as fitting.
FIT_DISTANCE = 0.01
# Points farther from the surface, at unit size, are not looked at.
REACH = 0.25
# Up to this distance, at unit size, the very nearest of all samples is looked for; beyond, of SOME.
EXACT = 0.05
SOME = 3_000
# Edge of the cells in which the early rounds look up the nearest sample.
CELL = 0.02
# Near the surface each is split so often along its edges.
SPLIT = 3
# A point is isolated if the last of this many neighbours is ISOLATED times as far as usual.
ISOLATED_NEIGHBORS = 12
ISOLATED = 2.5
SAMPLES = 20_000
FINE_SAMPLES = 60_000
EVEN_SAMPLES = 60_000
DENSE_SAMPLES = 100_000
# From so many coordinates on, points are compared in several threads.
MANY_NUMBERS = 30_000
# Of the samples: they are the model's, whichever scan comes first.
SEED = 0


class Side(Enum):
    """What is known of the side that each point was seen from."""

    VIEWPOINT = "the directions are to the sensor"
    AXIS = "they are all to the sensor, or all away from it"
    UNKNOWN = "nothing"


@dataclass(frozen=True)
class Scan:
    """Scan points (P, 3) at unit size.

    Attributes:
        outward: (P, 3) unit, to where the surface must face; None where it may face anywhere.
        side: which way that is to be taken.
        said: (P, 3) to where the surface faces as a given viewpoint or a file's normals say, which
            chooses between poses that fit as well; None where nothing says it.
    """

    points: FloatArray
    outward: FloatArray | None
    side: Side
    said: FloatArray | None
    _thinned: dict[int, Scan] = field(default_factory=dict, init=False, repr=False, compare=False)

    def thinned(self, count: int) -> Scan:
        """About ``count`` of the points, spread evenly; for the same count the same ones."""
        if count not in self._thinned:
            self._thinned[count] = self.of(thin(self.points, count))
        return self._thinned[count]

    def of(self, keep: BoolArray) -> Scan:
        """The points where ``keep`` (P,) is true."""
        return Scan(
            self.points[keep],
            None if self.outward is None else self.outward[keep],
            self.side,
            None if self.said is None else self.said[keep],
        )


def isolated(points: FloatArray) -> BoolArray:
    """Which of ``points`` (P, 3) are far from all others: strays, which thinning would favour."""
    count = min(ISOLATED_NEIGHBORS, len(points) - 1)
    distance = cKDTree(points).query(points, k=count + 1, workers=threads())[0][:, -1]
    return np.asarray(distance > ISOLATED * np.median(distance))


@dataclass(frozen=True)
class Matches:
    """Points of several poses against the surface; S poses of P points each, or just P points.

    Attributes:
        points: (S, P, 3).
        normals: (S, P, 3) of the surface where it is nearest.
        height: (S, P) over the surface there, negative inside.
        aside: (S, P) how far beside the surface, such as beyond its edge.
    """

    points: FloatArray
    normals: FloatArray
    height: FloatArray
    aside: FloatArray

    def distance(self, offset: FloatArray | float = 0.0) -> FloatArray:
        """Distance (S, P) to the surface moved outward by ``offset``."""
        return np.hypot(self.height - offset, self.aside)


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
    """Samples of the nominal surface: each stands for a disc of ``radius`` around it."""

    points: FloatArray
    normals: FloatArray
    tree: cKDTree
    radius: float

    @classmethod
    def of(cls, mesh: PointCloud, count: int) -> SurfaceSamples:
        """About ``count`` samples of ``mesh``, always the same."""
        cloud = surface_points(mesh, count, np.random.default_rng(SEED))
        assert cloud.normals is not None  # a subsampled surface has them
        return cls(cloud.points, cloud.normals, cloud.tree, cloud.spacing)

    def subset(self, keep: BoolArray) -> SurfaceSamples:
        """The samples where ``keep`` (N,) is true."""
        return SurfaceSamples(
            self.points[keep], self.normals[keep], cKDTree(self.points[keep]), self.radius
        )

    def match(self, points: FloatArray) -> Matches:
        """``points`` (..., 3) against the nearest discs; beyond ``REACH`` all are beside it."""
        return self.against(points, self.nearest(points))

    def nearest(self, points: FloatArray) -> IntArray:
        """Row (...) of the sample that is nearest to each of ``points`` (..., 3), or -1.

        Beyond ``EXACT`` it is the nearest of some of the samples: of all, that takes far longer.
        """
        return self.nearest_within(points)[1]

    def nearest_within(self, points: FloatArray) -> tuple[FloatArray, IntArray]:
        """As ``nearest``, after the distance (...) to that sample; beyond ``REACH`` it is inf."""
        # Of few points, threads would cost more than they save.
        workers = threads() if points.size >= MANY_NUMBERS else 1
        distance, nearest = self.tree.query(points, distance_upper_bound=EXACT, workers=workers)
        far = ~np.isfinite(distance)
        if far.any():
            distance[far], rows = self._some.query(
                points[far], distance_upper_bound=REACH, workers=workers
            )
            nearest[far] = np.where(np.isfinite(distance[far]), rows * self._step, -1)
        return distance, nearest

    @property
    def _step(self) -> int:
        return max(1, len(self.points) // SOME)

    @cached_property
    def _some(self) -> cKDTree:
        return cKDTree(self.points[:: self._step])

    def against(self, points: FloatArray, nearest: IntArray, error: float = 0.0) -> Matches:
        """``points`` (..., 3) against the discs of the samples in rows ``nearest`` (...).

        Args:
            points: (..., 3).
            nearest: (...) rows, -1 beyond ``REACH``.
            error: how much farther than the nearest such a sample may be.
        """
        normals = self.normals[nearest]
        apart = points - self.points[nearest]
        height = np.einsum("...i,...i->...", apart, normals)
        across = np.einsum("...i,...i->...", apart, apart) - height**2
        aside = np.sqrt(across.clip(0.0)) - (self.radius + error)
        near = nearest >= 0
        return Matches(
            points, normals, np.where(near, height, 0.0), np.where(near, aside.clip(0.0), REACH)
        )

    @cached_property
    def columns(self) -> tuple[FloatArray, FloatArray]:
        """The samples' places and their normals, one coordinate after another: (3, N) each."""
        return np.ascontiguousarray(self.points.T), np.ascontiguousarray(self.normals.T)

    @cached_property
    def cells(self) -> _Cells:
        """Which sample is nearest, looked up instead of searched for."""
        return _Cells.of(self.points, self.tree)


@dataclass(frozen=True, eq=False)
class _Cells:
    """The row of the nearest sample for each small cube of a grid.

    Attributes:
        low: (3,) corner of the grid.
        rows: (X, Y, Z) of the middle of a small cube, or far from the surface of the large one of
            SPLIT small ones along each edge; -1 beyond ``REACH``, and in the outermost layer.
    """

    low: FloatArray
    rows: NDArray[np.int32]

    @classmethod
    def of(cls, points: FloatArray, tree: cKDTree) -> _Cells:
        """Look the nearest of ``points`` (N, 3) up for all cubes."""
        low = points.min(axis=0) - REACH
        shape = np.ceil((points.max(axis=0) + REACH - low) / CELL).astype(int)
        corners = low + CELL * np.moveaxis(np.indices(shape), 0, -1)
        distance, large = tree.query(
            corners + CELL / 2.0, distance_upper_bound=REACH, workers=threads()
        )
        near = distance <= 2.0 * CELL
        parts = (np.moveaxis(np.indices([SPLIT] * 3), 0, -1) + 0.5) * CELL / SPLIT
        _, small = tree.query(corners[near][:, None, None, None] + parts, workers=threads())
        large = np.where(np.isfinite(distance), large, -1).astype(np.int32)
        rows = np.broadcast_to(large[..., None, None, None], (*shape, SPLIT, SPLIT, SPLIT)).copy()
        rows[near] = small
        rows = rows.transpose(0, 3, 1, 4, 2, 5).reshape(SPLIT * shape)
        return cls(low - CELL / SPLIT, np.pad(rows, 1, constant_values=-1))

    def nearest(self, points: FloatArray) -> IntArray:
        """Rows (...) for ``points`` (3, ...)."""
        row = np.zeros(points.shape[1:], dtype=np.int64)
        for axis, count in enumerate(self.rows.shape):
            place = (points[axis] - self.low[axis]) * (SPLIT / CELL)
            row *= count
            row += place.clip(0.0, count - 1.0).astype(np.int64)
        return self.rows.ravel().take(row).astype(np.int64)


class NominalModel:
    """A nominal model as all that is done with scans needs it; each sample is drawn but once.

    Attributes:
        mesh: the surface of the nominal model, in the part frame and unit: a mesh, or points with
            outward normals, such as those of a scan or a fused model.
        center: (3,) the mean of its points.
        unit_mesh: the same about ``center`` at unit size.
    """

    def __init__(self, nominal: PointCloud) -> None:
        nominal = nominal.surface
        self.mesh = nominal
        self.center: FloatArray = nominal.points.mean(axis=0)
        places = (nominal.points - self.center) / nominal.diagonal
        self.unit_mesh = nominal.moved(places, nominal.normals)

    def distance(self, points: FloatArray) -> FloatArray:
        """Distance (N,) of ``points`` (N, 3) to the surface, in the part frame and unit.

        It is told up to a quarter of the model's diagonal: beyond, it is at least that.
        """
        size = self.mesh.diagonal
        return np.asarray(size * self.surface.match((points - self.center) / size).distance())

    @cached_property
    def surface(self) -> SurfaceSamples:
        """Samples at unit size."""
        return SurfaceSamples.of(self.unit_mesh, SAMPLES)

    @cached_property
    def fine(self) -> SurfaceSamples:
        """More samples: among fewer, a narrow band of a part finds places to rest tilted."""
        return SurfaceSamples.of(self.unit_mesh, FINE_SAMPLES)

    @cached_property
    def even_samples(self) -> PointCloud:
        """Evenly spread samples with outward normals, in the part frame and unit."""
        return surface_points(self.mesh, EVEN_SAMPLES, np.random.default_rng(SEED))

    @cached_property
    def dense_samples(self) -> PointCloud:
        """Samples with outward normals that are dense enough to tell the outside of a thin wall."""
        rng = np.random.default_rng(SEED)
        return surface_points(self.mesh, DENSE_SAMPLES, rng, even=False)


@lru_cache(maxsize=2)
def nominal_model(nominal: PointCloud, unit: str | None = None) -> NominalModel:
    """The nominal model of a mesh, the same one as long as the same mesh is asked for.

    Args:
        nominal: the mesh, or the points of a fused model; where it states no unit, it is in
            ``unit``.
        unit: the unit of the part frame; None for that of the mesh.

    Raises:
        CloudError: it is neither; a scan is no nominal model.
    """
    require_surface(nominal)
    return NominalModel(nominal if unit is None else nominal.in_unit(unit))
