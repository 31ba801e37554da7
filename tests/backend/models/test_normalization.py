"""Scale and spacing of a category's clouds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.cloud.thinned_scan import thinned_scan
from backend.errors import CloudError, TrainingError
from backend.models.normalization import Normalization


def box(size: tuple[float, float, float], seed: int, count: int = 3000) -> PointCloud:
    """Points on the surface of a box."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 3))
    axis = rng.integers(0, 3, count)
    points[np.arange(count), axis] = rng.integers(0, 2, count)
    return PointCloud(points * np.array(size))


def test_scale_is_the_category_median_and_leaves_size_defects_visible() -> None:
    clouds = [box((10, 20, 30), s) for s in range(3)]
    normalization = Normalization.fit({"box": clouds}, 1000)
    assert normalization.length(clouds[0].points * 1.1, "box") == normalization.scale("box")
    # The corners lie a little farther out than nearly all points.
    assert normalization.scale("box") == pytest.approx(np.linalg.norm((5, 10, 15)), rel=0.1)
    own = Normalization.fit({"box": clouds}, 1000, by_category=False)
    lengths = [own.length(clouds[0].points * factor, "box") for factor in (1.0, 1.1)]
    assert lengths[1] == pytest.approx(1.1 * lengths[0])


def test_scale_depends_on_neither_axes_nor_strays() -> None:
    cloud = box((10, 20, 30), 0)
    turn = Rotation.random(random_state=0).as_matrix()
    far = PointCloud(np.concatenate([cloud.points, [[9e3, 0.0, 0.0]]]))
    plain, turned, strayed = (
        Normalization.fit({"box": [c]}, 1000).scale("box")
        for c in (cloud, PointCloud(cloud.points @ turn.T + 50.0), far)
    )
    assert turned == pytest.approx(plain, rel=1e-9)
    assert strayed == pytest.approx(plain, rel=0.2)


def test_record() -> None:
    clouds = {"a": [box((1, 2, 3), 0)], "b": [box((9, 9, 1), 1)]}
    normalization = Normalization.fit(clouds, 500)
    assert Normalization.from_record(normalization.to_record()) == normalization


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_spacing_keeps_the_wanted_points_in_any_unit(factor: float) -> None:
    cloud = PointCloud(box((1, 2, 3), 0, 20000).points * factor)
    normalization = Normalization.fit({"a": [cloud]}, 1500)
    thin = thinned_scan(cloud, normalization.spacing * normalization.scale("a"))
    assert 1400 < len(thin.rows) < 1600


def test_what_has_no_size_is_refused() -> None:
    normalization = Normalization.fit({"cube": [box((10, 10, 10), 0)]}, 1000)
    with pytest.raises(CloudError, match="knows: cube"):
        normalization.scale("sphere")
    with pytest.raises(TrainingError, match="no extent"):
        Normalization.fit({"a": [PointCloud(np.full((10, 3), 0.1))]}, 1000)
    with pytest.raises(TrainingError, match="at least one nominal cloud"):
        Normalization.fit({"a": []}, 1000)
