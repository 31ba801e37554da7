"""What a template is checked against: the part's surface, and the scans to draw it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.walls import wall_thickness
from backend.geometry.local_triangles import local_triangles
from backend.geometry.normals import NEIGHBORS
from backend.sampling.places import Surface
from shared_schema.defects import DefectTemplate
from shared_schema.locations import EdgeRandomLocation, SurfaceRandomLocation
from shared_schema.recipe import RecipeTemplate

# Places at which walls and curvature are measured.
PROBES = 400
PROBE_SEED = 0
# Standard deviation of a normal distribution over its median absolute deviation.
NORMAL_PER_MAD = 1.4826


@dataclass(frozen=True)
class ScanFacts:
    """What one scan can show.

    Attributes:
        name: of its file.
        spacing: median distance of neighbouring points, in the part's unit.
        noise: standard deviation of the points about their local planes, in the part's unit.
        points: how many there are.
    """

    name: str
    spacing: float
    noise: float
    points: int

    @classmethod
    def of(cls, name: str, cloud: PointCloud) -> ScanFacts:
        """Measure a scan that is in the part's unit."""
        return cls(name, cloud.spacing, local_noise(cloud), len(cloud))


def local_noise(cloud: PointCloud) -> float:
    """Standard deviation of a cloud's points about the planes of their neighbours."""
    rng = np.random.default_rng(PROBE_SEED)
    count = len(cloud)
    rows = rng.choice(count, size=min(PROBES, count), replace=False)
    _, near = cloud.tree.query(cloud.points[rows], k=min(NEIGHBORS, count))
    around = cloud.points[near.reshape(len(rows), -1)]
    around = around - around.mean(axis=1, keepdims=True)
    if around.shape[1] <= 3:
        return 0.0
    smallest = np.linalg.svd(around, compute_uv=False)[:, -1]
    # Three degrees of freedom go to the plane.
    return float(np.median(smallest) / np.sqrt(around.shape[1] - 3))


@dataclass(frozen=True, eq=False)
class Target:
    """The part and its scans.

    Attributes:
        surface: the part in the part frame, with outward normals, and rendered views if there are.
        scans: what the scans can show; may be empty.
    """

    surface: Surface
    scans: tuple[ScanFacts, ...] = ()

    @property
    def cloud(self) -> PointCloud:
        """The part's surface."""
        return self.surface.cloud

    @cached_property
    def coarsest(self) -> ScanFacts | None:
        """The scan with the widest spacing; None without scans."""
        return max(self.scans, key=lambda scan: scan.spacing, default=None)

    @cached_property
    def noisiest(self) -> float:
        """The noise of the noisiest scan; 0 without scans."""
        return max((scan.noise for scan in self.scans), default=0.0)

    @cached_property
    def triangles(self) -> IntArray:
        """Triangles (M, 3) of neighbouring points of the surface."""
        none = np.empty(0, dtype=np.int64)
        return local_triangles(self.cloud.points, self.cloud.normals, self.cloud.edges, none)

    @cached_property
    def probes(self) -> IntArray:
        """Rows (P,) of the places at which walls and curvature are measured."""
        rng = np.random.default_rng(PROBE_SEED)
        count = len(self.cloud)
        return np.sort(rng.choice(count, size=min(PROBES, count), replace=False))

    @cached_property
    def walls(self) -> FloatArray:
        """Thickness (P,) of the wall under each probe; infinite where no other side is seen."""
        return wall_thickness(self.cloud, self.probes)

    @cached_property
    def curvature_radii(self) -> FloatArray:
        """Smallest radius of curvature (P,) at each probe; infinite on planes."""
        points, normals = self.cloud.points, self._normals
        count = min(NEIGHBORS, len(points))
        _, near = self.cloud.tree.query(points[self.probes], k=count)
        near = near.reshape(len(self.probes), count)[:, 1:]
        apart = np.linalg.norm(points[near] - points[self.probes][:, None], axis=2)
        turned = np.linalg.norm(normals[near] - normals[self.probes][:, None], axis=2)
        bend = np.median(turned / np.maximum(apart, np.finfo(float).tiny), axis=1)
        return 1.0 / np.maximum(bend, 1e-12)

    @property
    def _normals(self) -> FloatArray:
        assert self.cloud.normals is not None  # surfaces have outward normals
        return self.cloud.normals

    def probes_at(self, defect: DefectTemplate, template: RecipeTemplate) -> FloatArray:
        """Which probes (P,) bool lie where the defect may be drawn; all, for given places."""
        places = self.cloud.points[self.probes]
        location = defect.location
        if not isinstance(location, SurfaceRandomLocation | EdgeRandomLocation):
            return np.ones(len(places), dtype=bool)
        if location.region is None:
            return np.ones(len(places), dtype=bool)
        region, scale = template.regions[location.region], self.surface.scale_of(template)
        low, high = np.array(region.min) * scale, np.array(region.max) * scale
        inside = ((places >= low) & (places <= high)).all(axis=1)
        return inside if inside.any() else np.ones(len(places), dtype=bool)


def scan_facts(scans: Sequence[tuple[str, PointCloud]]) -> tuple[ScanFacts, ...]:
    """What each of some named scans can show."""
    return tuple(ScanFacts.of(name, cloud) for name, cloud in scans)
