"""The part in a scan that a detector is to score: what else it shows is left out."""

from __future__ import annotations

from typing import Any

from backend.cloud import PointCloud
from backend.intake import Intake
from backend.registration.cleaning import clean
from backend.scoring.detector import Detector
from backend.scoring.scan import unit_scale
from shared_schema.api import Certainty


def part_in_scan(
    detector: Detector, scan: PointCloud, category: str | None, intake: Intake
) -> tuple[PointCloud, dict[str, Any]]:
    """``scan`` without what is no surface, and what does not belong to the part.

    Args:
        detector: of rigid parts with a nominal model; scans of others are not cropped.
        scan: N points in their own unit; without one, in the detector's.
        category: the part; recognised if None.
        intake: where the sensor stood, and whether to clean and to crop at all.

    Returns:
        The scan, whose ``notices`` tell what was left out, or why nothing was; and the records
        ``clean`` and ``crop``, None where there was none.

    Raises:
        CloudError: the part is none of the detector's, or its unit not known.
    """
    record: dict[str, Any] = {"clean": None, "crop": None}
    if intake.clean:
        scan, removed = clean(scan, intake.viewpoint)
        record["clean"] = removed.model_dump()
    if not intake.crop or not any(one.model.finder for one in detector.categories.values()):
        return scan, record
    scale = unit_scale(detector, scan.unit)
    cloud = PointCloud(scan.points * scale)
    name = category or _recognised(detector, cloud)
    if name is None:
        return scan, record
    scale /= detector.normalization.scale(name)  # refuses a category that is unknown
    finder = detector.categories[name].model.finder
    if finder is None:
        return scan, record
    part, cropped = finder.part_of(scan, intake.viewpoint, scale)
    return part, record | {"crop": None if cropped is None else cropped.model_dump()}


def _recognised(detector: Detector, cloud: PointCloud) -> str | None:
    """The part that a scan with all its surroundings shows, if that is beyond doubt."""
    found = detector.recogniser.recognise(cloud)
    alone = len(detector.categories) == 1
    return found.category if alone or found.certainty is Certainty.SURE else None
