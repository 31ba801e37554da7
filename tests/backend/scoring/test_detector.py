"""A small detector, end to end through its public border."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.errors import CheckpointError, CloudError
from backend.evaluation.measure import evaluate
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.pointwise.model import PointwiseModel
from backend.scoring.detector import Detector
from backend.scoring.stored import read_scores, write_scores
from backend.training import DETECTOR_FILE, train
from shared_schema.api import Verdict
from tests.backend.parts import TINY, labeled, labeled_set, nominal_set, scan, sets, test_set


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A detector trained for a few seconds."""
    fitting = replace(TINY.fitting, epochs=4, steps_per_epoch=20)
    config = replace(TINY, fitting=fitting, false_alarm_rate=0.2)
    out = tmp_path_factory.mktemp("detector")
    train(sets(nominal_set(6), labeled_set(10)), config, seed=0, out=out)
    yield out / DETECTOR_FILE


@pytest.fixture(scope="module")
def detector(path: Path) -> Detector:
    return Detector.load(path)


def test_finds_deep_dents(detector: Detector) -> None:
    result = evaluate(detector, test_set())
    overall = result.rows[-1]
    assert overall.kind == "all" and overall.anomalous_clouds == overall.nominal_clouds == 12
    assert overall.o_auroc > 0.9
    assert overall.p_auroc > 0.8
    low, high = overall.o_auroc_interval
    assert low <= overall.o_auroc <= high


def test_score_map_is_complete(detector: Detector) -> None:
    cloud = labeled("egg", 300, 0.2)
    result = detector.score(cloud.points, cloud.normals, "egg")
    assert result.point_scores.shape == (900,) and result.point_scores.dtype == np.float32
    assert np.isfinite(result.point_scores).all()
    assert result.object_threshold is not None and result.verdict is not None
    rejected = result.object_score > result.object_threshold
    assert (result.verdict is Verdict.REJECT) == rejected
    assert not rejected or "is above" in result.reasons[0]
    marked = result.point_scores > result.point_threshold
    assert marked[cloud.mask].mean() > marked[~cloud.mask].mean()


def test_same_scores_after_saving_again(detector: Detector, tmp_path: Path) -> None:
    again = Detector.load(detector.save(tmp_path / "d.safetensors"))
    cloud = scan("ball", 7)
    np.testing.assert_array_equal(
        again.score(cloud.points, cloud.normals).point_scores,
        detector.score(cloud.points, cloud.normals).point_scores,
    )


def with_offsets(detector: Detector, count: int) -> Detector:
    """The same detector, which scores a cloud ``count`` times."""
    categories = {}
    for name, category in detector.categories.items():
        assert isinstance(category.model, PointwiseModel)
        model = replace(category.model, test_time_offsets=count)
        categories[name] = replace(category, model=model)
    return replace(detector, categories=categories)


@pytest.mark.parametrize("offsets", [1, 2, 4])
def test_neither_pose_nor_order_matters(detector: Detector, offsets: int) -> None:
    detector = with_offsets(detector, offsets)
    cloud = labeled("egg", 301, 0.2)
    plain = detector.score(cloud.points, cloud.normals)
    assert plain.category == "egg" and not plain.recognition.given
    for seed in range(5):
        turn = Rotation.random(random_state=seed).as_matrix()
        order = np.random.default_rng(seed).permutation(len(cloud))
        moved = detector.score(
            cloud.points[order] @ turn.T + 1e4, cloud.normals[order] @ turn.T, "egg"
        )
        np.testing.assert_allclose(moved.point_scores, plain.point_scores[order], atol=1e-3)
        assert moved.object_score == pytest.approx(plain.object_score, abs=1e-3)
        bare = detector.score(cloud.points[order] @ turn.T - 1e3)
        np.testing.assert_allclose(
            bare.point_scores, detector.score(cloud.points).point_scores[order], atol=1e-3
        )


