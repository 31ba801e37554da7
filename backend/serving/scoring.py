"""The work behind ``POST /v1/score``: bytes in, bytes out. It runs beside the event loop."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from backend.cloud import PointCloud
from backend.intake import Intake
from backend.io import ReadLimits, in_unit, parse_cloud, scored_cloud
from backend.io.ply import format_ply
from backend.report import data_address
from backend.report.heat_map import heat_map
from backend.scoring.detector import Detector, ScoreMap
from backend.scoring.part import part_in_scan
from backend.scoring.scan import score_scan, scores_by_row, summarize
from backend.serving.upload import Upload

# Headers must not be long: so many regions are listed in one.
IN_HEADER = 5


class ResponseFormat(StrEnum):
    """What is answered: a summary as JSON, or the points' scores as a file."""

    JSON = "json"
    NPY = "npy"
    PLY = "ply"


@dataclass(frozen=True)
class ScoreRequest:
    """What a request asks for.

    Attributes:
        category: the part; recognised if none is given.
        intake: the scan's unit (the detector's if none is given), how text writes its numbers,
            where the sensor stood, if that is known, and whether to crop to the part.
        format: of the answer.
        point_scores: list the scores in the JSON answer.
        picture: put a heat map into the JSON answer.
    """

    category: str | None
    intake: Intake
    format: ResponseFormat
    point_scores: bool
    picture: bool


@dataclass(frozen=True)
class ScoreOutput:
    """``summary`` is the JSON of a ``ScoreResponse``; ``file`` what else was asked for."""

    summary: str
    file: bytes | None


def score_upload(
    detector: Detector, upload: Upload, request: ScoreRequest, limits: ReadLimits
) -> ScoreOutput:
    """Read, score and format.

    Raises:
        FlawsmithError: the file cannot be read or scored.
    """
    intake = request.intake
    scan = parse_cloud(upload.data, upload.suffix, text=intake.text, limits=limits, isolate=True)
    scan, _ = part_in_scan(detector, in_unit(scan, intake.unit), request.category, intake)
    result = score_scan(detector, scan, request.category, intake.viewpoint)
    if request.format is not ResponseFormat.JSON:
        return ScoreOutput(
            summarize(result, scan, listed=IN_HEADER).model_dump_json(),
            FILES[request.format](scan, result),
        )
    picture = data_address(heat_map(scan, result)) if request.picture else None
    summary = summarize(result, scan, point_scores=request.point_scores, picture=picture)
    return ScoreOutput(summary.model_dump_json(), None)


def _npy(scan: PointCloud, result: ScoreMap) -> bytes:
    """Scores (R,) float32 in the order of the upload, NaN for points that were left out."""
    stream = io.BytesIO()
    np.save(stream, scores_by_row(scan, result), allow_pickle=False)
    return stream.getvalue()


def _ply(scan: PointCloud, result: ScoreMap) -> bytes:
    return format_ply(scored_cloud(scan, result.fields))


FILES: dict[ResponseFormat, Callable[[PointCloud, ScoreMap], bytes]] = {
    ResponseFormat.NPY: _npy,
    ResponseFormat.PLY: _ply,
}
