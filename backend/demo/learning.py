"""Training on the demo's data set, and what the detector makes of clouds it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from backend.cloud import PointCloud
from backend.dataset.shards import read_sample
from backend.demo.dataset import NOMINAL, CloudPlan, plan, read_clouds
from backend.demo.sizes import REAL, DemoSize
from backend.engine.processes import Workers
from backend.evaluation.cases import ScoredCase, TestCase, score_case
from backend.evaluation.measure import EvaluationReport, report
from backend.io import write_bytes
from backend.progress import Progress, track
from backend.report.case_picture import case_picture, point_auroc
from backend.report.pictures import roc_curves
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.training import DETECTOR_FILE, TrainingConfig, TrainingSet, train
from backend.training.pointwise.network import FittingConfig

# So many clouds are scored or in the making while a result is collected.
AHEAD = 16
OBJECT_ROC, POINT_ROC = "roc_objects.png", "roc_points.png"


def training_config(size: DemoSize) -> TrainingConfig:
    """The settings of a demo's size; the rest are the defaults."""
    return TrainingConfig(
        target_points=size.target_points,
        fitting=FittingConfig(epochs=size.epochs, steps_per_epoch=size.steps),
    )


def train_detector(
    folder: Path, dataset: Path, size: DemoSize, seed: int, progress: Progress
) -> Mapping[str, Any]:
    """Train on the data set and write the detector; returns its thresholds."""
    detector = train(
        {category: _training_set(dataset, size, category) for category in size.categories},
        training_config(size),
        seed=seed,
        out=folder,
        progress=progress,
    )
    thresholds = detector.thresholds
    return {**vars(thresholds), "certified": thresholds.object is not None}


def _training_set(dataset: Path, size: DemoSize, category: str) -> TrainingSet:
    """What the data set holds of a category."""

    def nominal(use: str) -> list[PointCloud]:
        clouds = read_clouds(dataset, size, category, uses=(use,), nominal=True)
        return [PointCloud(cloud.points, cloud.normals, unit="mm") for cloud in clouds]

    return TrainingSet(
        nominal("learn"),
        nominal("calibrate"),
        read_clouds(dataset, size, category, uses=("train",), nominal=False),
        None if category == REAL else load_sample(category),
    )


def evaluate_detector(
    folder: Path, model: Path, dataset: Path, size: DemoSize, progress: Progress
) -> Mapping[str, Any]:
    """Score the held-out clouds, draw curves and examples; returns the table and the examples."""
    items = [item for item in plan(size) if item.use == "test"]
    work = partial(_score, dataset=dataset, model=model / DETECTOR_FILE)
    with Workers() as workers:
        scored = workers.in_order(work, items, ahead=AHEAD)
        cases = list(track(progress, scored, "Scoring held-out clouds", len(items)))
    found = report(cases)
    write_bytes(folder / OBJECT_ROC, roc_curves(found.object_curves, "objects"))
    write_bytes(folder / POINT_ROC, roc_curves(found.point_curves, "points of anomalous objects"))
    return {
        "rows": found.to_record(),
        "decisions": decisions(found),
        "examples": _draw_examples(folder, found),
    }


def _score(item: CloudPlan, dataset: Path, model: Path) -> ScoredCase:
    case = TestCase(read_sample(dataset / item.file)[0], item.category, item.kind)
    return score_case(_detector(model), case)


@cache
def _detector(path: Path) -> Detector:
    return Detector.load(path)


def decisions(report: EvaluationReport) -> dict[str, dict[str, int]] | None:
    """Of the nominal clouds and of each kind, how many there are and were called anomalous.

    None where the detector has no threshold to decide by. One in doubt is not called so.
    """
    counts: dict[str, dict[str, int]] = {}
    for scored in report.cases:
        if scored.result.object_threshold is None:
            return None
        count = counts.setdefault(scored.case.kind, {"clouds": 0, "called_anomalous": 0})
        count["clouds"] += 1
        count["called_anomalous"] += bool(scored.result.anomalous)
    return counts


def decision_line(counts: Mapping[str, Mapping[str, int]] | None) -> str:
    """What ``decisions`` counted, in words."""
    if counts is None:
        return "there are too few nominal clouds to certify a threshold, so there is no decision"
    found = [count for kind, count in counts.items() if kind != NOMINAL]
    hits, clouds = (sum(c[name] for c in found) for name in ("called_anomalous", "clouds"))
    false = counts[NOMINAL]
    return (
        f"{hits} of {clouds} anomalous clouds are found and "
        f"{false['called_anomalous']} of {false['clouds']} nominal ones wrongly called anomalous"
    )


def _draw_examples(folder: Path, report: EvaluationReport) -> list[dict[str, Any]]:
    """Per kind the held-out cloud that was localised best and the one that was worst."""
    examples = []
    for row in report.rows[:-1]:
        scored = sorted(
            (case for case in report.cases if case.case.kind == row.kind), key=point_auroc
        )
        for title, case in {"best": scored[-1], "worst": scored[0]}.items():
            name = f"example_{row.kind}_{title}.png"
            write_bytes(folder / name, case_picture(case))
            examples.append(_about(name, title, case))
    nominal = [case for case in report.cases if case.case.kind == NOMINAL]
    highest = max(nominal, key=lambda case: case.result.object_score)
    write_bytes(folder / "example_nominal.png", case_picture(highest))
    return [*examples, _about("example_nominal.png", "highest score", highest)]


def _about(file: str, title: str, scored: ScoredCase) -> dict[str, Any]:
    localised = point_auroc(scored) if scored.case.anomalous else None
    return {
        "file": file,
        "title": title,
        "kind": scored.case.kind,
        "category": scored.case.category,
        "object_score": scored.result.object_score,
        "object_threshold": scored.result.object_threshold,
        "called_anomalous": scored.result.anomalous,
        "p_auroc": localised,
    }
