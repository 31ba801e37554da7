"""The sample part: closed, of the stated size, with one defect of each kind where it shows."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from backend.geometry.surface import is_watertight, signed_volume
from blender_addon.commands import main
from blender_addon.data.attributes import read_positions
from blender_addon.examples.sample import add_sample_part
from blender_addon.exchange.recipes import recipe_of
from blender_addon.stack.modifiers import defect_modifiers
from shared_schema.recipe import Recipe
from tests.backend.shapes import KINDS
from tests.blender import evaluate

WIDTH, HEIGHT, BORE = 120.0, 50.0, 20.0


def test_the_part_is_a_closed_flange_in_millimetres() -> None:
    part = add_sample_part()
    assert (list(bpy.data.objects), bpy.context.active_object) == ([part], part)
    points = read_positions(part.data).astype(np.float64)
    faces = np.array([polygon.vertices for polygon in part.data.polygons])
    assert is_watertight(faces)
    np.testing.assert_allclose(np.ptp(points, axis=0), (WIDTH, WIDTH, HEIGHT), rtol=1e-4)
    assert np.linalg.norm(points[:, :2], axis=1).min() == pytest.approx(BORE, rel=1e-3)
    # Less than its flange without holes, more than its neck alone.
    assert 60_000 < signed_volume(points, faces) < 200_000


def test_the_example_file_has_every_kind_marked_and_a_valid_recipe(tmp_path: Path) -> None:
    path = tmp_path / "example.blend"
    assert main(["example", "--out", str(path)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(path))
    [part] = [obj for obj in bpy.data.objects if defect_modifiers(obj)]
    recipe = Recipe.model_validate(recipe_of(part))
    assert sorted(defect.kind for defect in recipe.defects) == KINDS
    after = evaluate(part)
    marked, counts = np.unique(after.labels[after.mask], return_counts=True)
    assert marked.tolist() == [defect.label for defect in recipe.defects]
    assert (counts > 50).all()
    assert after.mask.mean() < 0.5
    assert bpy.context.scene.unit_settings.length_unit == "MILLIMETERS"
