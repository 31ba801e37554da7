"""The demo's report: one HTML file with everything in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.dataset.folder import NOMINAL
from backend.demo.design import PREVIEWS
from backend.demo.real_scan import REGISTRATION_PICTURE, REPLAY_PICTURE
from backend.demo.steps import Step
from backend.evaluation.measure import OVERALL, MetricRow
from backend.io import write_bytes
from backend.report import as_text, render_report
from backend.report.evaluation import POINT_ROC, ROC
from backend.training import DETECTOR_FILE
from shared_schema.api import Verdict

TEMPLATE = "demo.html.j2"
# What happens to one scan, and to several, by their verdict.
DECIDED = {
    Verdict.REJECT: ("is rejected", "are rejected"),
    Verdict.REVIEW: ("goes to review", "go to review"),
    Verdict.DOUBTFUL: ("is doubtful", "are doubtful"),
    Verdict.UNKNOWN: ("is unknown", "are unknown"),
    Verdict.PASS: ("passes", "pass"),
}


def write_report(path: Path, steps: Mapping[str, Step], metrics: Mapping[str, Any]) -> None:
    """Write the report of finished ``steps`` (by name) and their ``metrics``."""
    rows = [MetricRow.from_record(row) for row in metrics["rows"]]
    html = render_report(
        TEMPLATE,
        rows=[_cells(row) for row in rows],
        overall=_cells(rows[-1]),
        metrics=metrics,
        decided=decision_line(metrics["scans"]),
        previews={n: _png(steps["blender"], f) for n, f in PREVIEWS.items()},
        registration_picture=_png(steps["registration"], REGISTRATION_PICTURE),
        replay_picture=_png(steps["replay"], REPLAY_PICTURE),
        curves={
            "objects": _png(steps["evaluation"], ROC),
            "points": _png(steps["evaluation"], POINT_ROC),
        },
        worst=[
            {**one, "png": _png(steps["evaluation"], one["picture"])} for one in metrics["worst"]
        ],
        recipe=json.dumps(steps["blender"].figures["recipe"], indent=2),
        model=(steps["model"].folder / DETECTOR_FILE).as_posix(),
        blend=(steps["blender"].folder / "showcase.blend").as_posix(),
        evaluation=(steps["evaluation"].folder / "report.html").as_posix(),
    )
    write_bytes(path, html.encode())


def decision_line(scans: Sequence[Mapping[str, Any]]) -> str:
    """How many of the scans were rejected or sent to review, rightly and wrongly, in words.

    Args:
        scans: their records, as ``flawsmith evaluate`` writes them.
    """
    if all(scan["verdict"] is None for scan in scans):
        return "there are too few nominal scans to certify a limit, so there is no verdict"
    nominal = [scan for scan in scans if scan["kind"] == NOMINAL]
    others = [scan for scan in scans if scan["kind"] != NOMINAL]
    return (
        f"of {len(others)} anomalous scans {_verdicts(others)}; "
        f"of {len(nominal)} nominal ones {_verdicts(nominal)}"
    )


def _verdicts(scans: Sequence[Mapping[str, Any]]) -> str:
    """How many are rejected and so on, in words."""
    count = Counter(scan["verdict"] for scan in scans)
    parts = [
        f"{count[verdict]} {one if count[verdict] == 1 else several}"
        for verdict, (one, several) in DECIDED.items()
        if count[verdict]
    ]
    return ", ".join(parts) or "none is decided"


def _png(step: Step, name: str) -> bytes:
    return (step.folder / name).read_bytes()


def _cells(row: MetricRow) -> dict[str, Any]:
    """A row as it is printed in the terminal too."""
    low, high = row.o_auroc_interval
    interval = "–" if low != low else f"{as_text(low)}–{as_text(high)}"
    return {
        "kind": row.kind,
        "overall": row.kind == OVERALL,
        "scans": row.anomalous_clouds,
        "o_auroc": as_text(row.o_auroc),
        "interval": interval,
        "p_auroc": as_text(row.p_auroc),
        "ap": as_text(row.average_precision),
        "aupro": as_text(row.aupro),
    }
