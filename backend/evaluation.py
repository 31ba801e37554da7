"""How well a detector does on labelled clouds, per defect kind and overall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.metrics.aupro import aupro, label_regions, stack_regions
from backend.metrics.auroc import auroc, resampled_auroc
from backend.metrics.average_precision import average_precision
from backend.metrics.roc import roc_curve
from backend.scoring.detector import Detector, ScoreMap

OVERALL = "all"
BOOTSTRAP_SEED = 0
BOOTSTRAP_ROUNDS = 1000


@dataclass(frozen=True, eq=False)
class TestCase:
    """A labelled cloud to evaluate on.

    Attributes:
        cloud: anomalous if its mask has any point.
        category: as in training.
        kind: the defect kind, the row of the table it counts for; any text for nominal clouds.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    cloud: LabeledCloud
    category: str
    kind: str

    @property
    def anomalous(self) -> bool:
        """Whether any point is."""
        return bool(self.cloud.mask.any())


@dataclass(frozen=True, eq=False)
class ScoredCase:
    """A test case with what the detector said."""

    case: TestCase
    result: ScoreMap


@dataclass(frozen=True)
class MetricRow:
    """Metrics of one defect kind; each is the mean over the categories where it is defined.

    Attributes:
        kind: the defect kind, or ``"all"``.
        anomalous_clouds, nominal_clouds: how many counted.
        o_auroc: objects; anomalous of this kind against all nominal of the same category.
        o_auroc_interval: its 95 % bootstrap interval over the clouds of each category.
        p_auroc, average_precision: points of the anomalous clouds of this kind.
        aupro: per-region overlap to 0.3, on the same points.
    """

    kind: str
    anomalous_clouds: int
    nominal_clouds: int
    o_auroc: float
    o_auroc_interval: tuple[float, float]
    p_auroc: float
    average_precision: float
    aupro: float

    def to_record(self) -> dict[str, Any]:
        """The row as JSON; undefined values are None."""
        return {name: _json_number(value) for name, value in vars(self).items()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> MetricRow:
        """The inverse of ``to_record``."""
        values: dict[str, Any] = {name: _from_json(value) for name, value in record.items()}
        return cls(**values)


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """The table and the curves.

    Attributes:
        rows: one per kind in order of first appearance, then ``"all"``.
        object_curves, point_curves: per kind the false and true positive rates, pooled over
            categories.
        cases: every case with its scores.
    """

    rows: tuple[MetricRow, ...]
    object_curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    point_curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    cases: tuple[ScoredCase, ...]

    def to_record(self) -> list[dict[str, Any]]:
        """The rows as JSON; undefined values are None."""
        return [row.to_record() for row in self.rows]


def evaluate(detector: Detector, cases: Iterable[TestCase]) -> EvaluationReport:
    """Score every case and compute the table; nominal cases are needed for the object columns."""
    scored = tuple(
        ScoredCase(c, detector.score(c.cloud.points, c.cloud.normals, c.category)) for c in cases
    )
    return report(scored)


def report(scored: Sequence[ScoredCase]) -> EvaluationReport:
    """The table and curves of cases that are scored already."""
    kinds = list(dict.fromkeys(s.case.kind for s in scored if s.case.anomalous))
    chosen = {
        kind: [s for s in scored if not s.case.anomalous or s.case.kind == kind] for kind in kinds
    }
    chosen[OVERALL] = list(scored)
    regions = {id(s): _regions(s) for s in scored if s.case.anomalous}
    return EvaluationReport(
        tuple(_row(kind, part, regions) for kind, part in chosen.items()),
        {kind: roc_curve(*_objects(part)) for kind, part in chosen.items()},
        {kind: roc_curve(*_points(part)) for kind, part in chosen.items()},
        tuple(scored),
    )


def _row(
    kind: str, scored: Sequence[ScoredCase], regions: Mapping[int, NDArray[np.int64]]
) -> MetricRow:
    categories = dict.fromkeys(s.case.category for s in scored)
    parts = [[s for s in scored if s.case.category == name] for name in categories]
    anomalous = sum(s.case.anomalous for s in scored)
    return MetricRow(
        kind,
        anomalous,
        len(scored) - anomalous,
        _mean(auroc(*_objects(part)) for part in parts),
        _interval(parts),
        _mean(auroc(*_points(part)) for part in parts),
        _mean(average_precision(*_points(part)) for part in parts),
        _mean(_aupro(part, regions) for part in parts),
    )


def _interval(parts: Sequence[Sequence[ScoredCase]]) -> tuple[float, float]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    drawn = np.stack([resampled_auroc(*_objects(p), rng, BOOTSTRAP_ROUNDS) for p in parts])
    defined = drawn[~np.isnan(drawn[:, 0])]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined.mean(axis=0), [0.025, 0.975])
    return float(low), float(high)


def _objects(scored: Sequence[ScoredCase]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth = np.array([s.case.anomalous for s in scored], dtype=bool)
    return truth, np.array([s.result.object_score for s in scored], dtype=np.float64)


def _points(scored: Sequence[ScoredCase]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Truth and scores of all points of the anomalous clouds."""
    chosen = [s for s in scored if s.case.anomalous]
    masks = [np.empty(0, bool), *(s.case.cloud.mask for s in chosen)]
    scores = [np.empty(0, np.float32), *(s.result.point_scores for s in chosen)]
    return np.concatenate(masks), np.concatenate(scores)


def _regions(scored: ScoredCase) -> NDArray[np.int64]:
    cloud = scored.case.cloud
    return label_regions(cloud.mask, PointCloud(cloud.points).edges)


def _aupro(scored: Sequence[ScoredCase], regions: Mapping[int, NDArray[np.int64]]) -> float:
    chosen = [s for s in scored if s.case.anomalous]
    if not chosen:
        return float("nan")
    stacked = stack_regions([regions[id(s)] for s in chosen])
    return aupro(stacked, np.concatenate([s.result.point_scores for s in chosen]))


def _mean(values: Iterable[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _json_number(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json_number(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_from_json(item) for item in value)
    return float("nan") if value is None else value
