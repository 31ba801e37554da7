"""Spatial-distribution normalisation: one scale per category, one voxel size for all.

The scale is the category's, never the sample's: normalising every sample by its own size would
hide the defects that change the size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import CloudError, TrainingError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BISECTION_STEPS = 24
CLOUDS_PER_CATEGORY = 4
SPACINGS_PER_VOXEL = 2.0
LARGEST_SIZE_RATIO = 8.0


def voxel_thin(points: FloatArray, voxel: float, offset: float = 0.0) -> IntArray:
    """Rows (M,), ascending: in each occupied voxel the point nearest to the voxel's mean.

    Args:
        points: (N, 3).
        voxel: edge length in the unit of ``points``, > 0.
        offset: how far the grid begins before the lowest point, in voxels.
    """
    cell = _cells(points, voxel, offset)
    count = np.bincount(cell)
    mean = np.stack([np.bincount(cell, axis) for axis in points.T], axis=1) / count[:, None]
    distance = np.linalg.norm(points - mean[cell], axis=1)
    order = np.lexsort((distance, cell))
    first = np.concatenate([[True], np.diff(cell[order]) > 0])
    return np.sort(order[first])


def _cells(points: FloatArray, voxel: float, offset: float = 0.0) -> IntArray:
    """Dense number (N,) of the voxel each point lies in."""
    grid = np.floor((points - points.min(axis=0)) / voxel + offset).astype(np.int64)
    shape = grid.max(axis=0) + 1
    keys = (grid[:, 0] * shape[1] + grid[:, 1]) * shape[2] + grid[:, 2]
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class Normalization:
    """How clouds of each category are brought to one size and one density.

    Attributes:
        scales: per category, half the median diagonal of its nominal training clouds, in the
            clouds' unit; this length becomes 1, so that a nominal part fills the unit ball.
        extents: per category, its training clouds' sorted principal extents (n, 3), to
            recognise the category of a cloud that comes without one.
        voxel: edge length of the thinning grid, in units of the scale.
        by_category: whether clouds are scaled by their category's scale, else each by its own.
    """

    scales: Mapping[str, float]
    extents: Mapping[str, tuple[tuple[float, ...], ...]]
    voxel: float
    by_category: bool = True

    @classmethod
    def fit(
        cls,
        nominal: Mapping[str, Sequence[PointCloud]],
        target_points: int,
        *,
        by_category: bool = True,
    ) -> Normalization:
        """Learn from nominal clouds; the median cloud keeps about ``target_points``.

        A cloud that is sparser than the grid stays as it is.

        Raises:
            TrainingError: no category, or a category without clouds or without extent.
        """
        if not nominal or not all(nominal.values()):
            raise TrainingError("every category needs at least one nominal cloud")
        scales = {
            name: float(np.median([cloud.diagonal for cloud in clouds])) / 2.0
            for name, clouds in nominal.items()
        }
        for name, scale in scales.items():
            if not scale > 0.0:
                raise TrainingError(f"the nominal clouds of category {name!r} have no extent")
        extents = {
            name: tuple(tuple(principal_extents(cloud.points).tolist()) for cloud in clouds)
            for name, clouds in nominal.items()
        }
        unit = [
            cloud.points / scales[name]
            for name, clouds in nominal.items()
            for cloud in clouds[:CLOUDS_PER_CATEGORY]
        ]
        spacing = np.median(
            [c.spacing / scales[name] for name, clouds in nominal.items() for c in clouds]
        )
        voxel = max(_voxel_for(unit, target_points), SPACINGS_PER_VOXEL * float(spacing))
        return cls(scales, extents, voxel, by_category)

    def apply(self, points: FloatArray, category: str) -> tuple[FloatArray, FloatArray]:
        """Points (N, 3) in units of the scale about their box centre; and that centre.

        Raises:
            CloudError: the category is unknown.
        """
        center = (points.min(axis=0) + points.max(axis=0)) / 2.0
        scale = self.scale(category)
        if not self.by_category:
            own = float(np.linalg.norm(np.ptp(points, axis=0))) / 2.0
            scale = own if own > 0.0 else scale
        return (points - center) / scale, center

    def scale(self, category: str) -> float:
        """The length that becomes 1."""
        if category not in self.scales:
            known = ", ".join(sorted(self.scales))
            raise CloudError(f"unknown category {category!r}; the detector knows: {known}")
        return self.scales[category]

    def recognise(self, points: FloatArray) -> str:
        """The category of the training cloud whose principal extents are nearest.

        Raises:
            CloudError: no known part is of a similar size (usually a wrong unit).
        """
        own = np.log(principal_extents(points))
        distance = {
            name: np.abs(np.log(np.array(rows)) - own).max(axis=1).min()
            for name, rows in self.extents.items()
        }
        category = min(sorted(distance), key=lambda name: distance[name])
        if distance[category] > np.log(LARGEST_SIZE_RATIO):
            size = float(np.linalg.norm(np.ptp(points, axis=0)))
            known = ", ".join(f"{name} {2 * s:.4g}" for name, s in sorted(self.scales.items()))
            raise CloudError(
                f"no known part is like this cloud (diagonal {size:.4g}; known: {known}); "
                "check its unit, or name the category"
            )
        return category

    def to_record(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "scales": dict(self.scales),
            "extents": dict(self.extents),
            "voxel": self.voxel,
            "by_category": self.by_category,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Normalization:
        """The inverse of ``to_record``."""
        extents = {
            name: tuple(tuple(row) for row in rows) for name, rows in record["extents"].items()
        }
        voxel = float(record["voxel"])
        return cls(dict(record["scales"]), extents, voxel, record["by_category"])


def principal_extents(points: FloatArray) -> FloatArray:
    """Standard deviations (3,) along the principal axes, descending; bounded away from zero."""
    variances = np.linalg.eigvalsh(np.cov(points.T, bias=True))[::-1]
    return np.sqrt(np.maximum(variances, 1e-6 * variances[0] + 1e-300))


def _voxel_for(clouds: Sequence[FloatArray], target_points: int) -> float:
    """Voxel size at which the median cloud keeps ``target_points``, by bisection."""
    low, high = 1e-4, 1.0
    for _ in range(BISECTION_STEPS):
        middle = float(np.sqrt(low * high))
        kept = np.median([len(np.unique(_cells(points, middle))) for points in clouds])
        low, high = (middle, high) if kept > target_points else (low, middle)
    return high
