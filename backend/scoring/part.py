"""The part in a scan that a detector is to score: what does not belong to it is cut away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.intake import Intake
from backend.scoring.detector import Detector
from backend.scoring.scan import unit_scale


def crop_scan(
    detector: Detector, scan: PointCloud, category: str | None, intake: Intake
) -> tuple[PointCloud, dict[str, Any] | None]:
    """``scan`` without what does not belong to the part, and the record of it.

    Args:
        detector: of rigid parts with a nominal model; scans of others stay as they are.
        scan: N points in their own unit; without one, in the detector's.
        category: the part; recognised if None.
        intake: where the sensor stood, and whether to crop at all.

    Returns:
        The scan, whose ``notices`` tell what was cut away, or why nothing was; as the record, None
        where it was not looked for.

    Raises:
        CloudError: the part is not recognised, or none of the detector's, or its unit not known.
    """
    surface = None
    if intake.crop and any(model.surface for model in detector.categories.values()):
        scale = unit_scale(detector, scan.unit)
        name = category or detector.normalization.recognise(scan.points * scale)
        scale /= detector.normalization.scale(name)  # refuses a category that is unknown
        surface = detector.categories[name].surface
    if surface is None:
        return scan, None
    eye = None if intake.viewpoint is None else [scale * value for value in intake.viewpoint]
    try:
        found = surface.finder.crop(PointCloud(scan.points * scale, scan.normals), eye)
    except RegistrationError as error:
        notice = f"the scan was not cropped, as the part was not found beyond doubt: {error}"
        return replace(scan, notices=(*scan.notices, notice)), None
    return found.of(scan), found.record
