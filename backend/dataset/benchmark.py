"""Data sets to train and to measure on, by the name of their layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.arrays import BoolArray
from backend.dataset.folder import (
    NOMINAL,
    DataFile,
    Sample,
    data_files,
    read_reported,
    read_samples,
    with_scan_normals,
)
from backend.dataset.layouts import LAYOUTS, BenchmarkFile, Protocol, Split
from backend.errors import DatasetError
from backend.file_names import shown
from backend.intake import PLAIN, Intake
from backend.progress import Progress, silent, track
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
    cloud = with_scan_normals(truth.cloud, intake)
    kind = file.place.kind if file.place.anomalous else NOMINAL
    return Case(Sample(_data_file(file), cloud, kind), truth.image)


def _data_file(file: BenchmarkFile) -> DataFile:
    place = file.place
    validation = place.split == Split.VALIDATION
    return DataFile(file.path, place.category, place.anomalous, validation=validation)


def read_training_samples(
    folder: Path,
    layout: str,
    intake: Intake,
    progress: Progress,
    notice: Callable[[Path, Sequence[str]], None],
) -> list[Sample]:
    """The scans of a data set that a training can use; the others are reported and left out.

    Args:
        folder: of the data set.
        layout: ``"flawsmith"``, or a benchmark, whose training and validation splits are read.
        intake: how the scans are taken in.
        progress: follows the reading.
        notice: takes a file and what the user is to know about it.

    Raises:
        DatasetError: there are no scans, or none of a category's nominal ones can be used.
        MissingDependencyError: an optional package is not installed.
    """
    if layout == OWN:
        return read_reported(data_files(folder), intake, progress, notice)[0]
    found = find_files(folder, layout, (Split.TRAIN, Split.VALIDATION))
    files = {_data_file(file): file for file in found}

    def read(file: DataFile, intake: Intake) -> Sample:
        return read_file(files[file], layout, intake).sample

    return read_reported(list(files), intake, progress, notice, read)[0]


def read_cases(
    folder: Path,
    layout: str,
    splits: Sequence[Split],
    intake: Intake = PLAIN,
    progress: Progress = silent,
) -> list[Case]:
    """The scans of a data set in any layout, all in memory.

    Args:
        folder: of the data set.
        layout: ``"flawsmith"``, whose scans have no splits and are all read, or a benchmark's name.
        splits: of a benchmark, which of its splits are read.
        intake: how the scans are taken in.
        progress: follows the reading.

    Raises:
        DatasetError: the layout is unknown, there are no scans, or anomalous ones mark no point.
        FileFormatError: a scan cannot be read.
    """
    if layout == OWN:
        samples, unmarked = read_samples(track(progress, data_files(folder), "Reading"), intake)
        if unmarked:
            names = ", ".join(shown(file.path) for file in unmarked)
            raise DatasetError(f"the masks of these files mark no point: {names}; leave them out")
        return [Case(sample) for sample in samples]
    if layout not in LAYOUTS:
        known = ", ".join([OWN, *LAYOUTS])
        raise DatasetError(f"unknown layout {layout!r}; there are: {known}")
    intake = intake_of(layout, intake)
    files = list(find_files(folder, layout, splits))
    return [read_file(file, layout, intake) for file in track(progress, files, "Reading")]
