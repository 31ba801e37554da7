"""What the menus do: add defects at the cursor, write and read recipes, say why not."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
import trimesh

from blender_addon.exchange.recipes import recipe_of
from blender_addon.operators import CLASSES
from blender_addon.parts.frame import part_origin, part_unit
from blender_addon.stack.modifiers import defect_kind, defect_modifiers
from shared_schema.load import load_recipe
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg, evaluate

pytestmark = pytest.mark.usefixtures("registered")


def begun_with(part: bpy.types.Object) -> str:
    """What an operator notes where ``part`` is active and selected when it asks for a file."""
    known = [part.session_uid, part.name]
    return json.dumps({"active": [known], "selected": [known], "collection": []})


LOCAL_KINDS = [kind for kind in KINDS if kind != "bend"]


def test_every_step_that_changes_the_file_can_be_undone() -> None:
    change_nothing = {
        "flawsmith.cancel_reading",
        "flawsmith.open_report",
        "flawsmith.export_recipe",
        "flawsmith.export_recipes",
        "flawsmith.export_template",
        "flawsmith.render_preview",
        "flawsmith.validate",
    }
    for operator in CLASSES:
        undoable = "UNDO" in getattr(operator, "bl_options", set())
        assert undoable != (operator.bl_idname in change_nothing)


@pytest.mark.parametrize("kind", KINDS)
def test_adding_a_defect_appends_its_modifier(active_egg: bpy.types.Object, kind: str) -> None:
    active_egg.modifiers.new("Bevel", "BEVEL").show_viewport = False
    assert bpy.ops.flawsmith.add_defect(kind=kind) == {"FINISHED"}
    assert [defect_kind(modifier) for modifier in active_egg.modifiers] == [None, kind]
    assert evaluate(active_egg).mask.any()


@pytest.mark.parametrize("kind", LOCAL_KINDS)
def test_it_lands_at_the_cursor_wherever_the_object_is(
    active_egg: bpy.types.Object, kind: str
) -> None:
    active_egg.location, active_egg.rotation_euler = (5.0, -3.0, 2.0), (0.3, 1.0, -2.0)
    active_egg.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    wanted = np.array((0.3, 0.5, -0.3))
    bpy.context.scene.cursor.location = active_egg.matrix_world @ active_egg.data.vertices[0].co
    wanted = np.array(active_egg.data.vertices[0].co)
    bpy.ops.flawsmith.add_defect(kind=kind)
    after = evaluate(active_egg)
    points = egg()[0][after.source_index]
    middle = np.average(points, axis=0, weights=after.mask * after.weight)
    assert np.linalg.norm(middle - wanted) < 0.25


def test_labels_are_numbered(active_egg: bpy.types.Object) -> None:
    for kind in ("dent", "dent", "crack"):
        bpy.ops.flawsmith.add_defect(kind=kind)
    assert [defect["label"] for defect in recipe_of(active_egg)["defects"]] == [1, 2, 3]


@pytest.mark.parametrize("operator", ["add_defect", "export_recipe", "import_recipe", "set_unit"])
def test_without_a_mesh_object_they_say_what_to_choose(operator: str) -> None:
    with pytest.raises(RuntimeError, match="Choose a mesh object"):
        getattr(bpy.ops.flawsmith, operator)()
    bpy.ops.object.camera_add()
    with pytest.raises(RuntimeError, match="Choose a mesh object"):
        getattr(bpy.ops.flawsmith, operator)()


def test_in_edit_mode_they_say_so(active_egg: bpy.types.Object) -> None:
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave edit mode first"):
        bpy.ops.flawsmith.add_defect(kind="dent")


def test_a_mesh_without_faces_is_reported() -> None:
    cloud = add_part(np.eye(3), np.empty((0, 3), dtype=int), "cloud")
    bpy.context.view_layer.objects.active = cloud
    with pytest.raises(RuntimeError, match="'cloud' has no faces"):
        bpy.ops.flawsmith.add_defect(kind="dent")


def test_recipes_go_out_and_come_in(active_egg: bpy.types.Object, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    for kind in KINDS:
        bpy.ops.flawsmith.add_defect(kind=kind)
    assert bpy.ops.flawsmith.export_recipe(filepath=str(path)) == {"FINISHED"}
    assert [defect.kind for defect in load_recipe(path).defects] == KINDS
    before = recipe_of(active_egg)
    for modifier in defect_modifiers(active_egg):
        active_egg.modifiers.remove(modifier)
    assert bpy.ops.flawsmith.import_recipe(filepath=str(path)) == {"FINISHED"}
    assert recipe_of(active_egg) == before


@pytest.mark.parametrize("operator", ["export_recipe", "import_template", "render_preview"])
def test_a_part_that_went_while_a_file_was_chosen_is_named(
    active_egg: bpy.types.Object, tmp_path: Path, operator: str
) -> None:
    """In a window, this is held by tests/blender_program/test_world_changes.py."""
    other = add_part(*egg(), "other")
    path = tmp_path / "file.json"
    chosen = {"filepath": str(path), "begun": begun_with(active_egg)}
    bpy.context.view_layer.objects.active = active_egg
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.context.view_layer.objects.active = other
    with pytest.raises(RuntimeError, match="'egg' is being edited; leave edit mode"):
        getattr(bpy.ops.flawsmith, operator)(**chosen)
    bpy.data.objects.remove(active_egg)
    with pytest.raises(RuntimeError, match="'egg' was deleted while the file browser was open"):
        getattr(bpy.ops.flawsmith, operator)(**chosen)
    assert not path.exists()


def test_a_bad_recipe_is_reported(active_egg: bpy.types.Object, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text('{"schema_version": 7}', encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"recipe\.json: schema_version: 7 is not supported"):
        bpy.ops.flawsmith.import_recipe(filepath=str(path))


def test_a_part_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "block.stl"
    trimesh.creation.box((2.0, 2.0, 2.0)).apply_translation((9.0, 0.0, 0.0)).export(path)
    assert bpy.ops.flawsmith.open_part(filepath=str(path), unit="inch") == {"FINISHED"}
    part = bpy.context.active_object
    assert (part.name, part_unit(part)) == ("block", "inch")
    np.testing.assert_allclose(part_origin(part), (9.0, 0.0, 0.0))
    with pytest.raises(RuntimeError, match=r"none\.stl: there is no such file"):
        bpy.ops.flawsmith.open_part(filepath=str(tmp_path / "none.stl"))


def test_the_unit_is_set_and_the_origin_kept(active_egg: bpy.types.Object) -> None:
    active_egg["flawsmith_origin"] = [1.0, 2.0, 0.1]
    bpy.ops.flawsmith.set_unit(unit="m")
    assert part_unit(active_egg) == "m"
    assert part_origin(active_egg).tolist() == [1.0, 2.0, 0.1]


def test_a_preview_is_drawn(active_egg: bpy.types.Object, tmp_path: Path) -> None:
    path = tmp_path / "preview.png"
    bpy.ops.flawsmith.add_defect(kind="dent")
    assert bpy.ops.flawsmith.render_preview(filepath=str(path), size=32) == {"FINISHED"}
    assert path.read_bytes().startswith(b"\x89PNG")
