"""What a detector learns one category from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.cloud import LabeledCloud, PointCloud


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The clouds of one category, all in one unit.

    Attributes:
        nominal: defect-free clouds to learn from, best with outward normals.
        calibration: defect-free clouds that only calibrate the thresholds; nothing is learned from
            them. None: the last share of ``nominal`` (``TrainingConfig.holdout``) is held out.
        labeled: labelled anomalies to learn from; none of them should be made of a cloud that
            calibrates.
        nominal_model: the mesh of the part in any frame, if there is one. Scans of rigid parts are
            registered to it and compared with its surface.

    >>> given = fs.TrainingSet(scans[:2], calibration=scans[2:], nominal_model=plate)
    >>> len(given.nominal), len(given.calibration)
    (2, 1)
    """

    nominal: Sequence[PointCloud]
    calibration: Sequence[PointCloud] | None = None
    labeled: Sequence[LabeledCloud] = ()
    nominal_model: PointCloud | None = None

    def split(self, holdout: float) -> tuple[Sequence[PointCloud], Sequence[PointCloud]]:
        """The clouds to learn from, and those to calibrate on.

        Args:
            holdout: the share of ``nominal`` that is held out where ``calibration`` is None: at
                least one cloud and never all. A single cloud is all there is to learn from: none
                calibrates then.
        """
        if self.calibration is not None:
            return self.nominal, self.calibration
        count = min(max(1, round(holdout * len(self.nominal))), len(self.nominal) - 1)
        first = len(self.nominal) - max(count, 0)
        return self.nominal[:first], self.nominal[first:]


@dataclass(frozen=True, eq=False)
class CategoryData:
    """A category in a training.

    Attributes:
        name: of the category.
        number: its place among the categories; a part of the seeds.
        learn, calibrate: the defect-free clouds for each.
        labeled, nominal_model: see ``TrainingSet``.
    """

    name: str
    number: int
    learn: Sequence[PointCloud]
    calibrate: Sequence[PointCloud]
    labeled: Sequence[LabeledCloud]
    nominal_model: PointCloud | None

    @property
    def clouds(self) -> list[PointCloud]:
        """All defect-free clouds."""
        return [*self.learn, *self.calibrate]
