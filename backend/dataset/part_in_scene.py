"""Samples without what is no surface, and without what does not belong to the part."""

from __future__ import annotations

from dataclasses import replace

from backend.cloud import PointCloud
from backend.dataset.folder import Sample
from backend.intake import Intake
from backend.registration.cleaning import clean
from backend.registration.part_finder import PartFinder


def part_of_sample(
    sample: Sample, finder: PartFinder | None, intake: Intake
) -> tuple[Sample, tuple[str, ...]]:
    """The points of ``sample`` that belong to the part, and the notices for the user.

    Args:
        sample: a scan, labelled or nominal.
        finder: of its part; None where there is no nominal model.
        intake: where the sensor stood, and whether to clean and to crop.
    """
    scan = PointCloud(sample.cloud.points, sample.cloud.normals)
    if intake.clean:
        scan, _ = clean(scan, intake.viewpoint)
    if finder is not None and intake.crop:
        scan, _ = finder.part_of(scan, intake.viewpoint)
    if scan.rows is None:
        return sample, scan.notices
    return replace(sample, cloud=sample.cloud.take(scan.rows)), scan.notices
