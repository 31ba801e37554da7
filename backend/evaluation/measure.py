"""How well a detector does on labelled clouds, per defect kind and overall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from backend.arrays import BoolArray, Float32Array, FloatArray, IntArray
from backend.dataset.benchmark import OWN, OWN_PROTOCOL, protocol_of
from backend.dataset.layouts import Protocol
from backend.engine.processes import in_order
from backend.evaluation.cases import Places, ScoredCase, TestCase, score_case
from backend.evaluation.metrics.aupro import (
    aupro,
    pro_curve,
    stack_regions,
)
from backend.evaluation.metrics.auroc import auroc, resampled_auroc
from backend.evaluation.metrics.average_precision import average_precision
from backend.evaluation.metrics.roc import roc_curve, thinned
from backend.progress import Following, following, track
from backend.scoring.detector import Detector, Scores
from backend.scoring.loaded import LoadedDetector
from shared_schema.defects import KINDS

Curve = tuple[FloatArray, FloatArray]

OVERALL = "all"
NOT_FOUND = "not found"
DETECTOR = "detector.safetensors"
DRAWN_POINTS = 2_000_000
BOOTSTRAP_SEED = 0
BOOTSTRAP_ROUNDS = 1000


@dataclass(frozen=True)
class MetricRow:
    """Metrics of one defect kind; each is the mean over the categories where it is defined.

    Attributes:
        kind: the defect kind, or ``"all"``.
        anomalous_clouds, nominal_clouds: how many counted.
        o_auroc, o_ap: objects; anomalous of this kind against all nominal of the same category.
        o_auroc_interval: its 95 % bootstrap interval over the clouds of each category.
        p_auroc, average_precision: points of the anomalous clouds of this kind, and of the nominal
            ones where the protocol has it so.
        aupro: per-region overlap to 0.3, on the same points or, by protocol, on pixels.
        aupro_at_points: on pixels, too, but those without a point have the score 0, and nothing is
            blurred; NaN where the protocol has it on points.
    """

    kind: str
    anomalous_clouds: int
    nominal_clouds: int
    o_auroc: float
    o_auroc_interval: tuple[float, float]
    p_auroc: float
    average_precision: float
    aupro: float
    o_ap: float = float("nan")
    aupro_at_points: float = float("nan")

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
        categories: the row of all kinds of each category, by its name.
        object_curves, point_curves: per kind the false and true positive rates, pooled over
            categories; very many points are thinned evenly.
        overlap_curves: per kind the false positive rate and the mean overlap.
        called: per kind of an anomalous cloud, how many the detector takes for which kind; under
            ``NOT_FOUND`` those of which no region holds an anomalous point. Empty where the
            detector has learned no kinds.
        cases: every case with its scores.

    >>> from dataclasses import replace
    >>> nominal = [fs.LabeledCloud.nominal(scan) for scan in scans]
    >>> dented = [replace(one, mask=one.points[:, 0] > 90.0) for one in nominal]
    >>> cases = [fs.TestCase(one, "plate", "nominal") for one in nominal]
    >>> cases += [fs.TestCase(one, "plate", "dent") for one in dented]
    >>> report = fs.evaluate(detector, cases, progress=None)  # the detector of ``train``'s example
    >>> [row.kind for row in report.rows]
    ['dent', 'all']
    """

    rows: tuple[MetricRow, ...]
    categories: Mapping[str, MetricRow]
    object_curves: Mapping[str, Curve]
    point_curves: Mapping[str, Curve]
    overlap_curves: Mapping[str, Curve]
    called: Mapping[str, Mapping[str, int]]
    cases: tuple[ScoredCase, ...]

    def to_record(self) -> list[dict[str, Any]]:
        """The rows as JSON; undefined values are None."""
        return [row.to_record() for row in self.rows]


def evaluate(
    detector: Detector,
    cases: Iterable[TestCase],
    layout: str = OWN,
    *,
    jobs: int | None = None,
    progress: Following = "bars",
) -> EvaluationReport:
    """Score every case and compute the table.

    Args:
        detector: what is measured.
        cases: labelled clouds that it has not seen; the columns of objects need nominal ones too.
        layout: the benchmark whose protocol says which points count, or ``"flawsmith"``.
        jobs: number of processes, on which the table does not depend; as many as there are cores if
            None. Few cases are scored in this process alone.
        progress: ``"bars"`` shows bars on standard error, if that is a terminal or a notebook; None
            shows nothing; a ``Progress`` is a function of yours that is called after each item.

    Raises:
        CloudError: a case cannot be scored.
        DatasetError: the protocol measures pixels, and a case is not organised.
        EngineError: a process was killed.

    >>> cases = [fs.TestCase(fs.LabeledCloud.nominal(scan), "plate", "nominal") for scan in scans]
    >>> report = fs.evaluate(detector, cases, progress=None)  # the detector of ``train``'s example
    >>> report.rows[-1].nominal_clouds
    3
    """
    given = list(cases)
    with TemporaryDirectory() as folder, following(progress) as follow:
        work = partial(_scored, LoadedDetector(detector, Path(folder) / DETECTOR))
        with closing(in_order(work, given, jobs=jobs)) as found:
            results = list(track(follow, found, "Scoring", len(given)))
    scored = [ScoredCase(case, result) for case, result in zip(given, results, strict=True)]
    return report(scored, protocol_of(layout))


def _scored(loaded: LoadedDetector, case: TestCase) -> Scores:
    return score_case(loaded.detector, case).result


