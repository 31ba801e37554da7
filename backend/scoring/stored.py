"""Scores of a scan as a file, so that it need not be scored again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from backend.file_names import utf8_path
from backend.io.atomic import write_bytes
from backend.scoring.detector import ScoreMap
from backend.scoring.recognition import Recognition

FIGURES = ("object_score", "object_threshold", "point_threshold", "distance")


def write_scores(path: Path, result: ScoreMap) -> None:
    """Write all of ``result`` but its category and that of its rival."""
    limit = np.nan if result.object_threshold is None else result.object_threshold
    figures = np.array(
        [result.object_score, limit, result.point_threshold, result.recognition.distance]
    )
    arrays = {"points": result.point_scores, "figures": figures, "stray": result.stray}
    write_bytes(path, save(arrays))


def read_scores(path: Path, count: int, category: str) -> ScoreMap | None:
    """What ``write_scores`` wrote of a scan of ``count`` points scored as ``category``, or None."""
    try:
        with utf8_path(path) as readable:
            arrays = load_file(readable)
    except (OSError, SafetensorError):
        return None
    scores, figures = arrays["points"], arrays["figures"]
    if len(scores) != count or len(figures) != len(FIGURES):
        return None
    value, threshold, point_threshold, distance = figures.tolist()
    limit = None if np.isnan(threshold) else threshold
    decision = None if limit is None else value > limit
    recognition = Recognition(category, True, distance)
    return ScoreMap(scores, value, limit, decision, point_threshold, recognition, arrays["stray"])
