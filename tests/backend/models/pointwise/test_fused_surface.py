"""Rigid parts without a nominal model, compared with one that is fused from their scans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.cloud import PointCloud
from backend.evaluation.measure import evaluate
from backend.scoring.detector import Detector
from backend.training import DETECTOR_FILE
from tests.backend.models.pointwise.test_nominal_surface import (
    ALONE,
    PART,
    cases,
    mesh,
    scan,
    shallow_dent,
    trained,
    turned,
)

FUSING = replace(ALONE, fuse_scans=True)


def bent(seed: int, by: float) -> PointCloud:
    """The part as if it were flexible, bent by a ratio of its diagonal."""
    cloud, corners = scan(seed), mesh().points
    long = int(np.argmax(np.ptp(corners, axis=0)))
    along = (cloud.points[:, long] - corners[:, long].mean()) / np.ptp(corners[:, long])
    points = cloud.points.copy()
    points[:, (long + 1) % 3] += 4.0 * by * mesh().diagonal * along**2
    return turned(PointCloud(points, cloud.normals), seed)


def test_dents_are_found_in_any_pose_and_the_decision_is_told(tmp_path: Path) -> None:
    scans = [turned(scan(seed), seed) for seed in range(4)]
    detector = trained(tmp_path, scans, config=FUSING)
    assert set(detector.categories[PART].tails) == {"surface"}
    fusion = detector.info["fusions"][PART]
    assert fusion["is_trusted"] and fusion["scans"] == 3 and fusion["held_out"] == 1
    assert fusion["fitness"] > 0.95 and fusion["residual"] < 0.003
    assert "and with a nominal model fused from its scans" in detector.comparison(PART)

    row = evaluate(detector, cases(range(20, 22))).rows[-1]
    assert row.o_auroc == 1.0 and row.p_auroc > 0.95

    dented = shallow_dent(60)
    result = detector.score(dented.points, dented.normals)
    gravest = result.regions[0]
    assert gravest.deviation is not None and gravest.center_in_part is not None
    assert gravest.deviation.lowest < -0.003 * mesh().diagonal

    again = Detector.load(Detector.load(tmp_path / DETECTOR_FILE).save(tmp_path / "again"))
    same = again.score(dented.points, dented.normals)
    np.testing.assert_array_equal(same.point_scores, result.point_scores)


def test_a_flexible_part_is_declined_and_compared_as_before(tmp_path: Path) -> None:
    scans = [bent(seed, by) for seed, by in enumerate((-0.02, 0.0, 0.02, 0.01))]
    detector = trained(tmp_path / "fusing", scans, config=FUSING)
    assert not detector.info["fusions"][PART]["is_trusted"]
    assert "but not with a nominal model fused from its scans" in detector.comparison(PART)
    without = trained(tmp_path / "without", scans, config=ALONE)
    assert PART not in without.info["fusions"]
    cloud = scan(30)
    first, second = (one.score(cloud.points, cloud.normals) for one in (detector, without))
    np.testing.assert_array_equal(first.point_scores, second.point_scores)
