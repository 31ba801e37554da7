"""The arrays that flow through the backend: nominal clouds, one defect's effect, labelled clouds.

All lengths are in the cloud's own unit, all arrays of one object share N and its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.errors import CloudError
from backend.geometry.main_box import main_box
from backend.geometry.mend_mesh import MendedMesh, mend_mesh
from backend.geometry.near import nearest_point
from backend.geometry.neighbors import length_graph, mesh_edges, scan_edges
from backend.geometry.strays import Surroundings
from backend.geometry.transform import rotation_of, transform_points
from backend.wording import were
from shared_schema.recipe import MM_PER_UNIT, Unit

AREA_NEIGHBORS = 8
# Clouds with more points than INDEXED are searched without an index for up to FEW_PLACES places.
INDEXED = 200_000
FEW_PLACES = 16


def check_points(points: ArrayLike, name: str = "points") -> FloatArray:
    """Coerce to a finite, non-empty (N, 3) float64 array.

    Raises:
        CloudError: naming the shape, or the first row that is not finite.
    """
    array = np.ascontiguousarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3 or len(array) == 0:
        raise CloudError(f"{name} must be a non-empty (N, 3) array; got shape {array.shape}")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise CloudError(f"{name}[{row}] is {array[row].tolist()}; every coordinate must be finite")
    return array


@dataclass(frozen=True, eq=False)
class PointCloud:
    """A scan or the vertices of a mesh.

    Attributes:
        points: (N, 3) float64.
        normals: (N, 3) float64, unit, outward; or None if unknown.
        faces: (M, 3) int64 vertex indices of a triangle mesh; or None for a scan.
        fields: further per-point arrays (N, ...) of the file.
        unit: the length unit if known: a value of ``Unit``.
        adjacency_of: the cloud of which this is a moved copy; a deformed surface keeps its
            adjacency.
        rows: (N,) int64, ascending: the row in its file of each point. None: all rows, in order.
        row_count: number of rows in the file, if ``rows`` is given and the number is known.
        notices: whole sentences for the user about the cloud, for example that its file holds
            points that are no measurement.
        known_edges, known_areas: values of ``edges`` and ``areas``, if they are known already.
        sound: whether the cloud is known to be its own ``surface``.

    >>> fs.PointCloud.of([[0, 0, 0], [3, 0, 0], [0, 4, 0]], faces=[[0, 1, 2]], unit="mm")
    <PointCloud: 3 points and 1 faces, 5 mm across>
    """

    points: FloatArray
    normals: FloatArray | None = None
    faces: IntArray | None = None
    fields: Mapping[str, NDArray] = field(default_factory=dict)
    unit: str | None = None
    adjacency_of: PointCloud | None = None
    rows: IntArray | None = None
    row_count: int | None = None
    notices: tuple[str, ...] = ()
    known_edges: IntArray | None = None
    known_areas: FloatArray | None = None
    sound: bool = False

    @classmethod
    def of(
        cls,
        points: ArrayLike,
        normals: ArrayLike | None = None,
        faces: ArrayLike | None = None,
        fields: Mapping[str, NDArray] | None = None,
        unit: str | None = None,
    ) -> PointCloud:
        """Check foreign arrays once and wrap them.

        Raises:
            CloudError: on a wrong shape, a value that is not finite, or a face out of range.
        """
        checked = check_points(points)
        if normals is not None:
            normals = check_points(normals, "normals")
            if normals.shape != checked.shape:
                raise CloudError(
                    f"normals have shape {normals.shape}, but points have {checked.shape}"
                )
        if faces is not None:
            faces = np.ascontiguousarray(faces, dtype=np.int64)
            if faces.ndim != 2 or faces.shape[1] != 3:
                raise CloudError(f"faces must be an (M, 3) array; got shape {faces.shape}")
            if faces.size and (faces.min() < 0 or faces.max() >= len(checked)):
                raise CloudError(
                    f"faces name vertex {faces.max()}, but there are {len(checked)} points"
                )
        for name, values in (fields or {}).items():
            if len(values) != len(checked):
                raise CloudError(
                    f"field {name!r} has {len(values)} rows, but there are {len(checked)} points"
                )
        return cls(checked, normals, faces, dict(fields or {}), unit)

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        normals = " with normals" if self.normals is not None else ""
        faces = "" if self.faces is None else f" and {len(self.faces):,} faces"
        unit = "" if self.unit is None else f" {self.unit}"
        size = f"{self.diagonal:.4g}{unit} across"
        return f"<PointCloud: {len(self):,} points{normals}{faces}, {size}>"

    @property
    def file_rows(self) -> IntArray:
        """(N,) the row in the file of each point; the point's own number where ``rows`` is None."""
        return np.arange(len(self)) if self.rows is None else self.rows

    def positions_of(self, rows: IntArray) -> IntArray:
        """Which points came from ``rows`` (K,) of the file, (K,); -1 where none did."""
        own = self.file_rows
        at = np.minimum(np.searchsorted(own, rows), len(own) - 1)
        return np.where(own[at] == rows, at, -1)

    @cached_property
    def tree(self) -> cKDTree:
        """Spatial index of the points, built on first use."""
        return cKDTree(self.points)

    def nearest(self, places: FloatArray) -> IntArray:
        """The row (P,) of the point nearest to each of ``places`` (P, 3), by the index or without.

        For a few places of a large cloud an index takes longer to build than a look at all points.
        """
        if len(self) > INDEXED and len(places) <= FEW_PLACES:
            return np.array([nearest_point(self.points, place) for place in places])
        return np.asarray(self.tree.query(places)[1])

    @cached_property
    def edges(self) -> IntArray:
        """(E, 2) edges of a mesh, or to the nearest neighbours of a scan along its surface."""
        if self.known_edges is not None:
            return self.known_edges
        if self.adjacency_of is not None:
            return self.adjacency_of.edges
        if self.faces is not None:
            return mesh_edges(self.faces)
        return scan_edges(self.points, self.tree, self.normals)

    @cached_property
    def graph(self) -> csr_matrix:
        """Symmetric sparse matrix (N, N) of the lengths of the edges."""
        return length_graph(self.points, self.edges)

    @cached_property
    def mended(self) -> MendedMesh:
        """The faces of a mesh as ``mend_mesh`` turns them, of the same vertices."""
        assert self.faces is not None  # a mesh has them
        return mend_mesh(self.points, self.faces)

    @cached_property
    def surface(self) -> PointCloud:
        """What a mesh stands for as a part or nominal model; a scan, or a sound mesh, is its own.

        Its faces are mended and look outward, and vertices that none of them has are left out, as
        they would enlarge the part. ``notices`` tell of both.
        """
        if self.sound or self.faces is None or len(self.faces) == 0:
            return self
        faces, notices = self.mended.faces, list(self.mended.notices)
        used = np.zeros(len(self), dtype=bool)
        used[faces] = True
        if faces is self.faces and used.all() and not notices:
            return self
        if not used.all():
            loose = were(int((~used).sum()), len(self), "vertices")
            notices.insert(0, f"{loose} left out: no face has them.")
        surface = replace(
            self,
            faces=faces,
            notices=(*self.notices, *notices),
            adjacency_of=None,
            known_edges=None,
        )
        return replace(surface if used.all() else surface.cropped(used), sound=True)

    @cached_property
    def box(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest corner (3,) of the part; far stray points of a scan do not count."""
        if self.faces is None or len(self.faces) == 0:
            return main_box(self.points)
        return self.points.min(axis=0), self.points.max(axis=0)

    @property
    def part_diagonal(self) -> float:
        """Length of the diagonal of ``box``, to which ratios of the part's size refer."""
        low, high = self.box
        return float(np.linalg.norm(high - low))

    @cached_property
    def diagonal(self) -> float:
        """Length of the bounding box's diagonal."""
        return float(np.linalg.norm(np.ptp(self.points, axis=0)))

    @cached_property
    def spacing(self) -> float:
        """Median distance to the nearest other point, from at most 2,000 evenly chosen points."""
        if len(self) < 2:
            return 0.0
        step = max(1, len(self) // 2000)
        distances, _ = self.tree.query(self.points[::step], k=2)
        return float(np.median(distances[:, 1]))

    @cached_property
    def surroundings(self) -> Surroundings:
        """The nearest other points of each point, and how far they are."""
        return Surroundings.of(self.points, self.tree)

    @cached_property
    def areas(self) -> FloatArray:
        """(N,) how much of the surface each point stands for, from the density about it.

        The square of the distance to the eighth nearest other point: in proportion, not in units.
        """
        if self.known_areas is not None:
            return self.known_areas
        count = min(AREA_NEIGHBORS + 1, len(self))
        distances, _ = self.tree.query(self.points, k=count)
        reach: FloatArray = np.asarray(distances).reshape(len(self), count)[:, -1]
        return reach**2

    def with_normals(self, normals: FloatArray) -> PointCloud:
        """The same cloud with other normals, (N, 3) unit.

        The adjacency of a scan is made anew by them, except where it is that of a nominal cloud
        whose normals were known.
        """
        if self.faces is None and (self.normals is None or self.adjacency_of is None):
            return replace(self, normals=normals, adjacency_of=None, known_edges=None)
        return self.moved(self.points, normals)

    def moved(self, points: FloatArray, normals: FloatArray | None) -> PointCloud:
        """The same surface elsewhere: other ``points`` and ``normals``, the adjacency kept."""
        # The first of a row of moves, so that nothing in between stays in memory.
        first = self if self.adjacency_of is None else self.adjacency_of
        return replace(self, points=points, normals=normals, adjacency_of=first, known_areas=None)

    def with_adjacency(self, edges: IntArray, areas: FloatArray | None = None) -> PointCloud:
        """The same cloud with its ``edges`` (E, 2), and its ``areas`` (N,), where they are known.

        Finding them takes longer than many a defect.
        """
        return replace(self, known_edges=edges, known_areas=areas)

    def transformed(self, transform: FloatArray) -> PointCloud:
        """The cloud and its normals seen through ``transform`` (4, 4; see geometry.transform)."""
        normals = None if self.normals is None else self.normals @ rotation_of(transform).T
        return self.moved(transform_points(transform, self.points), normals)

    def in_unit(self, unit: str) -> PointCloud:
        """The same cloud with its lengths in ``unit``; one of unknown unit is taken to be in it."""
        if self.unit == unit:
            return self
        if self.unit is None:
            return replace(self, unit=unit)
        scale = MM_PER_UNIT[Unit(self.unit)] / MM_PER_UNIT[Unit(unit)]
        return replace(self.moved(scale * self.points, self.normals), unit=unit)

    def cropped(self, keep: BoolArray) -> PointCloud:
        """The points where ``keep`` (N,) is true, in order, as a cloud with its own adjacency.

        Of the faces, those stay whose corners all do.
        """
        faces = None
        if self.faces is not None:
            faces = (np.cumsum(keep) - 1)[self.faces[keep[self.faces].all(axis=1)]]
        return PointCloud(
            self.points[keep],
            None if self.normals is None else self.normals[keep],
            faces,
            {name: values[keep] for name, values in self.fields.items()},
            self.unit,
            rows=self.file_rows[keep],
            row_count=len(self) if self.rows is None else self.row_count,
            notices=self.notices,
        )

    def subset(self, keep: BoolArray) -> PointCloud:
        """As ``cropped``, but the adjacency is the induced graph."""
        renumber = np.cumsum(keep) - 1
        # An edge survives with both its ends, even where its faces do not: as when Blender
        # deletes points.
        return self.cropped(keep).with_adjacency(renumber[self.edges[keep[self.edges].all(axis=1)]])


@dataclass(frozen=True, eq=False)
class DefectEffect:
    """What one defect does to a cloud of N points; ``replay`` alone applies it.

    Attributes:
        displacement: (N, 3) float64, part frame; exactly zero where nothing moves.
        weight: (N,) float64 in [0, 1]; 1 at the primitive, 0 outside the support.
        removed: (N,) bool, points that the defect takes away.
        normals: (N, 3) the turned carried normals, or None where the defect turns none.
        exact: whether ``normals`` are those of the deformed surface: none need to be estimated.
    """

    displacement: FloatArray
    weight: FloatArray
    removed: BoolArray
    normals: FloatArray | None = None
    exact: bool = False

    @classmethod
    def none(cls, count: int) -> DefectEffect:
        """The effect that changes nothing on ``count`` points."""
        return cls(np.zeros((count, 3)), np.zeros(count), np.zeros(count, dtype=bool))


@dataclass(frozen=True, eq=False)
class LabeledCloud:
    """A cloud with its point-wise ground truth, all arrays in one order of N points.

    Attributes:
        points: (N, 3) float64 in the frame and unit of the input.
        normals: (N, 3) or None.
        mask: (N,) bool, anomalous points.
        labels: (N,) int32; 0 nominal, else the label of the last defect that marked the point.
        weight: (N,) float64, the largest weight any defect gave.
        source_index: (N,) int64, the row in the input's file that each point came from; the number
            of the input's point where its ``rows`` is None.
        fields: further per-point arrays carried along from the input.
        notices: of the input; see ``PointCloud``.

    >>> cloud = fs.PointCloud.of([[0, 0, 0], [3, 0, 0], [0, 4, 0]])
    >>> fs.LabeledCloud.nominal(cloud)
    <LabeledCloud: 3 points, 0 of them anomalous>
    """

    points: FloatArray
    normals: FloatArray | None
    mask: BoolArray
    labels: NDArray[np.int32]
    weight: FloatArray
    source_index: IntArray
    fields: Mapping[str, NDArray] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @classmethod
    def nominal(cls, cloud: PointCloud) -> LabeledCloud:
        """``cloud`` with no point anomalous."""
        count = len(cloud)
        return cls(
            cloud.points,
            cloud.normals,
            np.zeros(count, dtype=bool),
            np.zeros(count, dtype=np.int32),
            np.zeros(count),
            cloud.file_rows,
            cloud.fields,
            cloud.notices,
        )

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<LabeledCloud: {len(self):,} points, {int(self.mask.sum()):,} of them anomalous>"

    def take(self, rows: IntArray | BoolArray) -> LabeledCloud:
        """The points at ``rows`` (indices, or a mask over the points), every array alike."""
        return LabeledCloud(
            self.points[rows],
            None if self.normals is None else self.normals[rows],
            self.mask[rows],
            self.labels[rows],
            self.weight[rows],
            self.source_index[rows],
            {name: values[rows] for name, values in self.fields.items()},
            self.notices,
        )
