"""Cameras: the schema's pinhole is Blender's own, and all of the part is in every picture."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from blender_addon.documents.errors import AddonError
from blender_addon.rendering.views import (
    Camera,
    cameras_around,
    cameras_of,
    pose_looking_at,
    scene_cameras,
    set_camera,
    spread_directions,
    view_set,
)
from shared_schema.views import ViewSet
from tests.blender import add_part, egg

ODD = Camera(
    "odd",
    (320, 200),
    (410.0, 390.0),
    (150.0, 112.0),
    pose_looking_at((1.0, 2.0, 3.0), (4.0, -5.0, 6.5)),
)


def pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Where points (N, 3) of the part frame are seen, by the formula of the schema."""
    x, y, z = (points @ camera.pose[:3, :3].T + camera.pose[:3, 3]).T
    (fx, fy), (cx, cy) = camera.focal, camera.center
    return np.stack([fx * x / z + cx, fy * y / z + cy], axis=1)


def new_camera() -> bpy.types.Object:
    obj = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(obj)
    return obj


def test_blender_sees_points_where_the_schema_says() -> None:
    scene, obj = bpy.context.scene, new_camera()
    set_camera(scene, obj, ODD)
    bpy.context.view_layer.update()
    points = np.random.default_rng(0).normal((1.0, 2.0, 3.0), 0.5, (20, 3))
    for point, expected in zip(points, pixels(ODD, points), strict=True):
        across, up, depth = world_to_camera_view(scene, obj, Vector(point))
        width, height = ODD.size
        np.testing.assert_allclose((across * width, (1.0 - up) * height), expected, atol=1e-2)
        assert depth == pytest.approx((ODD.pose[:3, :3] @ point + ODD.pose[:3, 3])[2], rel=1e-5)


def test_a_scenes_camera_is_read_as_it_was_set() -> None:
    part = add_part(*egg())
    part.location, part.rotation_euler = (0.3, -0.2, 0.1), (0.2, 0.4, -0.3)
    bpy.context.view_layer.update()
    set_camera(bpy.context.scene, new_camera(), ODD)
    bpy.context.view_layer.update()
    [found] = scene_cameras(bpy.context.scene, part, ODD.size)
    np.testing.assert_allclose(found.focal, ODD.focal, rtol=1e-5)
    np.testing.assert_allclose(found.center, ODD.center, atol=1e-3)
    to_world = np.array(part.matrix_world)
    np.testing.assert_allclose(found.pose, ODD.pose @ to_world, atol=1e-5)


def test_a_scaled_part_is_refused() -> None:
    part = add_part(*egg(), "egg")
    part.scale = (2.0, 2.0, 2.0)
    new_camera()
    bpy.context.view_layer.update()
    with pytest.raises(AddonError, match=r"'egg' or camera 'Camera' is scaled; apply the scale"):
        scene_cameras(bpy.context.scene, part, (8, 8))


def test_without_a_camera_it_says_so() -> None:
    with pytest.raises(AddonError, match="has no camera"):
        scene_cameras(bpy.context.scene, add_part(*egg()), (8, 8))


def test_rays_go_through_the_middle_of_the_pixels() -> None:
    origins, directions = ODD.rays()
    seen = pixels(ODD, origins + 7.0 * directions)
    width, height = ODD.size
    np.testing.assert_allclose(seen[0], (0.5, 0.5), atol=1e-9)
    np.testing.assert_allclose(seen[width], (0.5, 1.5), atol=1e-9)
    np.testing.assert_allclose(seen[-1], (width - 0.5, height - 0.5), atol=1e-9)


def test_every_camera_round_a_part_has_all_of_it_in_its_picture() -> None:
    points = egg()[0] + (5.0, 6.0, 7.0)
    for camera in cameras_around((5.0, 6.0, 7.0), 1.0, 12, size=(120, 80), angle=0.6):
        seen = pixels(camera, points)
        assert (seen > 0.0).all() and (seen < camera.size).all()
        assert np.ptp(seen, axis=0).max() > 0.4 * 80


def test_directions_are_even_by_area_and_keep_to_their_band() -> None:
    spread = spread_directions(400)
    np.testing.assert_allclose(np.linalg.norm(spread, axis=1), 1.0)
    np.testing.assert_allclose(spread.mean(axis=0), 0.0, atol=0.01)
    np.testing.assert_allclose((spread**2).mean(axis=0), 1.0 / 3.0, atol=0.01)
    band = np.arcsin(spread_directions(50, 0.2, 0.9)[:, 2])
    assert (band > 0.2).all() and (band < 0.9).all()


def test_a_view_set_is_valid_and_comes_back() -> None:
    document = view_set("part", "inch", [ODD.as_document({"rgb": "odd_rgb.png"})])
    camera = ViewSet.model_validate(document).cameras[0]
    assert (camera.name, camera.fx, camera.cy) == ("odd", 410.0, 112.0)
    [again] = cameras_of(document)
    np.testing.assert_array_equal(again.pose, ODD.pose)
    assert again.size == ODD.size


@pytest.mark.parametrize("elevation", [-math.pi / 2, math.pi / 2])
def test_a_camera_may_look_straight_down_or_up(elevation: float) -> None:
    pose = pose_looking_at((0.0, 0.0, 0.0), (0.0, 0.0, math.sin(elevation)))
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)


def test_a_bad_view_set_is_refused() -> None:
    with pytest.raises(AddonError, match=r"cameras\[0\].fx"):
        cameras_of(
            {"schema_version": 1, "cameras": [{**ODD.as_document({}), "fx": -1.0}]},
        )
