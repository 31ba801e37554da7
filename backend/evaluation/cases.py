"""Labelled clouds to measure on, and what a detector said of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.arrays import BoolArray, Float32Array
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.benchmark import OWN, read_cases
from backend.dataset.layouts import Protocol, Split
from backend.errors import CloudError, DatasetError
from backend.evaluation.metrics.aupro import label_image, label_regions
from backend.evaluation.pixel_map import bare_map, dense_map
from backend.intake import Intake
from backend.io.organised import PIXEL
from backend.progress import Following, following
from backend.scoring.detector import Detector, Scores
from shared_schema.recipe import Unit

# The regions of the points or pixels, and their scores.
Places = tuple[NDArray[np.int32], Float32Array]


@dataclass(frozen=True, eq=False)
class TestCase:
    """A labelled cloud to evaluate on.

    Attributes:
        cloud: anomalous if its mask has any point.
        category: as in training.
        kind: the defect kind, the row of the table it counts for; any text for nominal clouds.
        image: (H, W) bool, the ground truth of an organised scan, whose points know their pixels.

    >>> nominal = fs.LabeledCloud.nominal(fs.load_sample("plate_holes"))
    >>> fs.TestCase(nominal, category="plate", kind="nominal").anomalous
    False
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    cloud: LabeledCloud
    category: str
    kind: str
    image: BoolArray | None = None

    @property
    def anomalous(self) -> bool:
        """Whether any point is."""
        return bool(self.cloud.mask.any()) or (self.image is not None and bool(self.image.any()))


@dataclass(frozen=True, eq=False)
class ScoredCase:
    """A test case with what the detector said.

    Attributes:
        case: the cloud; without points where ``places`` is given.
        result: the scores.
        places: what ``in_cloud`` or ``in_image`` gives, where it was found already.
        points_in_image: what ``in_image_at_points`` gives, likewise.
    """

    case: TestCase
    result: Scores
    places: Places | None = None
    points_in_image: Places | None = None

    @property
    def called(self) -> str | None:
        """The likely kind of the region with most anomalous points; None where none has any."""
        numbers = self.result.region[self.case.cloud.mask]
        found = np.bincount(numbers)[1:]
        return self.result.region_kinds[int(found.argmax())] if found.any() else None

    @cached_property
    def in_cloud(self) -> Places:
        """Its regions in the neighbourhood graph of the cloud, and the points' scores."""
        if self.places is not None:
            return self.places
        cloud = self.case.cloud
        if not cloud.mask.any():
            return np.zeros(len(cloud), np.int32), self.result.point_scores
        regions = label_regions(cloud.mask, PointCloud(cloud.points).edges)
        return regions.astype(np.int32), self.result.point_scores

    @cached_property
    def in_image(self) -> Places:
        """Its regions in the image, and the pixels' scores by ``dense_map``.

        Raises:
            DatasetError: the scan is not organised.
        """
        if self.places is not None:
            return self.places
        regions, image = self._image
        return regions, dense_map(image).ravel()

    @cached_property
    def in_image_at_points(self) -> Places:
        """Its regions in the image, and the points' scores in their pixels, 0 in the others.

        Raises:
            DatasetError: the scan is not organised.
        """
        if self.points_in_image is not None:
            return self.points_in_image
        regions, image = self._image
        return regions, np.nan_to_num(image, nan=0.0).ravel()

    @property
    def _image(self) -> tuple[NDArray[np.int32], Float32Array]:
        """The numbers of the regions (H W,), and the scores (H, W) of the points."""
        cloud, truth = self.case.cloud, self.case.image
        if truth is None or any(name not in cloud.fields for name in PIXEL):
            raise DatasetError("a benchmark of images needs organised scans and their ground truth")
        row, column = (cloud.fields[name] for name in PIXEL)
        height, width = truth.shape
        image = bare_map((height, width), row, column, self.result.point_scores)
        return label_image(truth).astype(np.int32).ravel(), image

    def without_geometry(self, protocol: Protocol) -> ScoredCase:
        """What ``report`` needs by ``protocol``, and no more, for data sets larger than memory."""
        image = protocol.in_image
        places = [self.in_image, self.in_image_at_points] if image else [self.in_cloud]
        cloud = self.case.cloud
        nothing = np.empty((0, 3))
        bare = LabeledCloud(
            nothing, None, cloud.mask, cloud.labels[:0], cloud.weight[:0], cloud.source_index[:0]
        )
        return ScoredCase(replace(self.case, cloud=bare), self.result, *places)


def score_case(detector: Detector, case: TestCase) -> ScoredCase:
    """Score a test case as a scan of its category.

    Raises:
        CloudError: it cannot be scored, or surely shows another part.
    """
    result = detector.score(case.cloud.points, case.cloud.normals, case.category)
    if not result.is_scored:
        raise CloudError(result.reasons[0])
    return ScoredCase(case, result)


def read_test_cases(
    folder: Path | str,
    layout: str = OWN,
    *,
    unit: Unit | None = None,
    progress: Following = "bars",
) -> list[TestCase]:
    """Read the labelled scans of a data set to measure on, all of them into memory.

    Args:
        folder: of the data set, as ``flawsmith evaluate`` takes it.
        layout: ``"flawsmith"``, or the name of a benchmark, whose test split is read.
        unit: of the scans, if it is known.
        progress: ``"bars"`` shows a bar on standard error, if that is a terminal or a notebook;
            None shows nothing; a ``Progress`` is a function of yours, called after each file.

    Raises:
        DatasetError: the layout is unknown, or the folder does not hold what it should.
        FileFormatError: a scan cannot be read.

    >>> (folder / "plate" / "nominal").mkdir(parents=True)
    >>> fs.write_cloud(folder / "plate" / "nominal" / "0.ply", scans[0])
    >>> (case,) = fs.read_test_cases(folder)
    >>> case.category, case.kind
    ('plate', 'nominal')
    """
    with following(progress) as follow:
        cases = read_cases(Path(folder), layout, (Split.TEST,), Intake(unit), follow)
    return [
        TestCase(case.sample.cloud, case.sample.file.category, case.sample.kind, case.image)
        for case in cases
    ]