def report(scored: Sequence[ScoredCase], protocol: Protocol = OWN_PROTOCOL) -> EvaluationReport:
    """The table and curves of cases that are scored already, as ``protocol`` measures."""
    kinds = list(dict.fromkeys(s.case.kind for s in scored if s.case.anomalous))
    chosen = {
        kind: [s for s in scored if not s.case.anomalous or s.case.kind == kind] for kind in kinds
    }
    chosen[OVERALL] = list(scored)
    categories = dict.fromkeys(s.case.category for s in scored)
    return EvaluationReport(
        tuple(_row(kind, part, protocol) for kind, part in chosen.items()),
        {
            name: _row(OVERALL, [s for s in scored if s.case.category == name], protocol)
            for name in categories
        },
        {kind: roc_curve(*_objects(part)) for kind, part in chosen.items()},
        {kind: roc_curve(*_some(*_points(part, protocol))) for kind, part in chosen.items()},
        {kind: _overlap_curve(part, protocol) for kind, part in chosen.items()},
        _called(scored),
        tuple(scored),
    )


def _called(scored: Sequence[ScoredCase]) -> dict[str, dict[str, int]]:
    """Confusion of kinds, see ``EvaluationReport.called``."""
    anomalous = [s for s in scored if s.case.anomalous]
    if not any(s.called for s in anomalous):
        return {}
    found: dict[str, dict[str, int]] = {}
    for one in anomalous:
        row = found.setdefault(one.case.kind, {})
        name = one.called or NOT_FOUND
        row[name] = row.get(name, 0) + 1
    return found


def kinds_called(called: Mapping[str, Mapping[str, int]]) -> list[str]:
    """All kinds that clouds are taken for, in the order of the schema, and last ``NOT_FOUND``."""
    found = {kind for row in called.values() for kind in row}
    return [kind for kind in (*KINDS, NOT_FOUND) if kind in found]


def _row(kind: str, scored: Sequence[ScoredCase], protocol: Protocol) -> MetricRow:
    categories = dict.fromkeys(s.case.category for s in scored)
    parts = [[s for s in scored if s.case.category == name] for name in categories]
    anomalous = sum(s.case.anomalous for s in scored)
    points = [_points(part, protocol) for part in parts]
    return MetricRow(
        kind,
        anomalous,
        len(scored) - anomalous,
        _mean(auroc(*_objects(part)) for part in parts),
        _interval(parts),
        _mean(auroc(*part) for part in points),
        _mean(average_precision(*part) for part in points),
        _mean(_aupro(part, protocol) for part in parts),
        _mean(average_precision(*_objects(part)) for part in parts),
        _mean(_aupro_at_points(part, protocol) for part in parts),
    )


def _interval(parts: Sequence[Sequence[ScoredCase]]) -> tuple[float, float]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    drawn = np.stack([resampled_auroc(*_objects(p), rng, BOOTSTRAP_ROUNDS) for p in parts])
    defined = drawn[~np.isnan(drawn[:, 0])]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined.mean(axis=0), [0.025, 0.975])
    return float(low), float(high)


def _objects(scored: Sequence[ScoredCase]) -> tuple[BoolArray, FloatArray]:
    truth = np.array([s.case.anomalous for s in scored], dtype=bool)
    return truth, np.array([s.result.object_score for s in scored], dtype=np.float64)


def _counting(scored: Sequence[ScoredCase], protocol: Protocol) -> list[ScoredCase]:
    """Those whose points count."""
    return [s for s in scored if s.case.anomalous or protocol.nominal_points]


def _points(scored: Sequence[ScoredCase], protocol: Protocol) -> tuple[BoolArray, Float32Array]:
    """Truth and scores of all points that count; of pixels where the protocol has it so."""
    chosen = _counting(scored, protocol)
    if protocol.in_image:
        masks = [np.empty(0, bool), *(s.in_image[0] > 0 for s in chosen)]
        scores = [np.empty(0, np.float32), *(s.in_image[1] for s in chosen)]
    else:
        masks = [np.empty(0, bool), *(s.case.cloud.mask for s in chosen)]
        scores = [np.empty(0, np.float32), *(s.result.point_scores for s in chosen)]
    return np.concatenate(masks), np.concatenate(scores)


def _some(truth: BoolArray, scores: Float32Array) -> tuple[BoolArray, Float32Array]:
    """Few enough to draw a curve of."""
    step = -(-len(truth) // DRAWN_POINTS) or 1
    return truth[::step], scores[::step]


def _places(scored: Sequence[ScoredCase], protocol: Protocol) -> tuple[IntArray, Float32Array]:
    """Region numbers and scores of all that count, each region with a number of its own."""
    chosen = _counting(scored, protocol)
    return _stacked(chosen, [s.in_image if protocol.in_image else s.in_cloud for s in chosen])


def _stacked(
    scored: Sequence[ScoredCase], places: Sequence[Places]
) -> tuple[IntArray, Float32Array]:
    if not any(s.case.anomalous for s in scored):
        return np.empty(0, np.int64), np.empty(0, np.float32)
    regions = stack_regions([part[0].astype(np.int64) for part in places])
    return regions, np.concatenate([part[1] for part in places])


def _aupro(scored: Sequence[ScoredCase], protocol: Protocol) -> float:
    return aupro(*_places(scored, protocol))


def _aupro_at_points(scored: Sequence[ScoredCase], protocol: Protocol) -> float:
    if not protocol.in_image:
        return float("nan")
    chosen = _counting(scored, protocol)
    return aupro(*_stacked(chosen, [s.in_image_at_points for s in chosen]))


def _overlap_curve(scored: Sequence[ScoredCase], protocol: Protocol) -> Curve:
    rate, overlap = pro_curve(*_places(scored, protocol))
    return thinned(rate, overlap)


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
