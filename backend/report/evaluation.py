"""An evaluation as pictures and as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.evaluation.cases import ScoredCase
from backend.evaluation.measure import OVERALL, Curve, EvaluationReport, kinds_called
from backend.evaluation.pixel_map import BLUR, REACH
from backend.io import remove_unfinished, write_bytes, write_json
from backend.report import render_report
from backend.report.case_picture import case_picture, point_auroc
from backend.report.pictures import overlap_curves, roc_curves
from backend.scoring.scan import versions

ROC, POINT_ROC, OVERLAP = "roc.png", "roc_points.png", "pro.png"
PAGE, FIGURES = "report.html", "metrics.json"
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
    comparisons: Mapping[str, str],
    worst: Sequence[Mapping[str, object]],
) -> str:
    """The page: tables, curves and the worst cases.

    Args:
        report: the evaluation.
        title: its heading.
        protocol: the name of who measures like this.
        curves: from ``curves_of``.
        comparisons: by category, how its scans are compared with nominal ones.
        worst: ``why``, ``file``, ``object_score`` and ``png`` of each.
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
        comparisons=comparisons,
        called=report.called,
        kinds=kinds_called(report.called),
        in_image=not np.isnan(report.rows[-1].aupro_at_points),
        reach=f"{REACH:g}",
        blur=f"{BLUR:g}",
        worst=worst,
    )


def write_evaluation(
    out: Path,
    report: EvaluationReport,
    about: Mapping[str, Any],
    *,
    title: str,
    protocol: str,
    comparisons: Mapping[str, str],
    scored_again: Callable[[str], ScoredCase],
) -> None:
    """Write the figures, the curves, the worst cases and the page.

    Args:
        out: folder for ``metrics.json``, ``report.html`` and the pictures.
        report: the evaluation.
        about: further entries of ``metrics.json``; ``scans`` holds the record of each case.
        title: heading of the page.
        protocol: the name of who measures like this.
        comparisons: by category, how its scans are compared with nominal ones.
        scored_again: gives the case of a scan's record, by its ``file``, with its points.
    """
    remove_unfinished(out / name for name in (*TITLES, PAGE, FIGURES))
    curves = curves_of(report)
    for name in TITLES:
        if name in curves:
            write_bytes(out / name, curves[name])
        else:
            # No curve is defined, and one of an earlier run would mislead.
            (out / name).unlink(missing_ok=True)
    worst = _draw_worst(out / "worst", report, about["scans"], scored_again)
    page = evaluation_page(
        report,
        title=title,
        protocol=protocol,
        curves=curves,
        comparisons=comparisons,
        worst=worst,
    )
    write_bytes(out / PAGE, page.encode())
    document = {
        "rows": report.to_record(),
        "categories": {name: row.to_record() for name, row in report.categories.items()},
        "called": report.called,
        "worst": [{k: v for k, v in one.items() if k != "png"} for one in worst],
        **about,
        "versions": versions(),
    }
    write_json(out / FIGURES, document)


def _draw_worst(
    folder: Path,
    report: EvaluationReport,
    scans: Sequence[Mapping[str, Any]],
    scored_again: Callable[[str], ScoredCase],
) -> list[dict[str, object]]:
    drawn: list[dict[str, object]] = []
    for worst in worst_cases(report):
        scan = scans[worst.number]
        png = case_picture(scored_again(scan["file"]))
        name = f"{len(drawn):02}-{'-'.join(worst.why.replace(',', '').split())}.png"
        remove_unfinished([folder / name])
        write_bytes(folder / name, png)
        picture = f"{folder.name}/{name}"
        drawn.append({"why": worst.why, "picture": picture, "png": png, **scan})
    return drawn
