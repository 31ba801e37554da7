"""Make a sample again, byte by byte, from its record and the files that the record names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from backend.alignment import AlignedScan, align_again
from backend.cloud import LabeledCloud, PointCloud
from backend.errors import ReplayError
from backend.intake import TextFormat
from backend.io import read_cloud
from backend.io.digest import file_digest
from backend.replay import replay
from backend.sensor import sense_again
from shared_schema.recipe import Recipe


def remake(
    record: dict[str, Any],
    scan: Path | PointCloud | AlignedScan,
    nominal: Path | PointCloud | None = None,
) -> LabeledCloud:
    """Make a sample again from its record: the same bytes, on the same kind of processor.

    The scan is aligned as the record says it was, the recipe replayed as it was applied, and the
    sensor, where there was one, scans the result.

    Args:
        record: of ``flawsmith replay`` or ``synthesize``, or what ``replay`` gave in Python.
        scan: the file that the record names as its source; or that file as it was read, with its
            unit; or, where it has been aligned already, as it came out of that.
        nominal: the nominal model that the record names, or its file. None: it is looked for under
            its name beside the file of the scan.

    Raises:
        FileFormatError: a file cannot be read.
        ReplayError: a file is not the one that the record names, the nominal model is missing, or
            the scan is placed otherwise than it was.
    """
    aligned = _aligned(record, scan, nominal)
    recipe = Recipe.model_validate(record["recipe"])
    labeled = replay(recipe, aligned.cloud, T_part_scan=aligned.T_part_scan).labeled
    sensed = record.get("sensor")
    return labeled if sensed is None else sense_again(sensed, labeled, aligned.cloud)


def _aligned(
    record: dict[str, Any],
    scan: Path | PointCloud | AlignedScan,
    nominal: Path | PointCloud | None,
) -> AlignedScan:
    """The scan as it was when the recipe was replayed on it."""
    if isinstance(scan, AlignedScan):
        return scan
    cloud = scan if isinstance(scan, PointCloud) else _read(scan, record["source"], "scan")
    before = np.array(record["T_part_scan"])
    if "alignment" not in record:
        return AlignedScan(cloud, before, {})
    aligned = align_again(record["alignment"], cloud, _nominal(record, scan, nominal))
    if not np.array_equal(aligned.T_part_scan, before):
        raise ReplayError(
            f"the scan is placed by {aligned.T_part_scan.tolist()} now, but was by "
            f"{before.tolist()}; use the versions of the record, {record.get('versions')}, on the "
            "same kind of processor"
        )
    return aligned


def _nominal(
    record: dict[str, Any], scan: Path | PointCloud, nominal: Path | PointCloud | None
) -> PointCloud | None:
    """The nominal model that the record names, or None where it names none."""
    named = record.get("nominal")
    if named is None:
        return None
    if isinstance(nominal, PointCloud):
        return nominal.surface
    path = nominal
    if path is None and isinstance(scan, Path):
        path = scan.parent / named["file"]
    if path is None or not path.is_file():
        where = "" if path is None else f", which is not at {path}"
        raise ReplayError(
            f"the sample was made with the nominal model {named['file']!r}{where}; give its file"
        )
    return _read(path, named, "nominal model").surface


def _read(path: Path, named: dict[str, Any], what: str) -> PointCloud:
    """The cloud in the file at ``path``, which must be the one that was ``named``."""
    text = TextFormat(**named.get("text", {}))
    cloud = read_cloud(path, unit=named.get("unit"), text=text)
    if (found := file_digest(path)) != named["sha256"]:
        raise ReplayError(
            f"{path} is not the {what} {named['file']!r} that the record names: its SHA-256 is "
            f"{found}, not {named['sha256']}; give the file that the sample was made from"
        )
    return cloud
