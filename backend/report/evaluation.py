"""An evaluation as pictures and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.evaluation.measure import OVERALL, Curve, EvaluationReport, ScoredCase
from backend.report import render_report
from backend.report.case_picture import point_auroc
from backend.report.pictures import overlap_curves, roc_curves

ROC, POINT_ROC, OVERLAP = "roc.png", "roc_points.png", "pro.png"
TITLES = {
    ROC: "objects",
    POINT_ROC: "points of anomalous objects",
    OVERLAP: "overlap with regions",
}


@dataclass(frozen=True)
class WorstCase:
    """A scan that the detector does badly on.

    Attributes:
        number: of the case in the report.
        why: in words.
    """

    number: int
    why: str


def curves_of(report: EvaluationReport) -> dict[str, bytes]:
    """Pictures by file name; those that no curve is defined for are missing."""
    drawn = {
        ROC: (report.object_curves, roc_curves),
        POINT_ROC: (report.point_curves, roc_curves),
        OVERLAP: (report.overlap_curves, overlap_curves),
    }
    found = {}
    for name, (curves, draw) in drawn.items():
        defined = _defined(curves)
        if defined:
            found[name] = draw(defined, TITLES[name])
    return found


def _defined(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    return {name: curve for name, curve in curves.items() if len(curve[0])}


def worst_cases(report: EvaluationReport) -> list[WorstCase]:
    """The nominal scan of the highest score, and of each kind the scan of the lowest, and the one
    whose points are told apart worst.
    """
    numbered = list(enumerate(report.cases))
    nominal = [(n, s) for n, s in numbered if not s.case.anomalous]
    worst = []
    if nominal:
        worst.append(WorstCase(max(nominal, key=_object_score)[0], "nominal, the highest score"))
    for row in report.rows:
        if row.kind == OVERALL:
            continue
        own = [(n, s) for n, s in numbered if s.case.anomalous and s.case.kind == row.kind]
        lowest, blurred = min(own, key=_object_score)[0], min(own, key=_localised)[0]
        worst.append(WorstCase(lowest, f"{row.kind}, the lowest score"))
        if blurred != lowest:
            worst.append(WorstCase(blurred, f"{row.kind}, localised worst"))
    return worst


def _object_score(item: tuple[int, ScoredCase]) -> float:
    return item[1].result.object_score


def _localised(item: tuple[int, ScoredCase]) -> float:
    return float(np.nan_to_num(point_auroc(item[1]), nan=1.0))


def evaluation_page(
    report: EvaluationReport,
    *,
    title: str,
    protocol: str,
    curves: Mapping[str, bytes],
    worst: Sequence[Mapping[str, object]],
) -> str:
    """The page: tables, curves and the worst cases.

    Args:
        report: the evaluation.
        title: its heading.
        protocol: the name of who measures like this.
        curves: from ``curves_of``.
        worst: ``why``, ``file``, ``score`` and ``png`` of each.
    """
    tables = [
        {"what": "defect kind", "rows": [(row.kind, row) for row in report.rows]},
        {"what": "category", "rows": list(report.categories.items())},
    ]
    return render_report(
        "evaluation.html.j2",
        title=title,
        protocol=protocol,
        scans=len(report.cases),
        tables=tables,
        curves={TITLES[name]: png for name, png in curves.items()},
        worst=worst,
    )
