"""The scans of a synthesised data set: brought into the part frame once, and kept.

A prepared scan is the scan in its own frame and unit with outward normals; its record holds the
transform to the part frame. It is a file of the data set, so that neither a process that needs it
nor a run that goes on registers it again; so is its adjacency, which takes longer than many a
defect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.shards import SUFFIX, read_record, read_scan, write_scan
from backend.errors import FileFormatError, FlawsmithError, MissingDependencyError
from backend.file_names import shown
from backend.io import read_cloud, write_cloud, write_json
from backend.io.arrays import read_arrays, read_document, write_arrays
from backend.io.digest import file_identity
from backend.io.sources import model_source, scan_source
from backend.registration.align import AlignedScan, align
from backend.sensor import scan_rng, sense
from backend.synthesis.manifest import FileEntry, ScanEntry
from backend.synthesis.plan import SynthesisPlan, scan_name
from shared_schema.load import load_template
from shared_schema.recipe import Unit
from shared_schema.record import FileIdentity, ModelSource, ScanRecord, SensorReport

# In each process: what its neighbouring samples are made from.
SCANS_IN_MEMORY = 3


@dataclass(frozen=True, eq=False)
class PreparedScan:
    """A scan that samples are made from.

    Attributes:
        cloud: in its own frame and unit, with outward normals.
        record: its source, the nominal model, and how they were brought together.
    """

    cloud: PointCloud
    record: ScanRecord

    @property
    def T_part_scan(self) -> FloatArray:  # noqa: N802 - the project's transform names
        """(4, 4) to the part frame."""
        return np.array(self.record.T_part_scan)

    @cached_property
    def in_part_frame(self) -> PointCloud:
        """The same scan in the part frame and unit."""
        if np.array_equal(self.T_part_scan, np.eye(4)):
            return self.cloud  # with its index and adjacency
        # The areas stay in the same proportions.
        moved = self.cloud.transformed(self.T_part_scan)
        return moved.with_adjacency(self.cloud.edges, self.cloud.areas)


@lru_cache(maxsize=SCANS_IN_MEMORY)
def load_prepared(plan: SynthesisPlan, scan: str) -> PreparedScan:
    """A prepared scan, with its adjacency and an index that stay in memory."""
    cloud, document = read_scan(plan.prepared_file(scan))
    record = ScanRecord.model_validate(document)
    arrays, _ = read_arrays(plan.index_file(scan))
    cloud = replace(cloud, unit=record.source.unit)
    cloud = cloud.with_adjacency(arrays["edges"].astype(np.int64), arrays.get("areas"))
    return PreparedScan(cloud, record)


def prepare_scan(plan: SynthesisPlan, file: Path) -> ScanEntry:
    """Bring the scan in ``file`` into the part frame and keep it, unless that has been done.

    Raises:
        MissingDependencyError: an optional package is not installed.
    """
    found = _found(plan, file)
    if found is not None:
        return found
    try:
        return _prepared(plan, file)
    except MissingDependencyError:
        raise
    except FlawsmithError as error:
        skipped = _skipped(file, str(error).removeprefix(f"{shown(file)}: "))
        write_json(plan.skipped_file(scan_name(file)), skipped.model_dump(mode="json"))
        return skipped


def _prepared(plan: SynthesisPlan, file: Path) -> ScanEntry:
    name, aligned = scan_name(file), _align(plan, file)
    record = _record(plan, file, aligned)
    if plan.nominal_scans and plan.nominal_file(name) != plan.prepared_file(name):
        _export_scan(plan, name, aligned.cloud, record)
    _write_index(aligned.cloud, plan.index_file(name), areas=plan.nominal is None)
    # Last: where it is, the scan is done.
    write_scan(plan.prepared_file(name), aligned.cloud, record.model_dump(mode="json"))
    return _entry(plan, name, record)


def _write_index(cloud: PointCloud, path: Path, *, areas: bool) -> None:
    """Write the adjacency of ``cloud``, and if wanted how much surface each point stands for."""
    arrays: dict[str, NDArray] = {"edges": cloud.edges.astype(np.int32)}
    if areas:
        arrays["areas"] = cloud.areas
    write_arrays(path, arrays)


def apply_sensor(
    plan: SynthesisPlan, labeled: LabeledCloud, scan: PointCloud, rng: np.random.Generator
) -> tuple[LabeledCloud, SensorReport | None]:
    """``labeled``, made of ``scan``, as the plan's sensor gives it; without one as it is.

    Raises:
        CloudError: the sensor loses all points, or lacks what it needs.
    """
    if plan.sensor is None:
        return labeled, None
    return sense(
        labeled,
        plan.sensor,
        rng=rng,
        nominal_cloud=scan,
        viewpoints=None if plan.intake.viewpoint is None else [plan.intake.viewpoint],
        unit=scan.unit or Unit.MM,
    )


def _export_scan(plan: SynthesisPlan, scan: str, cloud: PointCloud, record: ScanRecord) -> None:
    """Write the scan as it goes into the data set."""
    if plan.sensor is not None:
        rng = scan_rng(plan.seed, record.source.sha256)
        labeled, report = apply_sensor(plan, LabeledCloud.nominal(cloud), cloud, rng)
        cloud = PointCloud(labeled.points, labeled.normals, fields=labeled.fields)
        record = record.model_copy(update={"sensor": report})
    path = plan.nominal_file(scan)
    if path.suffix == SUFFIX:
        write_scan(path, cloud, record.model_dump(mode="json"))
    else:
        write_cloud(path, cloud)


def _found(plan: SynthesisPlan, file: Path) -> ScanEntry | None:
    """What an earlier run has come to."""
    skipped, exported = plan.skipped_file(scan_name(file)), plan.nominal_file(scan_name(file))
    try:
        if skipped.exists():
            return ScanEntry.model_validate_json(skipped.read_text(encoding="utf-8"))
        if plan.nominal_scans and not exported.exists():
            return None
        read_document(plan.index_file(scan_name(file)))
        document = read_record(plan.prepared_file(scan_name(file)))
        return _entry(plan, scan_name(file), ScanRecord.model_validate(document))
    except (FileFormatError, OSError, ValueError):
        return None  # not there, or cut short when the machine went down


def _align(plan: SynthesisPlan, file: Path) -> AlignedScan:
    part_unit = load_template(plan.template).unit
    intake = plan.intake.with_units(part_unit)
    return align(
        read_cloud(file, unit=intake.unit, assumed_unit=intake.assumed_unit, text=intake.text),
        None if plan.nominal is None else _model(plan.nominal, intake.nominal_unit, part_unit),
        part_unit=part_unit,
        viewpoint=None if intake.viewpoint is None else np.array(intake.viewpoint),
        seed=plan.seed,
        clean=intake.clean,
        crop=intake.crop,
    )


@lru_cache(maxsize=1)
def _model(path: Path, unit: Unit | None, part_unit: Unit) -> PointCloud:
    return read_cloud(path, unit=unit).surface.in_unit(part_unit)


@lru_cache(maxsize=1)
def _model_source(path: Path, unit: Unit) -> ModelSource:
    """Of all scans that a process prepares: models of many megabytes are digested once."""
    return model_source(path, unit)


def _record(plan: SynthesisPlan, file: Path, aligned: AlignedScan) -> ScanRecord:
    nominal = None
    if plan.nominal is not None:
        unit = plan.intake.nominal_unit or load_template(plan.template).unit
        nominal = _model_source(plan.nominal, unit)
    return ScanRecord(
        T_part_scan=aligned.T_part_scan.tolist(),
        points=len(aligned.cloud),
        source=scan_source(file, plan.intake, aligned.cloud.unit),
        nominal=nominal,
        alignment=aligned.record,
        notices=aligned.cloud.notices,
    )


def _entry(plan: SynthesisPlan, scan: str, record: ScanRecord) -> ScanEntry:
    exported = plan.nominal_file(scan)
    return ScanEntry(
        scan=scan,
        source=FileIdentity(file=record.source.file, sha256=record.source.sha256),
        points=record.points,
        nominal=FileEntry.of(exported, plan.out) if plan.nominal_scans else None,
        alignment=record.alignment,
        notices=record.notices,
    )


def _skipped(file: Path, reason: str) -> ScanEntry:
    return ScanEntry(scan=scan_name(file), source=file_identity(file), skipped=reason)
