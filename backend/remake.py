"""Make a sample again, byte by byte, from its record and what it was made of."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.errors import ReplayError
from backend.registration.align import AlignedScan, align_again
from backend.replay.replay import replay
from backend.sensor import sense_again
from shared_schema.record import ReplayRecord


def remake(
    record: ReplayRecord, scan: PointCloud | AlignedScan, nominal: PointCloud | None = None
) -> LabeledCloud:
    """Make a sample again from its record: the same bytes, on the same kind of processor.

    The scan is aligned and the recipe is replayed as the record says, and the sensor, if there was
    one, scans the result.

    Args:
        record: a record of ``flawsmith replay`` or ``synthesize``, or of ``replay`` in Python.
        scan: the scan as it was read, with its unit; or, if it was aligned already, the aligned
            scan.
        nominal: the nominal model as it was read, with its unit, if the record names one.

    Raises:
        ReplayError: the nominal model is missing, or the scan gets another pose than before.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> (recipe,) = fs.sample(fs.load_template("sheet_metal/dents"), surface, seed=0, count=1)
    >>> labeled, record = fs.replay(recipe, surface.cloud)
    >>> np.array_equal(fs.remake(record, surface.cloud).points, labeled.points)
    True
    """
    cloud, T_part_scan = _placed(record, scan, nominal)  # noqa: N806 - the project's names
    labeled = replay(record.recipe, cloud, T_part_scan=T_part_scan).labeled
    return labeled if record.sensor is None else sense_again(record.sensor, labeled, cloud)


def _placed(
    record: ReplayRecord, scan: PointCloud | AlignedScan, nominal: PointCloud | None
) -> tuple[PointCloud, FloatArray]:
    """The scan as it was when the recipe was replayed on it, and its transform to the part."""
    before = np.array(record.T_part_scan)
    if isinstance(scan, AlignedScan):
        return scan.cloud, scan.T_part_scan
    if record.alignment is None:
        return scan, before
    if record.nominal is not None and nominal is None:
        raise ReplayError(
            f"the sample was made with the nominal model {record.nominal.file!r}; give it too"
        )
    model = None if nominal is None else nominal.surface
    aligned = align_again(record.alignment.asked, scan, model)
    if not np.array_equal(aligned.T_part_scan, before):
        raise ReplayError(
            f"the scan is now placed by {aligned.T_part_scan.tolist()}, but it was placed by "
            f"{before.tolist()}; use the versions of the record, {record.versions}, on the same "
            "kind of processor"
        )
    return aligned.cloud, aligned.T_part_scan
