"""Parts of revolution without a nominal model: what does not matter, and what never passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import CloudError
from backend.models.unrolled.model import UnrolledModel
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from backend.training import TrainingConfig, TrainingSet, train
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledFittingConfig
from shared_schema.api import Verdict
from tests.backend.turned import dented, scan

NAME, POINTS = "turned", 2500
# So many certify a false-alarm rate of a tenth.
CALIBRATED = 9


@pytest.fixture(scope="module")
def detector() -> Detector:
    """It compares scans twice, with cells that begin at different places."""
    fitting = UnrolledFittingConfig(networks=0)
    unrolled = UnrolledTrainingConfig(fitting=fitting, test_time_offsets=2)
    config = TrainingConfig(family="unrolled", unrolled=unrolled, false_alarm_rate=0.1, threads=1)
    learned = [scan(number, POINTS) for number in range(5)]
    held_out = [scan(100 + number, POINTS) for number in range(CALIBRATED)]
    found = train({NAME: TrainingSet(learned, calibration=held_out)}, config, progress=None)
    assert isinstance(found.categories[NAME].model, UnrolledModel)
    return found


def test_a_nominal_scan_passes_and_a_dented_one_is_rejected(detector: Detector) -> None:
    good, bad = scan(300, POINTS), dented(301, depth=2.0)
    assert detector.score(good.points, good.normals, NAME).verdict is Verdict.PASS
    assert detector.score(bad.points, bad.normals, NAME).verdict is Verdict.REJECT


def test_few_nominal_scans_are_helped_by_other_angles(detector: Detector) -> None:
    assert set(detector.categories[NAME].tails) == {"unrolled", "peers"}
    many = replace(TrainingConfig(), family="unrolled", threads=1, unrolled=without_peers())
    scans = [scan(number, POINTS) for number in range(3)]
    assert set(train({NAME: scans}, many, progress=None).categories[NAME].tails) == {"unrolled"}


def without_peers() -> UnrolledTrainingConfig:
    return UnrolledTrainingConfig(fitting=UnrolledFittingConfig(networks=0), peers_up_to=0)


def test_neither_pose_nor_order_nor_axes_nor_stray_points_matter(detector: Detector) -> None:
    part, rng = scan(302, POINTS), np.random.default_rng(0)
    assert part.normals is not None
    turn, order = Rotation.random(random_state=rng).as_matrix(), rng.permutation(len(part))
    strays = rng.uniform(-50.0, 50.0, (4, 3)) + 100.0
    scans = [
        part,
        PointCloud(part.points[order] @ turn.T + 70.0, part.normals[order] @ turn.T),
        PointCloud(part.points[:, [2, 0, 1]], part.normals[:, [2, 0, 1]]),
        PointCloud(
            np.concatenate([part.points, strays]), np.concatenate([part.normals, turn, turn[:1]])
        ),
    ]
    found = [detector.score(one.points, one.normals, NAME) for one in scans]
    assert len({one.verdict for one in found}) == 1
    scores = [one.object_score for one in found]
    assert scores[1:3] == pytest.approx([scores[0]] * 2, abs=0.05)
    assert scores[3] == pytest.approx(scores[0], abs=0.5)


def test_no_other_thing_passes(detector: Detector) -> None:
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(3000, 3))
    ball *= 9.0 / np.linalg.norm(ball, axis=1, keepdims=True)
    flat = np.column_stack([rng.uniform(0.0, 25.0, (3000, 2)), np.zeros(3000)])
    things = {"ball": PointCloud(ball), "plane": PointCloud(flat)}
    for name in ("pawn", "motor_holder"):
        part = virtual_scan(load_sample(name), views=1, points=3000, noise=0.03, rng=rng)
        assert part.normals is not None
        scale = 35.0 / part.part_diagonal
        things |= {name: part, f"small {name}": PointCloud(scale * part.points, part.normals)}
    verdicts = {
        name: detector.score(one.points, one.normals, NAME).verdict for name, one in things.items()
    }
    assert set(verdicts.values()) <= {Verdict.UNKNOWN, Verdict.DOUBTFUL, Verdict.REJECT}, verdicts
    with pytest.raises(CloudError, match="scan more of the part"):
        detector.score(np.outer(np.linspace(0.0, 30.0, 3000), [1.0, 0.0, 0.0]), None, NAME)
