"""Spatial-distribution normalisation: one scale per category, one spacing of points for all.

The scale is the category's, never the sample's: normalising every sample by its own size would
hide the defects that change the size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import CloudError, TrainingError
from backend.geometry.poisson_disk import poisson_disk

CLOUDS_PER_CATEGORY = 4
# Ratio of the mean spacing of a scan's points to their mean distance to the nearest other point.
SPACINGS_APART = 1.3
# Most of a cloud lies within its reach; the rest may be strays.
REACHED = 0.995
SEARCH_STEPS = 6
# So many points one spacing apart cover a sphere whose radius is 1.
FIRST_GUESS = 9.0


@dataclass(frozen=True)
class Normalization:
    """How clouds of each category are brought to one size and one density.

    Attributes:
        scales: per category, the median reach of its nominal training clouds, in the clouds' unit;
            this length becomes 1, so that a nominal part fills the unit ball.
        spacing: how far apart the points of a thinned cloud are at least, in units of the scale.
        by_category: whether clouds are scaled by their category's scale, else each by its own.
    """

    scales: Mapping[str, float]
    spacing: float
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

        A cloud that is sparser than the spacing stays as it is.

        Raises:
            TrainingError: no category, or a category without clouds or without extent.
        """
        if not nominal or not all(nominal.values()):
            raise TrainingError("every category needs at least one nominal cloud")
        scales = {
            name: float(np.median([reach(cloud.points) for cloud in clouds]))
            for name, clouds in nominal.items()
        }
        for name, scale in scales.items():
            if not scale > 0.0:
                raise TrainingError(f"the nominal clouds of category {name!r} have no extent")
        few = [
            (cloud, scales[name])
            for name, clouds in nominal.items()
            for cloud in clouds[:CLOUDS_PER_CATEGORY]
        ]
        nearest = np.median(
            [c.spacing / scales[name] for name, clouds in nominal.items() for c in clouds]
        )
        spacing = max(_spacing_for(few, target_points), SPACINGS_APART * float(nearest))
        return cls(scales, spacing, by_category)

    def apart(self, points: FloatArray, category: str) -> float:
        """How far apart points of a cloud (N, 3) are at least once it is thinned, in its unit."""
        return self.spacing * self.length(points, category)

    def length(self, points: FloatArray, category: str) -> float:
        """What becomes 1 of a cloud (N, 3): the category's scale, or its own reach.

        Raises:
            CloudError: the category is unknown.
        """
        scale = self.scale(category)
        own = 0.0 if self.by_category else reach(points)
        return own if own > 0.0 else scale

    def scale(self, category: str) -> float:
        """The length that becomes 1."""
        if category not in self.scales:
            known = ", ".join(sorted(self.scales))
            raise CloudError(f"unknown category {category!r}; the detector knows: {known}")
        return self.scales[category]

    @property
    def median_scale(self) -> float:
        """Of the categories."""
        return float(np.median(list(self.scales.values())))

    def to_record(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "scales": dict(self.scales),
            "spacing": self.spacing,
            "by_category": self.by_category,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Normalization:
        """The inverse of ``to_record``."""
        return cls(dict(record["scales"]), float(record["spacing"]), record["by_category"])


def reach(points: FloatArray) -> float:
    """Distance from the middle of ``points`` (N, 3) within which nearly all of them lie."""
    points = points - points[0]  # exactly 0 where all lie at one place
    return float(np.quantile(np.linalg.norm(points - points.mean(axis=0), axis=1), REACHED))


def _spacing_for(clouds: Sequence[tuple[PointCloud, float]], target_points: int) -> float:
    """At which the median of clouds of known scales keeps ``target_points``, or all it has.

    As on a surface the number falls with the square of the spacing, each guess is a good one.
    """
    orders = [np.argsort(cloud.surroundings.mean, kind="stable") for cloud, _ in clouds]
    guess = float(np.sqrt(FIRST_GUESS / target_points))
    for _ in range(SEARCH_STEPS):
        kept = [
            len(poisson_disk(cloud.points, order, guess * scale))
            for (cloud, scale), order in zip(clouds, orders, strict=True)
        ]
        guess *= float(np.sqrt(np.median(kept) / target_points))
    return guess
