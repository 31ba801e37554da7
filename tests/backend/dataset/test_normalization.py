"""Scale, voxel thinning and category recognition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.cloud import PointCloud
from backend.dataset.normalization import Normalization, voxel_thin
from backend.errors import CloudError, TrainingError


def box(size: tuple[float, float, float], seed: int, count: int = 3000) -> PointCloud:
    """Points on the surface of a box."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 3))
    axis = rng.integers(0, 3, count)
    points[np.arange(count), axis] = rng.integers(0, 2, count)
    return PointCloud(points * np.array(size))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100), voxel=st.floats(0.05, 2.0))
def test_thinning_keeps_one_point_of_each_voxel(seed: int, voxel: float) -> None:
    points = np.random.default_rng(seed).random((400, 3))
    rows = voxel_thin(points, voxel)
    cells = np.floor((points - points.min(axis=0)) / voxel)
    assert len(rows) == len(np.unique(cells, axis=0)) == len(np.unique(cells[rows], axis=0))
    assert (np.diff(rows) > 0).all()


def test_scale_is_the_category_median_and_leaves_size_defects_visible() -> None:
    clouds = [box((10, 20, 30), s) for s in range(3)]
    normalization = Normalization.fit({"box": clouds}, 1000)
    grown, _ = normalization.apply(clouds[0].points * 1.1, "box")
    plain, _ = normalization.apply(clouds[0].points, "box")
    assert np.ptp(grown, axis=0) == pytest.approx(1.1 * np.ptp(plain, axis=0))
    assert np.linalg.norm(plain, axis=1).max() == pytest.approx(1.0, abs=0.02)


def test_inverse_and_record() -> None:
    cloud = box((1, 2, 3), 0)
    normalization = Normalization.fit({"a": [cloud], "b": [box((9, 9, 1), 1)]}, 500)
    unit, center = normalization.apply(cloud.points, "a")
    back = unit * normalization.scale("a") + center
    np.testing.assert_allclose(back, cloud.points, atol=1e-12)
    assert Normalization.from_record(normalization.to_record()) == normalization


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_voxel_does_not_depend_on_the_unit(factor: float) -> None:
    cloud = box((1, 2, 3), 0, 20000)
    normalization = Normalization.fit({"a": [PointCloud(cloud.points * factor)]}, 1500)
    kept = voxel_thin(normalization.apply(cloud.points * factor, "a")[0], normalization.voxel)
    assert 1300 < len(kept) < 1700


def test_recognises_parts_by_size_and_proportions_in_any_pose() -> None:
    parts = {"cube": (10, 10, 10), "plate": (15, 10, 2), "small": (5, 5, 5)}
    normalization = Normalization.fit(
        {name: [box(size, s) for s in range(2)] for name, size in parts.items()}, 1000
    )
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    for name, size in parts.items():
        assert normalization.recognise(box(size, 9).points @ turn.T + 5.0) == name


def test_wrong_unit_and_unknown_category_say_so() -> None:
    normalization = Normalization.fit({"cube": [box((10, 10, 10), 0)]}, 1000)
    with pytest.raises(CloudError, match="unit"):
        normalization.recognise(box((0.01, 0.01, 0.01), 1).points)
    with pytest.raises(CloudError, match="knows: cube"):
        normalization.scale("sphere")
    with pytest.raises(TrainingError):
        Normalization.fit({"cube": []}, 1000)
    with pytest.raises(TrainingError, match="no extent"):
        Normalization.fit({"dot": [PointCloud(np.zeros((5, 3)))]}, 1000)
