"""Defects in the modifier stack: live, stackable, animatable, saved with the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.data import attributes
from blender_addon.documents.errors import AddonError
from blender_addon.nodes import inputs
from blender_addon.stack import modifiers
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import (
    ATTRIBUTES,
    Evaluated,
    add_part,
    egg,
    empty_scene,
    evaluate,
    evaluated_mesh,
    nominal_cloud,
)


@pytest.fixture
def part() -> bpy.types.Object:
    return add_part(*egg())


def add_random(part: bpy.types.Object, seed: int, *kinds: str) -> list[dict[str, Any]]:
    """Add a random defect of each kind; returns the values that were given."""
    recipe = random_recipe(nominal_cloud(part), seed, *kinds)
    values = recipe.model_dump(mode="json", exclude_none=True)["defects"]
    for defect in values:
        modifiers.add_defect(part, defect["kind"], defect)
    return values


def single(value: Any) -> Any:
    """Numbers of a JSON value in single precision."""
    if isinstance(value, dict):
        return {name: single(item) for name, item in value.items()}
    if isinstance(value, list):
        return [single(item) for item in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def same(first: Evaluated, second: Evaluated) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in vars(first))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_values_come_back_in_single_precision(part: bpy.types.Object, kind: str, seed: int) -> None:
    given = add_random(part, seed, kind)[0]
    read = modifiers.read_values(modifiers.defect_modifiers(part)[0])
    assert {**read, "name": given["name"]} == single(given)


@pytest.mark.parametrize("kind", KINDS)
def test_values_that_were_read_change_nothing_when_written(
    part: bpy.types.Object, kind: str
) -> None:
    add_random(part, 1, kind)
    modifier = modifiers.defect_modifiers(part)[0]
    before, values = evaluate(part), modifiers.read_values(modifier)
    modifiers.write_values(modifier, values)
    assert modifiers.read_values(modifier) == values
    assert same(evaluate(part), before)


def test_new_defect_has_suggested_values_at_the_size_of_the_part(part: bpy.types.Object) -> None:
    values = modifiers.read_values(modifiers.add_defect(part, "dent"))
    assert values["radius"] == pytest.approx(0.08 * modifiers.diagonal(part))
    assert values["depth"] == pytest.approx(0.02 * modifiers.diagonal(part))


def test_labels_count_on_from_the_highest_unless_they_are_given(part: bpy.types.Object) -> None:
    labels = [{}, {}, {"label": 9}, {}]
    added = [modifiers.add_defect(part, "dent", values) for values in labels]
    assert [modifiers.read_values(modifier)["label"] for modifier in added] == [1, 2, 9, 10]


def test_modifier_is_live(part: bpy.types.Object) -> None:
    modifier = modifiers.add_defect(part, "dent", {"center": [0.0, 0.0, 0.5], "depth": 0.02})
    shallow = evaluate(part)
    modifiers.write_values(modifier, {"depth": 0.1})
    deep = evaluate(part)
    top = int(np.argmax(shallow.weight))
    assert deep.points[top, 2] == pytest.approx(shallow.points[top, 2] - 0.08, abs=1e-6)


def test_modifier_can_be_animated(part: bpy.types.Object) -> None:
    modifier: Any = modifiers.add_defect(part, "dent", {"center": [0.0, 0.0, 0.5], "depth": 0.0})
    owner, path = inputs.input_property(modifier, "Depth")
    owner.keyframe_insert(path, frame=1)
    modifiers.write_values(modifier, {"depth": 0.1})
    owner.keyframe_insert(path, frame=11)
    depths = []
    for frame in (1, 6, 11):
        bpy.context.scene.frame_set(frame)
        depths.append(0.5 - evaluate(part).points[:, 2].max())
    assert depths[0] < depths[1] < depths[2]


def test_disabled_defect_does_nothing(part: bpy.types.Object) -> None:
    before = evaluate_with(part, "dent")
    modifiers.defect_modifiers(part)[0].show_viewport = False
    modifiers.add_defect(part, "dent", {"depth": 0.0})
    after = evaluate(part)
    assert before.mask.any() and not after.mask.any()
    assert np.array_equal(after.points, np.float32(egg()[0]))


def evaluate_with(part: bpy.types.Object, *kinds: str) -> Evaluated:
    add_random(part, 3, *kinds)
    return evaluate(part)


def test_stack_keeps_every_label(part: bpy.types.Object) -> None:
    found = evaluate_with(part, *KINDS)
    labels = {modifiers.read_values(m)["label"] for m in modifiers.defect_modifiers(part)}
    assert set(found.labels) - {0} <= labels
    assert np.array_equal(found.labels > 0, found.mask)


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), tuple(KINDS)], ids="+".join)
def test_mesh_gets_the_documented_attributes_and_no_others(
    part: bpy.types.Object, kinds: tuple[str, ...]
) -> None:
    before = {attribute.name for attribute in evaluated_mesh(part).attributes}
    add_random(part, 5, *kinds)
    after = {attribute.name for attribute in evaluated_mesh(part).attributes}
    assert after - before == {getattr(attributes, name) for name in ATTRIBUTES}
    assert before <= after


@pytest.mark.parametrize("kind", ["dent", "scratch", "freeform", "deposit"])
def test_points_without_weight_stay_what_they_were_to_the_bit(
    part: bpy.types.Object, kind: str
) -> None:
    found = evaluate_with(part, kind)
    still = found.weight == 0
    assert 0 < still.sum() < len(still)
    assert np.array_equal(found.points[still], np.float32(egg()[0])[still])


@pytest.mark.parametrize("kind", KINDS)
def test_mesh_that_lost_its_points_stays_empty(part: bpy.types.Object, kind: str) -> None:
    add_random(part, 0, kind)
    mesh: Any = part.data
    mesh.clear_geometry()
    assert len(evaluated_mesh(part).vertices) == 0


def test_order_of_the_stack_is_that_of_the_defects(part: bpy.types.Object) -> None:
    for label in (5, 6):
        modifiers.add_defect(part, "dent", {"center": [0.0, 0.0, 0.5], "label": label})
    assert set(evaluate(part).labels) == {0, 6}
    part.modifiers.move(0, 1)
    assert set(evaluate(part).labels) == {0, 5}


def test_other_modifiers_are_left_alone(part: bpy.types.Object) -> None:
    other = part.modifiers.new("Subdivision", "SUBSURF")
    dent = modifiers.add_defect(part, "dent")
    assert modifiers.defect_modifiers(part) == [dent]
    assert modifiers.defect_kind(other) is None
    with pytest.raises(AddonError, match="'Subdivision' is not a defect"):
        modifiers.read_values(other)  # type: ignore[arg-type]


def test_copy_of_a_group_is_still_a_defect(part: bpy.types.Object) -> None:
    modifier: Any = modifiers.add_defect(part, "bend")
    modifier.node_group = modifier.node_group.copy()
    assert modifier.node_group.name.endswith(".001")
    assert modifiers.defect_kind(modifier) == "bend"


def test_saved_file_opens_the_same(part: bpy.types.Object, tmp_path: Path) -> None:
    add_random(part, 2, *KINDS)
    before = evaluate(part)
    values = [modifiers.read_values(m) for m in modifiers.defect_modifiers(part)]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "part.blend"))
    empty_scene()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "part.blend"))
    opened = bpy.data.objects["part"]
    assert [modifiers.read_values(m) for m in modifiers.defect_modifiers(opened)] == values
    assert same(evaluate(opened), before)


def test_moving_the_path_moves_the_scratch(part: bpy.types.Object) -> None:
    path = {"points": [[-0.2, 0.0, 0.49], [0.2, 0.0, 0.49]]}
    modifier: Any = modifiers.add_defect(part, "scratch", {"path": path, "width": 0.1})
    before = evaluate(part)
    support = next(child for child in part.children)
    support.location.y = 0.1
    after = evaluate(part)
    points = np.float32(egg()[0])
    shift = points[after.mask].mean(axis=0) - points[before.mask].mean(axis=0)
    assert shift[1] == pytest.approx(0.1, abs=0.02)
    read = modifiers.read_values(modifier)["path"]["points"]
    assert [point[1] for point in read] == pytest.approx([0.1, 0.1])


def test_removing_a_defect_spares_what_others_use(part: bpy.types.Object) -> None:
    path = {"points": [[-0.2, 0.0, 0.5], [0.2, 0.0, 0.5]], "resolved": True}
    first, last = (modifiers.add_defect(part, "scratch", {"path": path}) for _ in range(2))
    [used], [unused] = (modifiers.defect_supports(scratch) for scratch in (first, last))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    constraint: Any = camera.constraints.new("TRACK_TO")
    constraint.target = used
    assert modifiers.support_users([used, unused]) == {used: 1, unused: 1}
    name = unused.name
    for scratch in (first, last):
        modifiers.remove_defect(scratch)
    assert constraint.target == used
    assert name not in bpy.data.objects and name not in bpy.data.meshes


def test_one_object_may_serve_as_hull_and_bumps(part: bpy.types.Object) -> None:
    freeform = modifiers.add_defect(part, "freeform", {"hull": np.eye(4, 3).tolist()})
    hull, bumps = modifiers.defect_supports(freeform)
    inputs.set_input(freeform, "Bumps", hull)
    assert modifiers.support_users([hull])[hull] == 2
    bpy.data.objects.remove(bumps)
    modifiers.remove_defect(freeform)
    assert not [obj for obj in bpy.data.objects if obj != part]


def test_part_may_stand_anywhere_in_the_world(part: bpy.types.Object) -> None:
    add_random(part, 4, "scratch", "freeform")
    before = evaluate(part)
    part.location, part.rotation_euler = (5.0, -3.0, 2.0), (0.5, 1.0, -2.0)
    after = evaluate(part)
    assert np.abs(after.points - before.points).max() < 1e-5
    values = [modifiers.read_values(m) for m in modifiers.defect_modifiers(part)]
    part.location, part.rotation_euler = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    assert [modifiers.read_values(m) for m in modifiers.defect_modifiers(part)] == values


def test_defects_need_a_mesh() -> None:
    lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "POINT"))
    with pytest.raises(AddonError, match="'lamp' is a light"):
        modifiers.add_defect(lamp, "dent")


def test_unknown_kind_field_and_choice_are_named(part: bpy.types.Object) -> None:
    with pytest.raises(AddonError, match="'dint'; known are dent, scratch"):
        modifiers.add_defect(part, "dint")
    modifier = modifiers.add_defect(part, "dent")
    with pytest.raises(AddonError, match="'sharpness'; it has center"):
        modifiers.write_values(modifier, {"sharpness": 1.0})
    with pytest.raises(AddonError, match="'round' is not allowed; allowed are cosine"):
        modifiers.write_values(modifier, {"falloff": "round"})


def test_scratch_without_a_path_does_nothing_and_says_so(part: bpy.types.Object) -> None:
    modifier = modifiers.add_defect(part, "scratch")
    assert not evaluate(part).mask.any()
    with pytest.raises(AddonError, match="no Path object"):
        modifiers.read_values(modifier)
