"""Previews show the defect: in the picture's middle, tinted, from outside."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from numpy.typing import NDArray

from blender_addon.placing.places import place_near, placed_values
from blender_addon.placing.surface_paths import Surface
from blender_addon.rendering.preview import render_preview
from blender_addon.stack.modifiers import add_defect, diagonal
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg

SIZE = 96
NEAR = [(0.3, 0.5, 0.3), (-0.5, -0.4, -0.2), (0.0, 0.0, -0.5)]


@pytest.fixture
def part() -> bpy.types.Object:
    return add_part(*egg())


def place_defect(part: bpy.types.Object, kind: str, near: tuple[float, float, float]) -> None:
    surface = Surface(part)
    place = place_near(surface, near, diagonal(part))
    add_defect(part, kind, placed_values(kind, surface, place))


def pixels(path: Path) -> NDArray:
    """RGB (H, W, 3) in [0, 1] of a picture, the top row first."""
    image = bpy.data.images.load(str(path))
    values = np.array(image.pixels[:]).reshape(image.size[1], image.size[0], -1)
    bpy.data.images.remove(image)
    return values[::-1, :, :3]


def tinted(picture: NDArray) -> NDArray:
    """Which pixels (H, W) are clearly more red than blue; part and background are grey."""
    return picture[..., 0] > picture[..., 2] + 0.1


@pytest.mark.parametrize("near", NEAR)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bend"])
def test_the_tint_is_in_the_middle(
    part: bpy.types.Object, tmp_path: Path, kind: str, near: tuple[float, float, float]
) -> None:
    place_defect(part, kind, near)
    render_preview(part, tmp_path / "preview.png", SIZE)
    red = tinted(pixels(tmp_path / "preview.png"))
    assert 0.003 < red.mean() < 0.5
    middle = np.argwhere(red).mean(axis=0) / SIZE
    np.testing.assert_allclose(middle, 0.5, atol=0.15)


def test_a_bend_is_seen_with_the_whole_part(part: bpy.types.Object, tmp_path: Path) -> None:
    place_defect(part, "bend", (0.4, 0.0, 0.5))
    render_preview(part, tmp_path / "preview.png", SIZE, (0.0, -1.0, 0.3))
    picture = pixels(tmp_path / "preview.png")
    assert 0.01 < tinted(picture).mean() < 0.4
    corner = picture[:3, :3]
    seen = np.abs(picture - corner.mean(axis=(0, 1))).max(axis=2) > 0.05
    border = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])
    assert not border.any()
    assert seen.mean() > 0.1


def test_a_sound_part_is_not_tinted(part: bpy.types.Object, tmp_path: Path) -> None:
    render_preview(part, tmp_path / "preview.png", SIZE)
    picture = pixels(tmp_path / "preview.png")
    assert not tinted(picture).any()
    assert picture.std() > 0.05


def test_the_same_part_gives_the_same_picture(part: bpy.types.Object, tmp_path: Path) -> None:
    place_defect(part, "dent", NEAR[0])
    for name in ("first.png", "second.png"):
        render_preview(part, tmp_path / name, SIZE)
    np.testing.assert_array_equal(pixels(tmp_path / "first.png"), pixels(tmp_path / "second.png"))
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_nothing_is_left_in_the_file(part: bpy.types.Object, tmp_path: Path) -> None:
    place_defect(part, "dent", NEAR[0])
    kinds = ("scenes", "objects", "meshes", "materials", "worlds", "lights", "cameras")
    before = {kind: set(getattr(bpy.data, kind)) for kind in kinds}
    render_preview(part, tmp_path / "preview.png", 32)
    assert {kind: set(getattr(bpy.data, kind)) for kind in kinds} == before
    assert bpy.context.scene in before["scenes"]
    assert list(tmp_path.iterdir()) == [tmp_path / "preview.png"]


def test_the_parts_own_material_stays(part: bpy.types.Object, tmp_path: Path) -> None:
    material = bpy.data.materials.new("paint")
    part.data.materials.append(material)
    render_preview(part, tmp_path / "preview.png", 32)
    assert list(part.data.materials) == [material]
