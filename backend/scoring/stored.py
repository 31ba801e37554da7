"""Scores of a scan as a file, so that it need not be scored again."""

from __future__ import annotations

from pathlib import Path

from backend.errors import FileFormatError
from backend.io.arrays import read_arrays, write_arrays
from backend.scoring.decision import decision
from backend.scoring.detector import ScoreMap
from backend.scoring.recognition import Recognition


def write_scores(path: Path, result: ScoreMap) -> None:
    """Write all of ``result`` but its category and that of its rival."""
    figures = {
        "object_score": result.object_score,
        "object_threshold": result.object_threshold,
        "point_threshold": result.point_threshold,
        "distance": result.recognition.distance,
        "density": result.recognition.density,
    }
    write_arrays(path, {"points": result.point_scores, "stray": result.stray}, figures)


def read_scores(path: Path, count: int, category: str) -> ScoreMap | None:
    """What ``write_scores`` wrote of a scan of ``count`` points scored as ``category``, or None."""
    try:
        arrays, figures = read_arrays(path)
    except FileFormatError:
        return None
    if len(arrays["points"]) != count:
        return None
    value, limit = figures["object_score"], figures["object_threshold"]
    shown = Recognition(category, True, figures["distance"], density=figures.get("density"))
    anomalous, doubt = decision(value, limit, shown)
    return ScoreMap(
        arrays["points"],
        value,
        limit,
        anomalous,
        figures["point_threshold"],
        shown,
        arrays["stray"],
        doubt,
    )
