"""``flawsmith evaluate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import data_argument, file_argument, out_option, unit_option

if TYPE_CHECKING:
    from backend.dataset.folder import Sample
    from backend.evaluation import EvaluationReport, ScoredCase, TestCase
    from backend.report.pictures import Curve


@click.command("evaluate")
@file_argument("model")
@data_argument()
@out_option("metrics.json, and the ROC curves as roc.png and roc_points.png")
@unit_option("all files of DATA; by default that of the training scans")
def command(model: Path, data: Path, out: Path, unit: str | None) -> None:
    """Measure the detector in the file MODEL on the folder DATA.

    DATA is laid out as for training, with scans that the detector has not seen. The table has a row
    for each defect kind, as the record beside a labelled cloud names it. O-AUROC, with its 95 %
    bootstrap interval, is of whole objects and needs nominal scans too; P-AUROC, AP and AUPRO (to a
    false positive rate of 0.3) are of the points of anomalous objects.
    """
    from rich.console import Console

    from backend.cli.data import read_data
    from backend.cli.progress import console, progress_display
    from backend.evaluation import evaluate
    from backend.io.digest import file_identity
    from backend.report.metrics_table import metrics_table
    from backend.scoring.detector import Detector
    from backend.scoring.scan import unit_scale

    detector = Detector.load(model)
    scale = unit_scale(detector, unit)
    with progress_display() as progress:
        samples = read_data(data, unit, progress)
        cases = [_case(sample, scale) for sample in samples]
        report = evaluate(detector, progress.track(cases, description="Scoring"))
    scans = [_scan(s, c, data) for s, c in zip(samples, report.cases, strict=True)]
    _write(out, report, {"model": file_identity(model), "scans": scans})
    Console().print(metrics_table(report.rows))
    console.print(f"Wrote {out / 'metrics.json'}", markup=False, soft_wrap=True)


def _case(sample: Sample, scale: float) -> TestCase:
    """``sample`` with lengths multiplied by ``scale``."""
    from backend.evaluation import TestCase

    cloud = replace(sample.cloud, points=sample.cloud.points * scale)
    return TestCase(cloud, sample.file.category, sample.kind)


def _scan(sample: Sample, scored: ScoredCase, data: Path) -> dict[str, Any]:
    return {
        "file": sample.file.path.relative_to(data).as_posix(),
        "category": sample.file.category,
        "kind": sample.kind,
        "object_score": scored.result.object_score,
        "anomalous": scored.result.anomalous,
    }


def _write(out: Path, report: EvaluationReport, about: dict[str, Any]) -> None:
    from backend.io import write_json
    from backend.scoring.scan import versions

    _write_curves(out / "roc.png", report.object_curves, "objects")
    _write_curves(out / "roc_points.png", report.point_curves, "points of anomalous objects")
    document = {"rows": report.to_record(), **about, "versions": versions()}
    write_json(out / "metrics.json", document)


def _write_curves(path: Path, curves: Mapping[str, Curve], title: str) -> None:
    """Draw the curves that are defined; none at all means no picture, and no older one either."""
    from backend.io import write_bytes
    from backend.report.pictures import roc_curves

    defined = {name: curve for name, curve in curves.items() if len(curve[0])}
    if defined:
        write_bytes(path, roc_curves(defined, title))
    else:
        path.unlink(missing_ok=True)
