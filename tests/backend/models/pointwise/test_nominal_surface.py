"""Rigid parts compared with their nominal model, through the detector's border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CheckpointError, CloudError, RegistrationError
from backend.evaluation.cases import TestCase
from backend.evaluation.measure import evaluate
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.pointwise.model import PointwiseModel
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from backend.training import DETECTOR_FILE, TrainingConfig, TrainingSet, train
from tests.backend.parts import TINY

PART = "motor_holder"
CONFIG = replace(TINY, target_points=2_000)
ALONE = replace(CONFIG, channels=("surface",))
NOISE_MM = 0.02


def mesh() -> PointCloud:
    return load_sample(PART)


def turned(cloud: PointCloud, seed: int) -> PointCloud:
    """Moved anywhere."""
    rng = np.random.default_rng([seed, 1])
    turn = Rotation.random(random_state=rng).as_matrix()
    assert cloud.normals is not None
    return PointCloud(cloud.points @ turn.T + 100.0 * rng.normal(size=3), cloud.normals @ turn.T)


def scan(seed: int, views: int = 6) -> PointCloud:
    rng = np.random.default_rng(seed)
    cloud = virtual_scan(mesh(), views=views, points=4_000, noise=NOISE_MM, rng=rng)
    return PointCloud(cloud.points, cloud.normals)


def shallow_dent(seed: int) -> LabeledCloud:
    """1 % of the diagonal deep and 24 % wide: any place of it looks like a smooth surface."""
    cloud = scan(seed)
    assert cloud.normals is not None
    size = mesh().diagonal
    center = np.random.default_rng([seed, 2]).integers(len(cloud))
    away = np.linalg.norm(cloud.points - cloud.points[center], axis=1) / (0.12 * size)
    facing = cloud.normals @ cloud.normals[center] > 0.5
    weight = np.where((away < 1.0) & facing, (1.0 - away**2) ** 2, 0.0)
    points = cloud.points - 0.01 * size * weight[:, None] * cloud.normals[center]
    moved = turned(PointCloud(points, cloud.normals), seed)
    labeled = LabeledCloud.nominal(moved)
    return replace(labeled, mask=weight > 0.2, weight=weight)


def cases(seeds: Sequence[int]) -> list[TestCase]:
    nominal = [LabeledCloud.nominal(turned(scan(seed), seed)) for seed in seeds]
    dented = [shallow_dent(seed + 50) for seed in seeds]
    return [
        *(TestCase(cloud, PART, "nominal") for cloud in nominal),
        *(TestCase(cloud, PART, "dent") for cloud in dented),
    ]


def trained(
    out: Path,
    scans: Sequence[PointCloud],
    model: PointCloud | None = None,
    config: TrainingConfig = CONFIG,
) -> Detector:
    return train({PART: TrainingSet(scans, nominal_model=model)}, config, seed=0, out=out)


@pytest.fixture(scope="module")
def scans() -> list[PointCloud]:
    return [turned(scan(seed), seed) for seed in range(3)]


@pytest.fixture(scope="module")
def path(scans: list[PointCloud], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("surface")
    trained(out, scans, mesh())
    return out / DETECTOR_FILE


@pytest.fixture(scope="module")
def detector(path: Path) -> Detector:
    return Detector.load(path)


def test_shallow_dents_are_found_in_any_pose(
    detector: Detector, scans: list[PointCloud], tmp_path: Path
) -> None:
    found = cases(range(20, 23))
    with_model = evaluate(detector, found).rows[-1]
    without = evaluate(trained(tmp_path, scans), found).rows[-1]
    assert with_model.o_auroc == 1.0 and with_model.p_auroc > 0.95
    assert without.p_auroc < 0.8


def test_it_can_stand_alone_and_places_what_is_seen_from_one_side(
    scans: list[PointCloud], tmp_path: Path
) -> None:
    """Whose principal axes are not those of the part, so that all poses have to be tried.

    Of this side the pose by its axes is wrong: its scores are some 15 times as high there.
    """
    detector = trained(tmp_path, scans, mesh(), ALONE)
    category = detector.categories[PART]
    assert isinstance(category.model, PointwiseModel)
    assert set(category.tails) == {"surface"} and not category.model.banks
    whole, side = turned(scan(30), 30), turned(scan(33, views=1), 33)
    typical, one_side = (
        np.quantile(detector.score(c.points, c.normals).point_scores, 0.9) for c in (whole, side)
    )
    assert one_side < 2.0 * typical


def test_stray_points_near_the_surface_lift_nothing_around_them(detector: Detector) -> None:
    """They are too near to be told as stray."""
    whole = turned(scan(30), 30)
    assert whole.normals is not None
    few = np.random.default_rng(0).permutation(len(whole))[:8]
    above = whole.points[few] + 2.0 * whole.spacing * whole.normals[few]
    points = np.concatenate([whole.points, above])
    normals = np.concatenate([whole.normals, whole.normals[few]])
    strayed = detector.score(points, normals, PART)
    plain = detector.score(whole.points, whole.normals, PART)
    assert not strayed.stray[-8:].all()
    assert strayed.object_score < plain.object_score + 0.15


def test_what_is_always_a_little_off_is_nominal(tmp_path: Path) -> None:
    """Parts that shrink by 1 % after moulding: one that does not is anomalous."""

    def made(seed: int, shrunk: float) -> PointCloud:
        cloud = scan(seed)
        return turned(PointCloud(shrunk * cloud.points, cloud.normals), seed)

    scans = [made(seed, 0.99) for seed in range(3)]
    detector = trained(tmp_path, scans, mesh(), ALONE)
    usual, other = (
        np.median(detector.score(cloud.points, cloud.normals).point_scores)
        for cloud in (made(40, 0.99), made(40, 1.0))
    )
    assert other > 2.0 * usual


def test_same_scores_after_saving_again(detector: Detector, tmp_path: Path) -> None:
    again = Detector.load(detector.save(tmp_path / "d.safetensors"))
    cloud = shallow_dent(60)
    first, second = (d.score(cloud.points, cloud.normals) for d in (detector, again))
    np.testing.assert_array_equal(first.point_scores, second.point_scores)


def test_a_file_without_all_of_it_is_refused(path: Path, tmp_path: Path) -> None:
    tensors, document = load_checkpoint(path, "detector")
    del tensors[f"pointwise/{PART}/surface.spread"]
    broken = save_checkpoint(tmp_path / "d", "detector", tensors, document)
    with pytest.raises(CheckpointError, match="spread"):
        Detector.load(broken)


def test_it_can_be_switched_off(scans: list[PointCloud], tmp_path: Path) -> None:
    for name, config in {
        "channels": replace(CONFIG, channels=("histograms",)),
        "scale_by_category": replace(CONFIG, scale_by_category=False),
    }.items():
        category = trained(tmp_path / name, scans, mesh(), config).categories[PART]
        assert category.model.finder is None and set(category.tails) == {"histograms"}


def test_models_that_do_not_fit_are_refused(scans: list[PointCloud], tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match=f"nominal model of '{PART}': .*same part"):
        trained(tmp_path, scans, load_sample("plate_holes"))
    with pytest.raises(CloudError, match="no faces"):
        trained(tmp_path, scans, PointCloud(mesh().points))
