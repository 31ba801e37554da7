"""The demo's report: one HTML file with everything in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.demo.design import PREVIEWS
from backend.demo.learning import OBJECT_ROC, POINT_ROC, decision_line
from backend.demo.real_scan import REGISTRATION_PICTURE, REPLAY_PICTURE
from backend.demo.steps import Step
from backend.evaluation.measure import OVERALL, MetricRow
from backend.io import write_bytes
from backend.report import as_text, render_report
from backend.training import DETECTOR_FILE

TEMPLATE = "demo.html.j2"


def write_report(path: Path, steps: Mapping[str, Step], metrics: Mapping[str, Any]) -> None:
    """Write the report of finished ``steps`` (by name) and their ``metrics``."""
    rows = [MetricRow.from_record(row) for row in metrics["rows"]]
    html = render_report(
        TEMPLATE,
        rows=[_cells(row) for row in rows],
        overall=_cells(rows[-1]),
        metrics=metrics,
        decided=decision_line(metrics["decisions"]),
        previews={n: _png(steps["blender"], f) for n, f in PREVIEWS.items()},
        registration_picture=_png(steps["registration"], REGISTRATION_PICTURE),
        replay_picture=_png(steps["replay"], REPLAY_PICTURE),
        curves={
            "objects": _png(steps["evaluation"], OBJECT_ROC),
            "points": _png(steps["evaluation"], POINT_ROC),
        },
        examples=[
            {**example, "png": _png(steps["evaluation"], example["file"])}
            for example in metrics["examples"]
        ],
        recipe=json.dumps(steps["blender"].figures["recipe"], indent=2),
        model=(steps["model"].folder / DETECTOR_FILE).as_posix(),
        blend=(steps["blender"].folder / "showcase.blend").as_posix(),
    )
    write_bytes(path, html.encode())


def _png(step: Step, name: str) -> bytes:
    return (step.folder / name).read_bytes()


def _cells(row: MetricRow) -> dict[str, Any]:
    """A row as it is printed in the terminal too."""
    low, high = row.o_auroc_interval
    interval = "–" if low != low else f"{as_text(low)}–{as_text(high)}"
    return {
        "kind": row.kind,
        "overall": row.kind == OVERALL,
        "clouds": row.anomalous_clouds,
        "o_auroc": as_text(row.o_auroc),
        "interval": interval,
        "p_auroc": as_text(row.p_auroc),
        "ap": as_text(row.average_precision),
        "aupro": as_text(row.aupro),
    }
