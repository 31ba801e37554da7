"""Samples without what does not belong to the part."""

from __future__ import annotations

from dataclasses import replace

from backend.cloud import PointCloud
from backend.dataset.folder import Sample
from backend.errors import RegistrationError
from backend.intake import Intake
from backend.part_finder import PartFinder


def cropped_sample(sample: Sample, finder: PartFinder, intake: Intake) -> tuple[Sample, str | None]:
    """The points of ``sample`` that belong to the part, and what the user is to be told of it."""
    scan = PointCloud(sample.cloud.points, sample.cloud.normals)
    try:
        found = finder.crop(scan, intake.viewpoint)
    except RegistrationError as error:
        return sample, f"the scan was not cropped, as the part was not found beyond doubt: {error}"
    return replace(sample, cloud=sample.cloud.take(found.stays)), found.record["notice"]
