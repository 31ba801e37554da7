"""Defects that were applied, and shape keys: what no recipe can hold is named and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import pytest

from blender_addon.batch.file_problems import problems_of_file
from blender_addon.batch.jobs import Job, Session, open_for_job
from blender_addon.batch.saving import save_blend
from blender_addon.commands.jobs import TASKS, sources
from blender_addon.data.attributes import LABEL, MARKS, MASK
from blender_addon.documents.errors import AddonError
from blender_addon.exchange.checks import findings, recipe_warnings
from blender_addon.exchange.recipes import apply_recipe, recipe_of
from blender_addon.exchange.templates import apply_template, template_of
from blender_addon.stack.baked import baked_labels, forget_baked
from blender_addon.stack.editing import duplicate
from blender_addon.stack.labels import renumber
from blender_addon.stack.modifiers import add_defect, defect_modifiers, read_value
from tests.blender import evaluate

TOP: dict[str, Any] = {"center": [0.0, 0.0, 0.5], "radius": 0.2, "depth": 0.05}
SIDE: dict[str, Any] = {"center": [0.0, 0.7, 0.0], "radius": 0.2, "depth": 0.05}
APPLIED = "defects were applied to the mesh of 'egg'"
TEMPLATE: dict[str, Any] = {
    "schema_version": 1,
    "defects": [{"kind": "dent", "radius": 0.1, "depth": 0.01}],
}


@pytest.fixture
def baked(active_egg: bpy.types.Object) -> bpy.types.Object:
    """An egg to whose mesh a dent with label 4 was applied; nothing is in its stack."""
    modifier = add_defect(active_egg, "dent", {**TOP, "label": 4})
    bpy.ops.object.modifier_apply(modifier=modifier.name)
    return active_egg


def labels(part: bpy.types.Object) -> list[int]:
    return [read_value(modifier, "label") for modifier in defect_modifiers(part)]


def test_no_recipe_and_no_template_is_written(baked: bpy.types.Object) -> None:
    add_defect(baked, "dent", SIDE)
    for write in (recipe_of, template_of):
        with pytest.raises(AddonError, match=APPLIED + r" \(label 4\).*Forget Applied"):
            write(baked)
    [error] = [found.text for found in findings(baked) if found.is_error]
    assert error.startswith(APPLIED)


def test_new_labels_go_on_past_the_applied_ones(baked: bpy.types.Object, registered: None) -> None:
    first = add_defect(baked, "dent", SIDE)
    seen = evaluate(baked)
    assert set(seen.labels[seen.mask]) == {4, 5}
    duplicate(first)
    assert bpy.ops.flawsmith.add_defect(kind="hole") == {"FINISHED"}
    assert bpy.ops.flawsmith.random_place(count=2) == {"FINISHED"}
    bpy.ops.flawsmith.place(kind="deposit", location=(0.0, 0.0, 0.5))
    apply_template(baked, TEMPLATE)
    assert labels(baked) == [5, 6, 7, 8, 9, 10, 11]
    apply_recipe(baked, recipe(SIDE), renumber=True)
    assert labels(baked)[-1] == 12
    renumber(baked)
    assert labels(baked) == list(range(5, 13))


def recipe(*dents: dict[str, Any]) -> dict[str, Any]:
    defects = [{"kind": "dent", **dent} for dent in dents]
    return {"schema_version": 1, "part": {"diagonal": 2.6}, "defects": defects}


def test_forgotten_marks_make_the_shape_nominal(baked: bpy.types.Object, registered: None) -> None:
    before = evaluate_positions(baked)
    assert bpy.ops.flawsmith.forget_applied() == {"FINISHED"}
    assert not set(MARKS) & {attribute.name for attribute in baked.data.attributes}
    assert evaluate_positions(baked) == before
    add_defect(baked, "dent", SIDE)
    assert [defect["label"] for defect in recipe_of(baked)["defects"]] == [1]
    seen = evaluate(baked)
    assert set(seen.labels[seen.mask]) == {1}


def evaluate_positions(part: bpy.types.Object) -> list[float]:
    mesh: Any = part.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    return [x for vertex in mesh.vertices for x in vertex.co]


def test_marks_that_mark_nothing_are_found_too(active_egg: bpy.types.Object) -> None:
    modifier = add_defect(active_egg, "dent", {**TOP, "center": [9.0, 9.0, 9.0]})
    bpy.ops.object.modifier_apply(modifier=modifier.name)
    assert baked_labels(active_egg) == []
    with pytest.raises(AddonError, match=APPLIED):
        recipe_of(active_egg)
    forget_baked(active_egg)
    assert recipe_of(active_egg)["defects"] == []


def test_a_converted_object_and_joined_ones_keep_their_marks(baked: bpy.types.Object) -> None:
    other = baked.copy()
    other.data = baked.data.copy()
    bpy.context.scene.collection.objects.link(other)
    add_defect(other, "dent", {**SIDE, "label": 9})
    for obj in (baked, other):
        obj.select_set(True)
    bpy.ops.object.convert(target="MESH")
    bpy.context.view_layer.objects.active = baked
    bpy.ops.object.join()
    assert baked_labels(baked) == [4, 9]
    assert {MASK, LABEL} <= {attribute.name for attribute in baked.data.attributes}


@pytest.fixture
def file(baked: bpy.types.Object, tmp_path: Path) -> Path:
    """A file of the egg with an applied defect, and no other."""
    save_blend(baked, tmp_path / "egg.blend")
    return tmp_path / "egg.blend"


def test_commands_name_a_part_with_applied_defects(file: Path, tmp_path: Path) -> None:
    assert [source.object for source in sources([file], None)] == ["egg"]
    with pytest.raises(AddonError, match="egg.blend: " + APPLIED):
        open_for_job(file, "mm", "egg")
    assert any(APPLIED in problem for problem in problems_of_file(file))
    for task in TASKS:
        job = Job("egg/nominal", task, str(file), object="egg", nominal=True)
        with pytest.raises(AddonError, match=APPLIED):
            Session(TASKS, tmp_path / "out").do(job)
    assert not list((tmp_path / "out").rglob("*.*"))


@pytest.fixture
def keyed(active_egg: bpy.types.Object) -> bpy.types.Object:
    """An egg with a dent and a shape key of value 1 that moves all of it."""
    add_defect(active_egg, "dent", TOP)
    active_egg.shape_key_add(name="Basis")
    key: Any = active_egg.shape_key_add(name="Swollen", from_mix=False)
    for point in key.data:
        point.co = point.co * 1.1
    key.value = 1.0
    return active_egg


def test_an_active_shape_key_is_named(keyed: bpy.types.Object) -> None:
    [text] = recipe_warnings(keyed)
    assert text.startswith('shape key "Swollen" changes the part')
    assert text in [finding.text for finding in findings(keyed)]
    keys: Any = keyed.data.shape_keys
    keys.key_blocks["Swollen"].value = 0.0
    assert recipe_warnings(keyed) == []
    keyed.active_shape_key_index, keyed.show_only_shape_key = 1, True
    assert len(recipe_warnings(keyed)) == 1
    keyed.show_only_shape_key = False
    keys.use_relative = False
    assert len(recipe_warnings(keyed)) == 1


def test_an_export_warns_of_it_and_so_does_a_record(
    keyed: bpy.types.Object, registered: None, tmp_path: Path
) -> None:
    assert bpy.ops.flawsmith.export_recipe(filepath=str(tmp_path / "r.json")) == {"FINISHED"}
    assert len(json.loads((tmp_path / "r.json").read_text())["defects"]) == 1
    save_blend(keyed, tmp_path / "keyed.blend")
    job = Job("egg/as_it_is", "apply", str(tmp_path / "keyed.blend"), object="egg")
    Session(TASKS, tmp_path / "out").do(
        Job(job.name, job.task, job.part, object="egg", options={"suffix": ".ply"})
    )
    record = json.loads((tmp_path / "out" / "records" / "egg" / "as_it_is.json").read_text())
    assert record["warnings"][0].startswith('shape key "Swollen"')


def test_a_modifier_between_two_defects_is_named(active_egg: bpy.types.Object) -> None:
    add_defect(active_egg, "dent", TOP)
    active_egg.modifiers.new("Wave", "WAVE")
    assert recipe_warnings(active_egg) == []
    add_defect(active_egg, "dent", SIDE)
    [text] = recipe_warnings(active_egg)
    assert text.startswith('"Wave" comes before the defects')
