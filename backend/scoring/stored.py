"""Scores of a scan as a file, so that it need not be scored again."""

from __future__ import annotations

from pathlib import Path

from backend.errors import FileFormatError
from backend.io.arrays import read_arrays, write_arrays
from backend.scoring.detector import Scores
from backend.scoring.verdict import Judgement
from shared_schema.api import Verdict


def write_scores(path: Path, result: Scores) -> None:
    """Write the scores of the points and of the object, the verdict and the regions."""
    figures = {
        "object_score": result.object_score,
        "point_threshold": result.point_threshold,
        "verdict": result.verdict,
        "reasons": list(result.reasons),
        "region_kinds": list(result.region_kinds),
    }
    write_arrays(path, {"points": result.point_scores, "region": result.region}, figures)


def read_scores(path: Path, count: int) -> Scores | None:
    """What ``write_scores`` wrote of a scan of ``count`` points, or None."""
    try:
        arrays, figures = read_arrays(path)
    except FileFormatError:
        return None
    if len(arrays["points"]) != count:
        return None
    verdict = None if figures["verdict"] is None else Verdict(figures["verdict"])
    return Scores(
        arrays["points"],
        figures["object_score"],
        Judgement(verdict, tuple(figures["reasons"])),
        figures["point_threshold"],
        arrays["region"],
        tuple(figures["region_kinds"]),
    )
