"""What every layout is made of: where a sample goes, and the files that hold it there.

A layout knows no disk: it turns one sample into the bytes of its files, by their names in the data
set. ``backend.dataset.export`` reads the samples and writes the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.cloud import LabeledCloud

# How the layouts call what has no defect, wherever they name it at all.
GOOD = "good"


class Split(StrEnum):
    """Which part of a benchmark a sample belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class Place:
    """Where a sample goes.

    Attributes:
        category: name of the part it shows.
        number: counts through the category, so that no two samples of it share one.
        split: its part of the benchmark.
        kind: the defect's name, of letters; ``GOOD`` without a defect.
    """

    category: str
    number: int
    split: Split
    kind: str

    @property
    def anomalous(self) -> bool:
        """Whether it shows a defect."""
        return self.kind != GOOD


@dataclass(frozen=True)
class View:
    """How clouds become images, in the layouts that have images; others take no notice.

    Attributes:
        metres: length of the clouds' unit.
        pixels: width and height of the image.
        direction: how the camera looks, in the scans' frame; of any length but zero.
        extent: diameter of the ball that the image shows, in the clouds' unit; the same for all
            samples of a category, whose pictures a detector compares.
        own_images: whether the category's scans come from organised images, and keep them.
    """

    metres: float
    pixels: int
    direction: tuple[float, float, float]
    extent: float
    own_images: bool


@dataclass(frozen=True, eq=False)
class Exported:
    """A sample in a layout.

    Attributes:
        files: bytes by the file's name in the data set, with ``/`` between folders.
        points: how many points of the sample they hold.
        marked: how many of these are anomalous.
    """

    files: Mapping[str, bytes]
    points: int
    marked: int


def no_tables(places: Sequence[Place]) -> dict[str, bytes]:
    """The tables of a layout that has none."""
    return {}


@dataclass(frozen=True)
class Layout:
    """How a benchmark lays out its files.

    Attributes:
        title: the benchmark's own name.
        files: one sample in the layout.
        words: what its loaders look for or replace anywhere in a path; neither a category nor a
            defect may have one of these in its name.
        tables: files about all samples together, by name.
        validates: whether it has a split of its own to validate on.
        in_metres: whether its lengths are metres, whatever the clouds' unit.
    """

    title: str
    files: Callable[[Place, LabeledCloud, View], Exported]
    words: tuple[str, ...]
    tables: Callable[[Sequence[Place]], Mapping[str, bytes]] = no_tables
    validates: bool = False
    in_metres: bool = False
