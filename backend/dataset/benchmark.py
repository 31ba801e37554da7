"""Data sets to train and to measure on, by the name of their layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.dataset.folder import NOMINAL, DataFile, Sample, data_files, read_samples
from backend.dataset.layouts import LAYOUTS, BenchmarkFile, Protocol, Split
from backend.errors import DatasetError

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
    image: NDArray[np.bool_] | None = None


def protocol_of(layout: str) -> Protocol:
    """How data of a layout are measured."""
    return OWN_PROTOCOL if layout == OWN else LAYOUTS[layout].protocol


def unit_of(layout: str, unit: str | None) -> str | None:
    """The unit of the data: ``unit``, or what the layout fixes."""
    return "m" if unit is None and layout != OWN and LAYOUTS[layout].in_metres else unit


def find_files(folder: Path, layout: str, splits: Sequence[Split]) -> list[BenchmarkFile]:
    """The scans of a benchmark's splits in ``folder``.

    Raises:
        DatasetError: there are none.
    """
    found = [file for file in LAYOUTS[layout].find(folder) if file.place.split in splits]
    if not found:
        wanted = " or ".join(splits)
        raise DatasetError(
            f"{folder}: no scan of a {wanted} split of {LAYOUTS[layout].title}; docs/layouts.md "
            "says where its files belong; or choose another --layout"
        )
    return found


def read_file(file: BenchmarkFile, layout: str) -> Case:
    """One of them.

    Raises:
        FileFormatError: it cannot be read.
        DatasetError: its ground truth does not fit it.
    """
    truth = LAYOUTS[layout].read(file)
    place = file.place
    data = DataFile(file.path, place.category, place.anomalous)
    return Case(Sample(data, truth.cloud, place.kind if place.anomalous else NOMINAL), truth.image)


def read_own(folder: Path, unit: str | None) -> tuple[list[Case], list[DataFile]]:
    """All scans of flawsmith's own layout, and those left out as they mark no point."""
    samples, unmarked = read_samples(data_files(folder), unit=unit)
    return [Case(sample) for sample in samples], unmarked