@pytest.mark.parametrize("offsets", [1, 2, 4])
def test_stray_points_mark_themselves_and_nothing_else(detector: Detector, offsets: int) -> None:
    detector = with_offsets(detector, offsets)
    cloud = labeled("egg", 302, 0.0)
    plain = detector.score(cloud.points, cloud.normals, "egg")
    rng = np.random.default_rng(0)
    strays = np.concatenate([5e3 * rng.normal(size=(3, 3)), [[0.0, 0.0, 25.0], [0.0, 30.0, 0.0]]])
    result = detector.score(
        np.concatenate([cloud.points, strays]),
        np.concatenate([cloud.normals, np.tile([1.0, 0.0, 0.0], (5, 1))]),
        "egg",
    )
    assert result.stray[-5:].all() and result.above_threshold[-5:].all()
    np.testing.assert_array_equal(result.stray[:-5], plain.stray)
    np.testing.assert_allclose(result.point_scores[:-5], plain.point_scores, atol=1e-3)
    assert result.object_score == pytest.approx(plain.object_score, abs=1e-3)
    assert result.verdict is plain.verdict and len(result.regions) == len(plain.regions)


def test_the_decision_does_not_contradict_the_points(detector: Detector) -> None:
    """Noise all over is no defect that stands out, and yet no nominal part."""
    cloud = scan("egg", 303)
    rough = cloud.points + np.random.default_rng(0).normal(scale=0.4, size=cloud.points.shape)
    result = detector.score(rough, cloud.normals, "egg")
    assert result.above_threshold.mean() > 0.3
    assert result.verdict is not Verdict.PASS


def test_a_sparse_scan_is_not_called_anomalous(detector: Detector, tmp_path: Path) -> None:
    """Training has shown no scans with half of the points, so they score as high as defects."""
    dense, sparse = scan("egg", 304), scan("egg", 304, count=400)
    usual, result = (detector.score(c.points, c.normals, "egg") for c in (dense, sparse))
    assert usual.object_score < result.object_score and "sparse" not in str(usual.reasons)
    assert result.object_threshold is not None and result.object_score > result.object_threshold
    assert result.verdict is Verdict.REVIEW and "too sparse" in result.reasons[0]
    write_scores(tmp_path / "scores.safetensors", result)
    again = read_scores(tmp_path / "scores.safetensors", len(sparse))
    assert again is not None and again.judgement == result.judgement
    np.testing.assert_array_equal(again.point_scores, result.point_scores)
    assert read_scores(tmp_path / "scores.safetensors", len(sparse) + 1) is None


def test_works_without_normals_and_on_dense_clouds(detector: Detector) -> None:
    cloud = scan("ball", 8, count=20_000)
    result = detector.score(cloud.points)
    assert result.point_scores.shape == (20_000,)


def test_bad_clouds_are_refused(detector: Detector) -> None:
    cloud = scan("ball", 9)
    with pytest.raises(CloudError, match="knows: ball, egg"):
        detector.score(cloud.points, cloud.normals, "cube")
    for category in ("ball", None):
        tiny = detector.score(cloud.points / 1000.0, cloud.normals, category)
        assert tiny.verdict is Verdict.UNKNOWN and not tiny.is_scored
        assert "does not look like any scan of" in tiny.reasons[0] and "unit" in tiny.reasons[0]
        assert np.isnan(tiny.point_scores).all() and not tiny.above_threshold.any()
    with pytest.raises(CloudError, match="at least 32"):
        detector.score(cloud.points[:5], cloud.normals[:5], "ball")
    with pytest.raises(CloudError, match="finite"):
        detector.score(np.full((100, 3), np.nan))


def test_incomplete_model_file_is_refused(path: Path, tmp_path: Path) -> None:
    tensors, document = load_checkpoint(path, "detector")
    network = {n: t for n, t in tensors.items() if n != "pointwise/network.stem.weight"}
    bank = {n: t for n, t in tensors.items() if n != "pointwise/egg/bank.histograms"}
    for part in (network, bank):
        assert len(part) == len(tensors) - 1
        broken = save_checkpoint(tmp_path / "d", "detector", part, document)
        with pytest.raises(CheckpointError):
            Detector.load(broken)
