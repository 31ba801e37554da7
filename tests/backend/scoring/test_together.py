"""Several scans of one object, judged together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import CloudError
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.scoring.scan import score_scan
from backend.scoring.together import JointScore, score_together
from backend.sensor.virtual_scan import virtual_scan
from backend.training import TrainingConfig, TrainingSet, train
from shared_schema.api import Verdict
from tests.backend.parts import TINY, nominal_set

PART = "motor_holder"
CONFIG = TrainingConfig(
    target_points=2500, channels=("surface",), family="pointwise", false_alarm_rate=0.2
)
VIEW_POINTS = 4000
DEPTH, RADIUS = 2.0, 7.0
# Each view sees three sides of a box.
SIDES = np.array([[1, 1, 1], [-1, 1, 1], [1, -1, -1], [-1, -1, -1], [1, -1, 1]]) / np.sqrt(3.0)


@pytest.fixture(scope="module")
def whole() -> PointCloud:
    """A dense scan from all sides, in mm."""
    rng = np.random.default_rng(99)
    return virtual_scan(load_sample(PART), views=8, points=30_000, noise=0.02, rng=rng)


@pytest.fixture(scope="module")
def detector() -> Detector:
    mesh = load_sample(PART)
    scans = [
        virtual_scan(mesh, views=6, points=5000, noise=0.02, rng=np.random.default_rng(seed))
        for seed in range(7)
    ]
    given = TrainingSet(scans[:3], calibration=scans[3:], nominal_model=mesh)
    return train({PART: given}, CONFIG, seed=0, progress=None)


def place_of_dent(whole: PointCloud) -> int:
    """A point that two of the sides see."""
    assert whole.normals is not None
    return int(np.argmax(whole.normals @ [0.0, 0.0, 1.0] + 0.001 * whole.points[:, 2]))


def dented(whole: PointCloud) -> PointCloud:
    assert whole.normals is not None
    row = place_of_dent(whole)
    away = np.linalg.norm(whole.points - whole.points[row], axis=1) / RADIUS
    depth = DEPTH * np.where(away < 1.0, (1.0 - away**2) ** 2, 0.0)
    return whole.moved(whole.points - depth[:, None] * whole.normals[row], whole.normals)


def views(whole: PointCloud, sides: np.ndarray = SIDES, factor: float = 1.0) -> list[PointCloud]:
    """What faces each of ``sides``, each turned in its own way."""
    found = []
    for number, side in enumerate(sides):
        rng = np.random.default_rng(number)
        assert whole.normals is not None
        facing = np.flatnonzero(whole.normals @ side > 0.2)
        rows = np.sort(rng.choice(facing, min(VIEW_POINTS, len(facing)), replace=False))
        turn = Rotation.random(random_state=rng).as_matrix()
        points = factor * (whole.points[rows] @ turn.T + 10.0 * number)
        unit = "mm" if factor == 1.0 else "m"
        found.append(PointCloud(points, whole.normals[rows] @ turn.T, unit=unit))
    return found


@pytest.fixture(scope="module")
def nominal(detector: Detector, whole: PointCloud) -> JointScore:
    return score_together(detector, views(whole), PART)


@pytest.fixture(scope="module")
def joint(detector: Detector, whole: PointCloud) -> JointScore:
    return score_together(detector, views(dented(whole)), PART)


def test_together_they_show_all_of_a_good_part(nominal: JointScore) -> None:
    assert nominal.verdict is Verdict.PASS, nominal.judgement
    assert nominal.inspected > 0.95
    assert len(nominal.scans) == len(SIDES)
    # None of them alone is a whole inspection.
    assert all(one.verdict is not Verdict.PASS for one in nominal.scans)
    assert set(np.unique(nominal.views)) >= {1, 2, 3}


def test_a_defect_is_found_where_it_is_on_the_part(
    joint: JointScore, nominal: JointScore, whole: PointCloud
) -> None:
    assert joint.verdict is Verdict.REJECT
    assert joint.object_score > 1.5 * nominal.object_score
    first = joint.regions[0]
    truth = whole.points[place_of_dent(whole)]
    assert np.linalg.norm(first.center - truth) < RADIUS
    assert first.deviation is not None and -DEPTH < first.deviation.lowest < -0.3 * DEPTH
    inside = joint.region == 1
    assert joint.points[inside].mean(axis=0) == pytest.approx(first.center)
    assert (joint.views[inside] > 1).mean() > 0.3


def test_what_no_scan_shows_is_not_inspected(detector: Detector, whole: PointCloud) -> None:
    found = score_together(detector, views(whole, SIDES[:2]), PART)
    assert found.inspected < 0.95
    assert found.verdict is not Verdict.PASS
    assert any("is in none of the scans and is not inspected" in r for r in found.judgement.reasons)


def test_scans_may_be_in_another_unit(
    detector: Detector, whole: PointCloud, joint: JointScore
) -> None:
    found = score_together(detector, views(dented(whole), factor=1e-3), PART)
    assert found.object_score == pytest.approx(joint.object_score, rel=0.02)
    assert found.regions[0].area == pytest.approx(joint.regions[0].area, rel=0.05)


def test_the_part_is_the_one_that_most_scans_show(detector: Detector, whole: PointCloud) -> None:
    scans = views(whole)[:2]
    alone = [score_scan(detector, scan) for scan in scans]
    found = score_together(detector, scans)
    assert found.recognition.category == PART and not found.recognition.given
    assert [one.object_score for one in found.scans] == [one.object_score for one in alone]


def test_what_cannot_be_joined_is_said() -> None:
    bare = train({"egg": nominal_set()["egg"]}, TINY, seed=0, progress=None)
    with pytest.raises(CloudError, match=r"no nominal model of 'egg'.* score each by itself"):
        score_together(bare, list(nominal_set()["egg"])[:2])
    with pytest.raises(CloudError, match="there is no scan to score"):
        score_together(bare, [])
