"""Scores of a scan as a file, so that it need not be scored again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from backend.io.atomic import write_bytes
from backend.scoring.detector import ScoreMap

OBJECT, THRESHOLD, POINT_THRESHOLD = range(3)


def write_scores(path: Path, result: ScoreMap) -> None:
    """Write all of ``result`` but its category."""
    limit = np.nan if result.object_threshold is None else result.object_threshold
    figures = np.array([result.object_score, limit, result.point_threshold])
    write_bytes(path, save({"points": result.point_scores, "figures": figures}))


def read_scores(path: Path, count: int, category: str) -> ScoreMap | None:
    """What ``write_scores`` wrote of a scan of ``count`` points, or None."""
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError):
        return None
    scores, figures = arrays["points"], arrays["figures"]
    if len(scores) != count:
        return None
    value = float(figures[OBJECT])
    limit = None if np.isnan(figures[THRESHOLD]) else float(figures[THRESHOLD])
    decision = None if limit is None else value > limit
    return ScoreMap(scores, value, limit, decision, float(figures[POINT_THRESHOLD]), category)
