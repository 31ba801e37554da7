"""Parts as files: the defects come back as modifiers, and as labels the backend reads."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from backend.io import read_cloud, read_labeled
from blender_addon.batch.jobs import open_blend
from blender_addon.batch.saving import save_blend, save_labeled_mesh
from blender_addon.exchange.recipes import recipe_of
from blender_addon.parts.frame import set_part_frame
from blender_addon.stack.modifiers import add_defect
from tests.blender import add_part, egg, evaluate

ORIGIN = (1000.5, -20.0, 3.0)


def dented_egg() -> bpy.types.Object:
    """In inches, away from the origin; what a hole has removed leaves a gap in the numbers."""
    part = add_part(*egg(), "egg")
    set_part_frame(part, "inch", ORIGIN)
    place = {"center": [0.0, 0.0, 0.5], "center_normal": [0.0, 0.0, 1.0]}
    add_defect(part, "dent", {**place, "radius": 0.3, "depth": 0.05, "label": 7})
    return part


def test_a_labelled_mesh_is_the_evaluated_part_in_the_part_frame(tmp_path: Path) -> None:
    part = dented_egg()
    save_labeled_mesh(part, tmp_path / "egg.ply")
    after, labeled = evaluate(part), read_labeled(tmp_path / "egg.ply")
    np.testing.assert_array_equal(labeled.points, after.points.astype(np.float64) + ORIGIN)
    np.testing.assert_array_equal(labeled.mask, after.mask)
    np.testing.assert_array_equal(labeled.labels, after.labels)
    np.testing.assert_array_equal(labeled.weight, after.weight)
    assert set(labeled.labels[labeled.mask]) == {7}
    faces = read_cloud(tmp_path / "egg.ply").faces
    np.testing.assert_array_equal(faces, egg()[1])


def test_a_blend_file_has_the_defects_as_modifiers(tmp_path: Path) -> None:
    part = dented_egg()
    before = recipe_of(part)
    save_blend(part, tmp_path / "egg.blend")
    open_blend(tmp_path / "egg.blend")
    assert recipe_of(bpy.data.objects["egg"]) == before
