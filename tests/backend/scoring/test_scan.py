"""Scans in their own unit, and the summary of their scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.errors import CloudError
from backend.scoring.detector import Detector
from backend.scoring.scan import score_scan, summarize, unit_scale
from tests.backend.parts import scan


@pytest.fixture(scope="module")
def detector(model: Path) -> Detector:
    return Detector.load(model)


def test_units_are_brought_to_that_of_the_detector(detector: Detector) -> None:
    assert detector.unit == "mm"
    scales = {unit: unit_scale(detector, unit) for unit in (None, "mm", "cm", "m", "inch")}
    assert scales == {None: 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
    in_metres = replace(scan("egg", 1), points=scan("egg", 1).points / 1000.0, unit="m")
    assert score_scan(detector, in_metres).category == "egg"


def test_a_unit_means_nothing_to_a_detector_without_one(detector: Detector) -> None:
    without = replace(detector, info={**detector.info, "unit": None})
    assert unit_scale(without, None) == 1.0
    with pytest.raises(CloudError, match="leave out the unit"):
        score_scan(without, replace(scan("egg", 1), unit="mm"))


def test_scores_are_those_of_the_detector(detector: Detector) -> None:
    cloud = scan("egg", 1)
    np.testing.assert_array_equal(
        score_scan(detector, cloud, "egg").point_scores,
        detector.score(cloud.points, cloud.normals, "egg").point_scores,
    )


def test_the_viewpoint_tells_the_outside_of_a_bare_scan(detector: Detector) -> None:
    cloud = scan("egg", 1)
    assert cloud.normals is not None
    bare = replace(cloud, normals=None)
    # From within, the surface is seen the other way round; of normals only the signs count.
    expected = detector.score(cloud.points, -cloud.normals, "egg").point_scores
    found = score_scan(detector, bare, "egg", (0.0, 0.0, 0.0)).point_scores
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(score_scan(detector, bare, "egg").point_scores - expected).max() > 0.1


def test_the_summary_counts_points_above_the_threshold(detector: Detector) -> None:
    cloud = scan("egg", 1)
    result = detector.score(cloud.points)
    values = np.array([0.0, 1.0, 2.0, 3.0], dtype=np.float32)
    summary = summarize(replace(result, point_scores=values, point_threshold=1.0), cloud)
    assert (summary.point_count, summary.anomalous_points) == (4, 2)
    assert summary.point_scores is None and summary.picture is None
    listed = summarize(replace(result, point_scores=values), cloud, point_scores=True)
    assert listed.point_scores == (0.0, 1.0, 2.0, 3.0)
