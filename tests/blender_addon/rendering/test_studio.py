"""Pictures: the part is where the rays see it, in every material and light, the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from blender_addon.placing.raycasting import MISSED, caster, labeled_surface
from blender_addon.rendering.materials import FINISHES
from blender_addon.rendering.studio import LIGHTINGS, Look, photograph, studio
from blender_addon.rendering.views import Camera, pose_looking_at
from tests.blender import add_part, egg

LOOK = Look("metal", 4, 1, "studio")
# Neither square pixels nor an axis through the middle.
ODD = Camera(
    "odd", (60, 40), (66.0, 62.0), (26.0, 23.0), pose_looking_at((0.0, 0.0, 0.0), (1.5, -2.2, 1.2))
)


def picture(path: Path, look: Look, camera: Camera = ODD) -> np.ndarray:
    """(H, W, 3) uint8 of an egg."""
    mesh = add_part(*egg()).data
    with studio(mesh, look) as scene:
        photograph(scene, camera, look, path)
    with Image.open(path) as image:
        return np.array(image)


def seen_by_rays(camera: Camera) -> np.ndarray:
    """Which pixels' middles (H, W) show the egg."""
    surface = labeled_surface(add_part(*egg()))
    with caster(surface.points, surface.triangles) as cast:
        met = cast(*camera.rays())
    return (met != MISSED).reshape(camera.size[::-1])


def away_from_edges(shape: np.ndarray) -> np.ndarray:
    """Which pixels (H, W) are like all of their neighbours."""
    like = np.ones_like(shape)
    for axis in (0, 1):
        for step in (-1, 1):
            like &= np.roll(shape, step, axis) == shape
    return like


def test_the_picture_shows_the_part_where_the_rays_meet_it(tmp_path: Path) -> None:
    image = picture(tmp_path / "odd.png", replace(LOOK, material="plastic", lighting="dome"))
    shape = seen_by_rays(ODD)
    assert 0.1 < shape.mean() < 0.9
    background = np.median(image[~shape], axis=0)
    differs = np.abs(image.astype(float) - background).max(axis=2) > 12.0
    sure = away_from_edges(shape)
    np.testing.assert_array_equal(differs[sure], shape[sure])


@pytest.mark.parametrize("material", FINISHES)
@pytest.mark.parametrize("lighting", LIGHTINGS)
def test_neither_light_nor_material_is_lost(tmp_path: Path, material: str, lighting: str) -> None:
    look = replace(LOOK, material=material, lighting=lighting, samples=1)
    shades = picture(tmp_path / "egg.png", look)[seen_by_rays(ODD)].mean(axis=1)
    # Shaded, and neither black nor cut off at white.
    assert np.ptp(shades) > 15.0
    assert 20.0 < shades.mean() < 220.0
    assert (shades > 250.0).mean() < 0.1


def test_the_seed_moves_the_lamps_and_nothing_else_does(tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("second", 1), ("third", 2)):
        picture(tmp_path / f"{name}.png", replace(LOOK, seed=seed))
    first, second, third = (
        (tmp_path / f"{name}.png").read_bytes() for name in ("first", "second", "third")
    )
    assert first == second
    assert first != third


def test_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    mesh = add_part(*egg()).data
    names = ("scenes", "objects", "meshes", "cameras", "lights", "materials", "worlds")
    before = {name: len(getattr(bpy.data, name)) for name in names}
    with studio(mesh, LOOK) as scene:
        photograph(scene, ODD, LOOK, tmp_path / "egg.png")
    assert {name: len(getattr(bpy.data, name)) for name in names} == before
