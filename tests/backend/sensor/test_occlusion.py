"""A viewpoint sees what faces it and what nothing stands before."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CloudError
from tests.backend.sensor.scenes import deformed, sensed, surface
from tests.backend.shapes import plate

STRAIGHT = 1.5707963


def seen(cloud: PointCloud, *eyes: tuple[float, float, float], **occlusion: float) -> np.ndarray:
    """Which points stay (N,)."""
    views = {"type": "given", "viewpoints": eyes}
    after = sensed(LabeledCloud.nominal(cloud), cloud, views=views, occlusion=occlusion).labeled
    return np.isin(np.arange(len(cloud)), after.source_index)


@pytest.mark.parametrize("distance", [12.0, 30.0, 1000.0])
def test_of_a_sphere_the_cap_before_the_tangents_is_seen(distance: float) -> None:
    cloud = surface("sphere")
    kept = seen(cloud, (0.0, 0.0, distance), max_incidence=STRAIGHT)
    certain = np.abs(cloud.normals[:, 2] - 10.0 / distance) > 1e-9
    np.testing.assert_array_equal(kept[certain], cloud.normals[certain, 2] > 10.0 / distance)


@pytest.mark.parametrize("eye", [(0.0, 0.0, 30.0), (30.0, 0.0, 20.0), (60.0, 0.0, 3.0)])
@pytest.mark.parametrize("name", ["plate", "random"])
def test_flat_surface_does_not_hide_itself(name: str, eye: tuple[float, float, float]) -> None:
    cloud = surface(name)
    np.testing.assert_array_equal(seen(cloud, eye, max_incidence=STRAIGHT), cloud.normals[:, 2] > 0)


def test_a_plate_throws_the_shadow_that_geometry_tells() -> None:
    below = plate()
    above = PointCloud(below.points * [0.5, 0.5, 1.0] + [0.0, 0.0, 6.0], below.normals)
    both = PointCloud.of(
        np.concatenate([below.points, above.points]), np.concatenate([below.normals] * 2)
    )
    kept = seen(both, (0.0, 0.0, 40.0))[: len(below)]
    top = below.points[:, 2] > 0
    # Half the upper plate's extent, as seen from the eye on the lower plate's top.
    shadow = np.abs(below.points[:, :2]).max(axis=1) - 5.0 * (40.0 - 0.25) / (40.0 - 6.25)
    assert not kept[top & (shadow < -0.5)].any()
    assert kept[top & (shadow > 0.5)].all()
    assert not kept[~top].any()


def test_the_rim_of_a_hole_hides_what_is_deep_in_it() -> None:
    labeled = sensed(deformed("random", "hole"), surface("random"), resample={}).labeled
    eye = np.array([40.0, 0.0, 40.0])
    views = {"type": "given", "viewpoints": [eye.tolist()]}
    after = sensed(labeled, surface("random"), views=views, occlusion={}).labeled
    deep = after.points[after.points[:, 2] < -1.0]
    # Where the ray to a point passes the plane of the mouth.
    mouth = eye + (deep - eye) * (eye[2] / (eye[2] - deep[:, 2]))[:, None]
    assert len(deep) > 50
    assert np.percentile(np.hypot(mouth[:, 0], mouth[:, 1]), 95) < 2.0 + 0.3
    assert (deep[:, 0] < 0).mean() > 0.9


def test_several_viewpoints_see_the_union() -> None:
    cloud = surface("sphere")
    one, other = (0.0, 0.0, 30.0), (0.0, 30.0, 0.0)
    np.testing.assert_array_equal(seen(cloud, one, other), seen(cloud, one) | seen(cloud, other))


def test_grazing_surface_is_lost_beyond_the_largest_incidence() -> None:
    cloud = surface("sphere")
    kept = seen(cloud, (0.0, 0.0, 1e6), max_incidence=1.0)
    certain = np.abs(cloud.normals[:, 2] - np.cos(1.0)) > 1e-9
    np.testing.assert_array_equal(kept[certain], cloud.normals[certain, 2] > np.cos(1.0))


def test_without_hiding_only_the_angle_counts() -> None:
    labeled = deformed("random", "hole")
    views = {"type": "given", "viewpoints": [[40.0, 0.0, 40.0]]}
    whole, hidden = (
        sensed(labeled, surface("random"), views=views, occlusion={"hidden": hidden}).labeled
        for hidden in (False, True)
    )
    assert set(hidden.source_index) < set(whole.source_index)


def test_a_viewpoint_that_sees_nothing_is_refused() -> None:
    with pytest.raises(CloudError, match="occlusion loses all 12000 points"):
        seen(surface("random"), (0.0, 0.0, -10.0))
