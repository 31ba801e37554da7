"""Ranges beside values: they belong to a defect, whatever happens to its stack and file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import blender_addon
from blender_addon.documents.errors import AddonError
from blender_addon.exchange.recipes import apply_recipe, recipe_name
from blender_addon.stack import modifiers, ranges
from shared_schema.defects import Choice, Range
from shared_schema.recipe import RecipeTemplate
from tests.blender import add_part, egg

RADIUS = {"min": 0.125, "max": 0.25, "distribution": "log_uniform"}

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def dent() -> Any:
    """A dent with a range, the second of two on an object called "egg"."""
    part = add_part(*egg(), "egg")
    modifiers.add_defect(part, "dent", {"name": "First"})
    modifier = modifiers.add_defect(part, "dent", {"name": "Second"})
    ranges.set_range(modifier, "radius", RADIUS)
    return modifier


def stored(modifier: Any) -> dict[str, Any]:
    field = ranges.template_field(modifier, "radius")
    return ranges.range_of(modifier, "radius").as_document(field)


def test_fields_that_may_vary_are_those_of_the_templates() -> None:
    for template in (
        RecipeTemplate.model_fields["defects"].annotation.__args__[0].__args__[0].__args__
    ):
        kind = template.model_fields["kind"].default
        known = {field.name: field.varies for field in ranges.template_fields(kind)}
        assert known.keys() <= template.model_fields.keys()
        for name, field in template.model_fields.items():
            options = getattr(field.annotation, "__args__", ())
            varies = "Range" if Range in options else "Choice" if Choice in options else None
            assert known.get(name) == varies, (kind, name)


def test_range_stays_with_a_defect_that_is_renamed_and_moved(dent: Any) -> None:
    part = dent.id_data
    dent.name = "Other"
    part.modifiers.move(1, 0)
    assert stored(part.modifiers["Other"]) == RADIUS
    assert ranges.variation_of(part.modifiers["First"]) is None


def test_copy_of_the_object_has_its_own_ranges(dent: Any) -> None:
    copy = dent.id_data.copy()
    bpy.context.scene.collection.objects.link(copy)
    ranges.set_range(copy.modifiers["Second"], "radius", {"min": 0.5, "max": 0.75})
    assert stored(dent) == RADIUS
    assert stored(copy.modifiers["Second"]) == {"min": 0.5, "max": 0.75}


def test_copy_of_a_defect_can_be_given_the_same(dent: Any) -> None:
    variation = ranges.variation_of(dent)
    variation.place, variation.edge_angle, variation.chance = "EDGES", 0.5, 2.0
    other = modifiers.add_defect(add_part(*egg(), "other"), "dent")
    ranges.copy_variation(dent, other)
    copied = ranges.variation_of(other)
    assert (copied.place, copied.edge_angle, copied.chance) == ("EDGES", 0.5, 2.0)
    assert copied.uid == other.persistent_uid
    assert stored(other) == stored(dent) == RADIUS


def test_file_keeps_ranges_while_the_extension_is_off(dent: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "part.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    blender_addon.unregister()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not hasattr(bpy.data.objects["egg"], ranges.VARIATIONS_PROPERTY)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    blender_addon.register()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert stored(bpy.data.objects["egg"].modifiers["Second"]) == RADIUS


def test_undo_takes_a_range_back(active_egg: bpy.types.Object) -> None:
    active_egg.modifiers.active = modifiers.add_defect(active_egg, "dent")
    bpy.ops.flawsmith.vary()
    bpy.ops.ed.undo_push(message="vary")
    bpy.ops.flawsmith.vary_value(field="radius")
    bpy.ops.ed.undo_push(message="value")
    assert ranges.range_of(bpy.data.objects["egg"].modifiers[0], "radius") is not None
    bpy.ops.ed.undo()
    assert ranges.range_of(bpy.data.objects["egg"].modifiers[0], "radius") is None
    bpy.ops.ed.redo()
    assert ranges.range_of(bpy.data.objects["egg"].modifiers[0], "radius") is not None


def test_ranges_of_removed_defects_are_forgotten(dent: Any) -> None:
    part = dent.id_data
    part.modifiers.remove(dent)
    ranges.set_range(part.modifiers["First"], "depth", {"min": 0.0, "max": 1.0})
    assert len(getattr(part, ranges.VARIATIONS_PROPERTY)) == 1


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_new_defect_does_not_get_what_was_remembered_of_one_that_is_gone(
    active_egg: bpy.types.Object, by_hand: bool
) -> None:
    """Blender gives the new one the number that the other one had."""
    document = {"schema_version": 1, "part": {"diagonal": 2.6}}
    dent = {"kind": "dent", "center": [0.0, 0.0, 0.5], "radius": 0.2, "depth": 0.05}
    apply_recipe(active_egg, {**document, "defects": [{**dent, "name": "Pore"}] * 2})
    second = active_egg.modifiers["Pore.001"]
    ranges.set_range(second, "radius", RADIUS)
    number = second.persistent_uid
    if by_hand:
        active_egg.modifiers.remove(second)
    else:
        modifiers.remove_defect(second)
    new = modifiers.add_defect(active_egg, "dent", {"name": "Pore.001"})
    assert new.persistent_uid == number
    assert ranges.variation_of(new) is None
    assert recipe_name(new) == "Pore.001"


def test_same_range_is_seen_in_the_unit_of_its_field(dent: Any) -> None:
    one = ranges.range_of(dent, "radius")
    one.low_length = 0.0625
    assert (one.low, one.low_angle) == (0.0625, 0.0625)


def test_what_cannot_vary_is_refused(dent: Any) -> None:
    with pytest.raises(AddonError, match="a dent has no 'width' to vary; it has mask_threshold"):
        ranges.set_range(dent, "width", RADIUS)
    with pytest.raises(AddonError, match="Falloff of a dent cannot vary in this way"):
        ranges.set_range(dent, "falloff", RADIUS)
    with pytest.raises(AddonError, match="Direction of a dent cannot vary in this way"):
        ranges.set_range(dent, "direction", RADIUS)


@pytest.mark.parametrize("kind", modifiers.KINDS)
def test_every_value_of_every_kind_gets_a_first_range_that_is_allowed(
    active_egg: bpy.types.Object, kind: str
) -> None:
    bpy.ops.flawsmith.add_defect(kind=kind)
    active_egg.modifiers.active = active_egg.modifiers[0]
    bpy.ops.flawsmith.vary()
    names = [field.name for field in ranges.template_fields(kind) if field.varies]
    for name in names:
        assert bpy.ops.flawsmith.vary_value(field=name) == {"FINISHED"}
    assert {one.field for one in ranges.variation_of(active_egg.modifiers[0]).ranges} == set(names)
    bpy.ops.flawsmith.vary()
    assert ranges.variation_of(active_egg.modifiers[0]) is None


def test_choices_are_switched_one_by_one_and_the_last_one_stays(
    active_egg: bpy.types.Object,
) -> None:
    bpy.ops.flawsmith.add_defect(kind="dent")
    modifier = active_egg.modifiers.active = active_egg.modifiers[0]
    bpy.ops.flawsmith.vary_value(field="falloff")
    for choice in ("cosine", "gaussian", "flat"):
        bpy.ops.flawsmith.toggle_choice(field="falloff", choice=choice)
    assert ranges.range_of(modifier, "falloff").choices == "linear"
    bpy.ops.flawsmith.toggle_choice(field="falloff", choice="linear")
    assert ranges.range_of(modifier, "falloff").choices == "linear"
    bpy.ops.flawsmith.toggle_choice(field="falloff", choice="cosine")
    assert ranges.range_of(modifier, "falloff").choices == "cosine,linear"


def test_a_box_object_is_a_region_in_the_part_s_space() -> None:
    part = add_part(*egg(), "egg")
    part.location, part.rotation_euler = (5.0, 0.0, 0.0), (0.0, 0.0, np.pi / 2)
    bpy.ops.mesh.primitive_cube_add(size=2.0, location=(5.0, 1.0, 0.0), scale=(1.0, 2.0, 3.0))
    low, high = ranges.region_box(part, bpy.context.active_object)
    np.testing.assert_allclose(low, (-1.0, -1.0, -3.0), atol=1e-5)
    np.testing.assert_allclose(high, (3.0, 1.0, 3.0), atol=1e-5)


def test_a_turned_or_flat_region_is_refused() -> None:
    part = add_part(*egg(), "egg")
    region = ranges.new_region(part, "Box", np.full(3, -1.0), np.ones(3))
    region.rotation_euler = (0.0, 0.0, 0.3)
    with pytest.raises(AddonError, match="'Box' is turned against the part"):
        ranges.region_box(part, region)
    region.rotation_euler, region.scale = (0.0, 0.0, 0.0), (1.0, 0.0, 1.0)
    with pytest.raises(AddonError, match="'Box' is flat"):
        ranges.region_box(part, region)


def test_a_new_region_encloses_the_part(active_egg: bpy.types.Object) -> None:
    bpy.ops.flawsmith.add_defect(kind="dent")
    active_egg.modifiers.active = active_egg.modifiers[0]
    bpy.ops.flawsmith.add_region()
    region = ranges.variation_of(active_egg.modifiers[0]).region
    low, high = ranges.region_box(active_egg, region)
    np.testing.assert_allclose([low, high], [(-1.0, -0.7, -0.5), (1.0, 0.7, 0.5)], atol=1e-5)
