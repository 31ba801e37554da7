"""What every layout is made of: where a sample goes, and the files that hold it there.

Writing, a layout knows no disk: it turns one sample into the bytes of its files, by their names in
the data set, and ``backend.dataset.export`` reads the samples and writes the files. Reading, it
finds the files of a data set, also of the benchmark as it is published, and reads one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from backend.arrays import BoolArray
from backend.cloud import LabeledCloud

# How the layouts call what has no defect, wherever they name it at all.
GOOD = "good"


class Split(StrEnum):
    """Which part of a benchmark a sample belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class BenchmarkPlace:
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
class ImageView:
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


@dataclass(frozen=True)
class BenchmarkFile:
    """A scan of a benchmark.

    Attributes:
        path: of its points.
        truth: of its ground truth; None where there is none, as of nominal scans.
        place: where it stands in the benchmark; ``number`` tells files of one category and split
            apart.
    """

    path: Path
    truth: Path | None
    place: BenchmarkPlace


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a scan besides its points.

    Attributes:
        cloud: with its mask; with normals where the layout tells where the sensor stood.
        image: (H, W) bool ground truth of an organised scan, pixels without a point included.
    """

    cloud: LabeledCloud
    image: BoolArray | None = None


@dataclass(frozen=True)
class Protocol:
    """How a benchmark measures.

    Attributes:
        nominal_points: whether points of nominal scans count for the point metrics, too.
        in_image: whether regions are connected, and overlap and false positives counted, in the
            image, in which every pixel has a score.
    """

    nominal_points: bool = True
    in_image: bool = False


def no_tables(places: Sequence[BenchmarkPlace]) -> dict[str, bytes]:
    """The tables of a layout that has none."""
    return {}


@dataclass(frozen=True)
class Layout:
    """How a benchmark lays out its files.

    Attributes:
        title: the benchmark's own name.
        files: one sample in the layout.
        find: the scans in a folder, in the order of their places.
        read: one of them.
        words: what its loaders look for or replace anywhere in a path; neither a category nor a
            defect may have one of these in its name.
        tables: files about all samples together, by name.
        validates: whether it has a split of its own to validate on.
        in_metres: whether its lengths are metres, whatever the clouds' unit.
        protocol: how it measures.
    """

    title: str
    files: Callable[[BenchmarkPlace, LabeledCloud, ImageView], Exported]
    find: Callable[[Path], Iterator[BenchmarkFile]]
    read: Callable[[BenchmarkFile], Truth]
    words: tuple[str, ...]
    tables: Callable[[Sequence[BenchmarkPlace]], Mapping[str, bytes]] = no_tables
    validates: bool = False
    in_metres: bool = False
    protocol: Protocol = Protocol()
