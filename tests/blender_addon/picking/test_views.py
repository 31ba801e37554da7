"""From a pixel to the part: what lies under the mouse, however view and object stand.

The window is described, not opened: a real one is used in ``tests/blender_program``.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from blender_addon.picking.views import Aim, aim_at
from blender_addon.placing.surface_paths import Surface
from tests.blender import add_part, egg

WIDTH, HEIGHT = 800, 600
LEFT, BOTTOM = 120, 40
AGAINST = Vector((0.4, -0.5, 0.8))
TRANSFORMS = {
    "at rest": Matrix(),
    "moved, turned and squeezed": Matrix.Translation((20.0, -30.0, 7.0))
    @ Matrix.Rotation(1.1, 4, (1.0, 0.3, -2.0))
    @ Matrix.Diagonal((3.0, 1.5, 4.0, 1.0)),
    "mirrored and tiny": Matrix.Diagonal((-0.01, 0.01, 0.01, 1.0)),
}


def view_of(part: bpy.types.Object, perspective: bool) -> Any:
    """A region of a 3D view that looks at the part, its far clip as far as Blender's own."""
    size = part.matrix_world.to_scale()[0] * 2.0
    away = 4.0 * abs(size)
    turn = AGAINST.to_track_quat("Z", "Y").to_matrix().to_4x4()
    eye = part.matrix_world.translation + away * AGAINST.normalized()
    view = (Matrix.Translation(eye) @ turn).inverted()
    far, near = 1000.0, 0.001
    if perspective:
        window = Matrix(
            (
                (2.0, 0.0, 0.0, 0.0),
                (0.0, 2.0 * WIDTH / HEIGHT, 0.0, 0.0),
                (0.0, 0.0, -(far + near) / (far - near), -2.0 * far * near / (far - near)),
                (0.0, 0.0, -1.0, 0.0),
            )
        )
    else:
        window = Matrix.Diagonal(
            (0.6 / abs(size), 0.6 / abs(size) * WIDTH / HEIGHT, -1.0 / far, 1.0)
        )
    data = SimpleNamespace(
        is_perspective=perspective,
        view_perspective="PERSP" if perspective else "ORTHO",
        view_matrix=view,
        window_matrix=window,
        perspective_matrix=window @ view,
    )
    return SimpleNamespace(type="WINDOW", x=LEFT, y=BOTTOM, width=WIDTH, height=HEIGHT, data=data)


def aimed(part: bpy.types.Object, region: Any, mouse: tuple[int, int], *others: Any) -> Aim | None:
    """What lies under the mouse in a window with that region, and others of the same view."""
    area = SimpleNamespace(type="VIEW_3D", regions=[region, *others])
    editor = SimpleNamespace(type="PROPERTIES", regions=[])
    screen = SimpleNamespace(areas=[editor, area])
    return aim_at(
        SimpleNamespace(window=SimpleNamespace(screen=screen)), mouse, part, Surface(part)
    )


def pixel(part: bpy.types.Object, region: Any, place: NDArray) -> tuple[int, int]:
    """The pixel of the window nearest to where a local place is seen."""
    seen: Any = location_3d_to_region_2d(
        region, region.data, part.matrix_world @ Vector(place.tolist())
    )
    return round(seen.x) + LEFT, round(seen.y) + BOTTOM


@pytest.fixture(params=TRANSFORMS)
def part(request: pytest.FixtureRequest) -> bpy.types.Object:
    egg_shaped = add_part(*egg())
    egg_shaped.matrix_world = TRANSFORMS[request.param]
    bpy.context.view_layer.update()
    return egg_shaped


@pytest.mark.parametrize("perspective", [True, False], ids=["perspective", "orthographic"])
def test_the_point_that_is_seen_is_the_one_that_is_hit(
    part: bpy.types.Object, perspective: bool
) -> None:
    region = view_of(part, perspective)
    eye = part.matrix_world.inverted() @ region.data.view_matrix.inverted().translation
    towards_eye = np.array(part.matrix_world.inverted().to_3x3() @ AGAINST)
    points, _ = egg()
    normals = points / np.array([1.0, 0.7, 0.5]) ** 2
    to_eye = np.array(eye) - points if perspective else np.tile(towards_eye, (len(points), 1))
    facing = np.einsum("ij,ij->i", normals, to_eye)
    facing /= np.linalg.norm(normals, axis=1) * np.linalg.norm(to_eye, axis=1)
    seen = points[facing > 0.5][::60]
    assert len(seen) > 8
    for point in seen:
        mouse = pixel(part, region, point)
        aim = aimed(part, region, mouse)
        assert aim is not None
        assert aim.spot is not None
        hit = pixel(part, region, aim.spot.position)
        assert np.abs(np.subtract(hit, mouse)).max() <= 1
        # A pixel is long where the surface is seen from the side.
        np.testing.assert_allclose(aim.spot.position, point, atol=0.06)
        outward = point / np.array([1.0, 0.7, 0.5]) ** 2
        assert aim.spot.normal @ outward / np.linalg.norm(outward) > 0.98


@pytest.mark.parametrize("perspective", [True, False], ids=["perspective", "orthographic"])
def test_beside_the_part_there_is_a_line_of_sight_but_no_surface(
    part: bpy.types.Object, perspective: bool
) -> None:
    aim = aimed(part, view_of(part, perspective), (LEFT + 3, BOTTOM + 3))
    assert aim is not None
    assert aim.spot is None
    assert np.linalg.norm(aim.sight) == pytest.approx(1.0)


def test_outside_of_views_and_under_the_sidebar_there_is_nothing(part: bpy.types.Object) -> None:
    region = view_of(part, True)
    middle = pixel(part, region, np.zeros(3))
    sidebar = SimpleNamespace(type="UI", x=LEFT, y=BOTTOM, width=WIDTH, height=HEIGHT)
    hidden = SimpleNamespace(type="UI", x=LEFT, y=BOTTOM, width=1, height=HEIGHT)
    assert aimed(part, region, (LEFT - 5, BOTTOM + 100)) is None
    assert aimed(part, region, middle, sidebar) is None
    assert aimed(part, region, middle, hidden) is not None


def test_a_line_of_sight_meets_a_plane_but_does_not_run_away_along_it() -> None:
    aim = Aim((0, 0), np.array([3.0, 4.0, 9.0]), np.array([0.0, 0.0, -1.0]), None)
    up, across = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.01])
    np.testing.assert_allclose(aim.on_plane(np.zeros(3), up), (3.0, 4.0, 0.0))
    np.testing.assert_allclose(aim.on_plane(np.zeros(3), across), (3.0, 4.0, 0.0))
