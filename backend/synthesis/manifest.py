"""What a synthesised data set says of itself: its inputs, and every file in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from backend.file_names import shown
from backend.io.digest import file_digest, file_identity
from backend.io.sources import way
from backend.replay.replay import versions
from backend.synthesis.plan import SynthesisPlan
from shared_schema.base import Model
from shared_schema.record import AlignmentReport, FileIdentity
from shared_schema.sensor import Sensor

# Where inputs are does not change what is made of them.
PLACES = ("scans_folder", "nominal_folder")


class FileEntry(Model):
    """A file of the data set: its path below the folder of data, SHA-256 and size."""

    file: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path, folder: Path) -> FileEntry:
        """That of the file at ``path`` in ``folder``, the folder of data."""
        name = shown(path.relative_to(folder).as_posix())
        return cls(file=name, sha256=file_digest(path), bytes=path.stat().st_size)


class Inputs(Model):
    """All that a data set is made from, but for how many samples: the file ``synthesize.json``.

    ``scans_folder`` and ``nominal_folder`` say where the files were, from the folder of data.
    """

    schema_version: Literal[1] = 1
    template: FileIdentity
    nominal: FileIdentity | None
    views: FileIdentity | None
    scans: tuple[FileIdentity, ...]
    category: str
    seed: int
    unit: str | None
    nominal_unit: str | None
    viewpoint: tuple[float, float, float] | None
    decimal: str | None = None
    delimiter: str | None = None
    clean: bool
    crop: bool
    on_empty: str
    format: str
    nominal_scans: bool
    sensor: Sensor | None
    versions: dict[str, str]
    scans_folder: str | None = None
    nominal_folder: str | None = None

    @classmethod
    def of(cls, plan: SynthesisPlan) -> Inputs:
        """Those of ``plan``; reads every input once.

        Raises:
            DatasetError: there are no scans.
        """
        return cls(
            template=file_identity(plan.template),
            nominal=None if plan.nominal is None else file_identity(plan.nominal),
            views=None if plan.views is None else file_identity(plan.views),
            scans=tuple(file_identity(path) for path in plan.scan_files()),
            category=plan.category,
            seed=plan.seed,
            unit=plan.intake.unit,
            nominal_unit=plan.intake.nominal_unit,
            viewpoint=plan.intake.viewpoint,
            decimal=plan.intake.text.decimal,
            delimiter=plan.intake.text.delimiter,
            clean=plan.intake.clean,
            crop=plan.intake.crop,
            on_empty=plan.on_empty,
            format=plan.suffix,
            nominal_scans=plan.nominal_scans,
            sensor=plan.sensor,
            versions=versions(),
            scans_folder=way(plan.out, plan.scans),
            nominal_folder=None if plan.nominal is None else way(plan.out, plan.nominal.parent),
        )

    def differences(self, other: Inputs) -> list[str]:
        """The differences of ``other`` from these inputs, in words."""
        found = []
        for name in type(self).model_fields:
            here, there = getattr(self, name), getattr(other, name)
            if here == there or name in PLACES:
                continue
            if name == "scans":
                found.append(_scans_in_words(here, there))
            else:
                found.append(f"{name} was {_in_words(here)} and is {_in_words(there)}")
        return found


def _in_words(value: Any) -> str:
    if isinstance(value, FileIdentity):
        return f"{value.file} ({value.sha256[:8]}…)"
    if isinstance(value, Sensor):
        return f"{value.name or 'one'} (its settings count)"
    return "none" if value is None else str(value)


def _scans_in_words(here: tuple[FileIdentity, ...], there: tuple[FileIdentity, ...]) -> str:
    before, now = ({scan.file: scan.sha256 for scan in scans} for scans in (here, there))
    names = sorted(name for name in before | now if before.get(name) != now.get(name))
    return f"{len(names)} of the scans are missing, new or changed: {', '.join(names[:5])}"


class ScanEntry(Model):
    """A scan, and whether samples are made from it.

    Attributes:
        scan: its name in the data set.
        source: the file it was read from.
        points: how many it has; 0 if it could not be used.
        nominal: its file in the data set, or None.
        alignment: how it was brought into the part frame (``AlignedScan.record``).
        notices: what there is to tell of it (``PointCloud.notices``).
        skipped: why it is not used, or None.
    """

    scan: str
    source: FileIdentity
    points: int = 0
    nominal: FileEntry | None = None
    alignment: AlignmentReport | None = None
    notices: tuple[str, ...] = ()
    skipped: str | None = None


class SampleEntry(Model):
    """A sample.

    Attributes:
        sample: its number.
        cloud: the file of its points.
        record: the file beside it, or None where the cloud's file holds the record.
        scan: the scan it was made from.
        attempt: how many draws before showed on too few or too many of the scan's points.
        kinds: of the defects that mark points, sorted.
        labels: of the same, sorted.
        points: how many it has.
        marked: how many of them are anomalous.
    """

    sample: int
    cloud: FileEntry
    record: FileEntry | None
    scan: str
    attempt: int
    kinds: tuple[str, ...]
    labels: tuple[int, ...]
    points: int
    marked: int


class MissingEntry(Model):
    """A sample that could not be made, and why."""

    sample: int
    scan: str
    missing: str


class Manifest(Model):
    """Everything in a finished data set, by name and number; the file ``manifest.json``."""

    schema_version: Literal[1] = 1
    count: int
    inputs: Inputs
    scans: tuple[ScanEntry, ...]
    samples: tuple[SampleEntry, ...]
    missing: tuple[MissingEntry, ...]
