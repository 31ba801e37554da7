"""Temporary scenes go with all that was made for them, and no renderer remembers them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_addon.data.images import write_png
from blender_addon.data.scenes import MADE
from blender_addon.placing.raycasting import caster
from blender_addon.rendering.studio import Look, photograph, studio
from blender_addon.rendering.views import Camera, pose_looking_at
from tests.blender import add_part, egg

LOOK = Look("metal", 1, 0, "studio")
CAMERA = Camera("view", (8, 8), (8.0, 8.0), (4.0, 4.0), pose_looking_at(np.zeros(3), np.ones(3)))


def tagged_graphs(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The dependency graphs of renderers that Blender asks for their scenes, as it says itself."""
    capfd.readouterr()
    bpy.context.scene.world = bpy.data.worlds.new("other")
    return [line for line in capfd.readouterr().out.splitlines() if line.startswith("[RENDER]")]


def test_no_renderer_remembers_the_scene_of_a_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mesh = add_part(*egg()).data
    bpy.app.debug_depsgraph_tag = True
    try:
        with studio(mesh, LOOK) as scene:
            photograph(scene, CAMERA, LOOK, tmp_path / "view.png")
            # The part is kept from view to view; so this test would notice if it stayed so.
            assert len(tagged_graphs(capfd)) == 1
        assert tagged_graphs(capfd) == []
    finally:
        bpy.app.debug_depsgraph_tag = False


def test_nothing_stays_in_the_file(tmp_path: Path) -> None:
    mesh = add_part(*egg()).data
    before = {kind: set(getattr(bpy.data, kind)) for kind in MADE}
    with studio(mesh, LOOK) as scene:
        photograph(scene, CAMERA, LOOK, tmp_path / "view.png")
    with caster(*egg()) as cast:
        cast(np.array([[0.0, 0.0, 5.0]]), np.array([[0.0, 0.0, -1.0]]))
    write_png(tmp_path / "mask.png", np.zeros((2, 2), dtype=np.uint8))
    assert {kind: set(getattr(bpy.data, kind)) for kind in MADE} == before


def test_nothing_stays_where_the_block_fails() -> None:
    mesh = add_part(*egg()).data
    before = {kind: set(getattr(bpy.data, kind)) for kind in MADE}
    with pytest.raises(KeyError), studio(mesh, LOOK):
        raise KeyError("it was to fail")
    assert {kind: set(getattr(bpy.data, kind)) for kind in MADE} == before
