"""Data sets to train and to measure on, by the name of their layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.arrays import BoolArray
from backend.dataset.folder import (
    NOMINAL,
    DataFile,
    Sample,
    data_files,
    read_samples,
    with_scan_normals,
)
from backend.dataset.layouts import LAYOUTS, BenchmarkFile, Protocol, Split
from backend.errors import DatasetError
from backend.file_names import shown
from backend.intake import PLAIN, Intake
from shared_schema.recipe import Unit

OWN = "flawsmith"
OWN_PROTOCOL = Protocol(nominal_points=False)


@dataclass(frozen=True, eq=False)
class Case:
    """A scan that was read.

    Attributes:
        sample: with its points in the data's unit.
        image: see ``backend.dataset.layouts.Truth``.
    """

    sample: Sample
    image: BoolArray | None = None


def protocol_of(layout: str) -> Protocol:
    """How data of a layout are measured."""
    return OWN_PROTOCOL if layout == OWN else LAYOUTS[layout].protocol


def intake_of(layout: str, intake: Intake) -> Intake:
    """``intake`` with the unit that the layout fixes where it has none."""
    fixed = layout != OWN and LAYOUTS[layout].in_metres
    return replace(intake, unit=Unit.M) if fixed and intake.unit is None else intake


def find_files(folder: Path, layout: str, splits: Sequence[Split]) -> list[BenchmarkFile]:
    """The scans of a benchmark's splits in ``folder``.

    Raises:
        DatasetError: there are none.
    """
    found = [file for file in LAYOUTS[layout].find(folder) if file.place.split in splits]
    if not found:
        wanted = " or ".join(splits)
        raise DatasetError(
            f"{folder}: no scan of a {wanted} split of {LAYOUTS[layout].title}; "
            "docs/reference/layouts.md says where its files belong; or choose another --layout"
        )
    return found


def read_file(file: BenchmarkFile, layout: str, intake: Intake = PLAIN) -> Case:
    """One of them.

    Raises:
        FileFormatError: it cannot be read.
        DatasetError: its ground truth does not fit it.
    """
    truth = LAYOUTS[layout].read(file)
    place = file.place
    validation = place.split == Split.VALIDATION
    data = DataFile(file.path, place.category, place.anomalous, validation=validation)
    cloud = with_scan_normals(truth.cloud, intake)
    return Case(Sample(data, cloud, place.kind if place.anomalous else NOMINAL), truth.image)


def read_cases(
    folder: Path, layout: str, splits: Sequence[Split], intake: Intake = PLAIN
) -> list[Case]:
    """The scans of a data set in any layout, all in memory.

    Args:
        folder: of the data set.
        layout: ``"flawsmith"``, whose scans have no splits and are all read, or a benchmark's name.
        splits: of a benchmark, which of its splits are read.
        intake: how the scans are taken in.

    Raises:
        DatasetError: the layout is unknown, there are no scans, or anomalous ones mark no point.
        FileFormatError: a scan cannot be read.
    """
    if layout == OWN:
        samples, unmarked = read_samples(data_files(folder), intake)
        if unmarked:
            names = ", ".join(shown(file.path) for file in unmarked)
            raise DatasetError(f"the masks of these files mark no point: {names}; leave them out")
        return [Case(sample) for sample in samples]
    if layout not in LAYOUTS:
        known = ", ".join([OWN, *LAYOUTS])
        raise DatasetError(f"unknown layout {layout!r}; there are: {known}")
    intake = intake_of(layout, intake)
    return [read_file(file, layout, intake) for file in find_files(folder, layout, splits)]
