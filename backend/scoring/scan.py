"""From a scan as it comes to the answer: its unit, its normals, its scores, their summary."""

from __future__ import annotations

import platform

import numpy as np
import scipy
import torch
from numpy.typing import ArrayLike

from backend import __version__
from backend.arrays import Float32Array
from backend.cloud import PointCloud
from backend.cloud.normals import with_known_normals
from backend.errors import CloudError
from backend.scoring.detector import Detector, ScoreMap
from shared_schema.api import ScoreResponse
from shared_schema.recipe import MM_PER_UNIT, Unit


def score_scan(
    detector: Detector,
    scan: PointCloud,
    category: str | None = None,
    viewpoint: ArrayLike | None = None,
) -> ScoreMap:
    """Score ``scan`` in its own unit; without one, it is taken to be in the detector's.

    Args:
        detector: what scores.
        scan: N points, with normals or without.
        category: the part that it shows; recognised if not given.
        viewpoint: (3,) where the sensor stood, in the scan's frame and unit; it tells the outside
            of a scan without normals.

    Raises:
        CloudError: as ``Detector.score``, or the detector does not know its unit.
    """
    cloud = with_known_normals(scan, viewpoint)
    return detector.score(cloud.points * unit_scale(detector, scan.unit), cloud.normals, category)


def unit_scale(detector: Detector, unit: str | None) -> float:
    """What lengths in ``unit`` are multiplied by to be in the detector's unit.

    Raises:
        CloudError: the detector's training clouds stated no unit.
    """
    if unit is None:
        return 1.0
    if detector.unit is None:
        raise CloudError(
            f"the scan is in {unit}, but this detector was trained without a unit; leave out the "
            "unit and give scans in that of the training clouds, or train with --unit"
        )
    return MM_PER_UNIT[Unit(unit)] / MM_PER_UNIT[Unit(detector.unit)]


def summarize(
    result: ScoreMap,
    scan: PointCloud,
    *,
    point_scores: bool = False,
    picture: str | None = None,
) -> ScoreResponse:
    """``result`` as the server and the command line tell it.

    Args:
        result: of ``scan``.
        scan: as it was read.
        point_scores: whether to list the scores of all points.
        picture: address of the heat map, where there is one.
    """
    return ScoreResponse(
        object_score=result.object_score,
        object_threshold=result.object_threshold,
        anomalous=result.anomalous,
        doubt=result.doubt,
        point_threshold=result.point_threshold,
        point_count=len(result.point_scores),
        anomalous_points=int(result.above_threshold.sum()),
        stray_points=int(result.stray.sum()),
        category=result.category,
        category_given=result.recognition.given,
        category_distance=result.recognition.distance,
        rival=result.recognition.rival,
        rival_distance=result.recognition.rival_distance,
        notices=scan.notices,
        point_scores=_listed(scores_by_row(scan, result)) if point_scores else None,
        picture=picture,
    )


def scores_by_row(scan: PointCloud, result: ScoreMap) -> Float32Array:
    """Scores (R,) in the order of the file that ``scan`` was read from; NaN for points left out."""
    if scan.rows is None or scan.row_count is None:
        return result.point_scores
    scores = np.full(scan.row_count, np.nan, dtype=np.float32)
    scores[scan.rows] = result.point_scores
    return scores


def _listed(scores: Float32Array) -> tuple[float | None, ...]:
    return tuple(None if score != score else score for score in scores.tolist())


def versions() -> dict[str, str]:
    """What the scores of one scan depend on besides the detector."""
    return {
        "flawsmith": __version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
