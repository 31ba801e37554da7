"""From a scan as it comes to the answer: its unit, its normals, its scores, their summary."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import numpy as np
import scipy
import torch
from numpy.typing import ArrayLike, NDArray

from backend import __version__
from backend.arrays import Float32Array, FloatArray
from backend.cloud import PointCloud
from backend.cloud.normals import with_known_normals
from backend.errors import CloudError
from backend.scoring.detector import Detector, ScoreMap
from backend.scoring.regions import Region
from shared_schema.api import RegionDeviationResponse, RegionResponse, ScoreResponse
from shared_schema.recipe import MM_PER_UNIT, Unit

# A summary lists at most this many regions.
LISTED = 50


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
    scale = unit_scale(detector, scan.unit)
    return detector.score(cloud.points * scale, cloud.normals, category).scaled(1.0 / scale)


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
    listed: int = LISTED,
) -> ScoreResponse:
    """``result`` as the server and the command line tell it.

    Args:
        result: of ``scan``.
        scan: as it was read.
        point_scores: whether to list the scores of all points.
        picture: address of the heat map, where there is one.
        listed: how many regions are described at most.
    """
    limit = result.rule.review.value
    return ScoreResponse(
        verdict=result.verdict,
        reasons=result.reasons,
        object_score=result.object_score if result.is_scored else None,
        object_threshold=result.object_threshold,
        review_extent=None if limit is None or not result.is_scored else limit * result.apart,
        regions=described_regions(result.regions[:listed], result.region),
        region_count=len(result.regions),
        point_threshold=result.point_threshold,
        point_count=len(result.point_scores),
        anomalous_points=int(result.above_threshold.sum()),
        stray_points=int(result.stray.sum()),
        category=result.category,
        certainty=result.recognition.certainty,
        category_given=result.recognition.given,
        category_distance=result.recognition.distance,
        rival=result.recognition.rival,
        rival_distance=result.recognition.rival_distance,
        notices=scan.notices,
        point_scores=_listed(scores_by_row(scan, result)) if point_scores else None,
        picture=picture,
    )


def described_regions(
    regions: Sequence[Region], numbers: NDArray[np.int32]
) -> tuple[RegionResponse, ...]:
    """``regions`` as the server and the command line tell them.

    Args:
        regions: in their order.
        numbers: (N,) the number of each point's region, from 1.
    """
    return tuple(
        _region(number, region, int((numbers == number).sum()))
        for number, region in enumerate(regions, 1)
    )


def _region(number: int, region: Region, points: int) -> RegionResponse:
    return RegionResponse(
        number=number,
        points=points,
        area=region.area,
        extent=region.extent,
        width=region.width,
        center=_three(region.center),
        direction=_three(region.direction),
        center_in_part=None if region.center_in_part is None else _three(region.center_in_part),
        direction_in_part=None
        if region.direction_in_part is None
        else _three(region.direction_in_part),
        score=region.score,
        deviation=None
        if region.deviation is None
        else RegionDeviationResponse(**vars(region.deviation)),
        kind=region.kind,
        kind_probability=None if region.kind is None else region.kinds[region.kind],
    )


def _three(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


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
