"""What an object's place, size and units mean for its recipe; parts from libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.documents.errors import AddonError
from blender_addon.exchange.recipes import apply_recipe, recipe_of
from blender_addon.parts.frame import UNITS, set_part_frame, show_in_unit, shows_true_lengths
from blender_addon.stack import modifiers, ranges
from blender_addon.stack.scaling import apply_scale, world_scale
from tests.blender import add_part, egg, empty_scene, evaluate
from tests.blender_addon.exchange.test_recipes import random_document

# With numbers, and with each sort of support.
SOME_KINDS = ("dent", "scratch", "freeform")


@pytest.fixture
def part() -> bpy.types.Object:
    """An ellipsoid with some defects."""
    part = add_part(*egg(), "egg")
    apply_recipe(part, random_document(part, 5, *SOME_KINDS))
    return part


def world_points(part: bpy.types.Object) -> Any:
    to_world = np.array(part.matrix_world)
    return evaluate(part).points @ to_world[:3, :3].T + to_world[:3, 3]


def empty(name: str, **properties: Any) -> bpy.types.Object:
    obj = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(obj)
    for key, value in properties.items():
        setattr(obj, key, value)
    return obj


def test_moving_and_turning_changes_nothing_in_the_recipe(part: bpy.types.Object) -> None:
    before = recipe_of(part)
    part.location, part.rotation_euler = (1e3, -3.0, 2.0), (0.5, 1.0, -2.0)
    part.delta_location, part.delta_rotation_euler = (1.0, 2.0, 3.0), (0.1, 0.0, 0.0)
    part.parent = empty("parent", location=(5.0, 5.0, 5.0), rotation_euler=(1.0, 1.0, 0.0))
    assert recipe_of(part) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scale": (2.0, 2.0, 2.0)}, "'egg' is scaled by 2 × 2 × 2, but .* use Apply Scale"),
        ({"scale": (1.0, 1.0, 1.1)}, "scaled by 1 × 1 × 1.1"),
        ({"delta_scale": (1.0, 0.5, 1.0)}, "scaled by 1 × 0.5 × 1"),
        ({"scale": (-1.0, 1.0, 1.0)}, "mirrored by a negative scale"),
        ({"scale": (-1.0, -1.0, -1.0)}, "mirrored by a negative scale"),
    ],
)
def test_scaled_objects_are_refused(
    part: bpy.types.Object, change: dict[str, Any], says: str
) -> None:
    for name, value in change.items():
        setattr(part, name, value)
    with pytest.raises(AddonError, match=says):
        recipe_of(part)


def test_two_negative_axes_are_only_a_turn(part: bpy.types.Object) -> None:
    before = recipe_of(part)
    part.scale = (-1.0, -1.0, 1.0)
    assert recipe_of(part) == before


def test_scale_of_a_parent_counts_and_is_not_applied(part: bpy.types.Object) -> None:
    part.parent = empty("big", scale=(3.0, 3.0, 3.0))
    with pytest.raises(AddonError, match="scaled by 3 × 3 × 3"):
        recipe_of(part)
    with pytest.raises(AddonError, match=r"by its parent 'big'; .* Keep Transformation"):
        apply_scale(part)
    # Together they make up for each other.
    part.scale = (1 / 3, 1 / 3, 1 / 3)
    assert recipe_of(part)["defects"]


def test_applied_scale_looks_the_same_and_multiplies_every_length(
    part: bpy.types.Object,
) -> None:
    set_part_frame(part, "mm", (10.0, 0.0, -2.0))
    before = recipe_of(part)
    part.scale, part.delta_scale = (0.5, 0.5, 0.5), (4.0, 4.0, 4.0)
    part.location, part.rotation_euler = (1.0, 2.0, 3.0), (0.3, 0.2, 0.1)
    bpy.context.view_layer.update()
    seen = world_points(part)
    assert apply_scale(part) == pytest.approx(2.0)
    np.testing.assert_allclose(world_points(part), seen, atol=1e-4)
    assert world_scale(part) == pytest.approx([1.0, 1.0, 1.0])
    after = recipe_of(part)
    assert after["part"]["diagonal"] == pytest.approx(2.0 * before["part"]["diagonal"])
    assert after["origin"] == [20.0, 0.0, -4.0]
    for small, large in zip(before["defects"], after["defects"], strict=True):
        if small["kind"] == "dent":
            assert large["radius"] == 2.0 * small["radius"]
            assert large["center_normal"] == small["center_normal"]
        if small["kind"] == "scratch":
            doubled = 2.0 * np.array(small["path"]["points"])
            np.testing.assert_array_equal(large["path"]["points"], doubled)


def test_ratios_of_a_scaled_part_stay(part: bpy.types.Object) -> None:
    before = recipe_of(part)
    part.scale = (2.0, 2.0, 2.0)
    apply_scale(part)
    other = add_part(*egg(), "other")
    small = [evaluate(part).mask.sum(), before["part"]["diagonal"]]
    apply_recipe(other, before)
    assert [evaluate(other).mask.sum(), recipe_of(part)["part"]["diagonal"] / 2.0] == small


@pytest.mark.usefixtures("registered")
def test_applied_scale_reaches_ranges_and_children() -> None:
    part = add_part(*egg(), "egg")
    dent = modifiers.add_defect(part, "dent", {"center": [0.0, 0.0, 0.5]})
    ranges.set_range(dent, "radius", {"min": 0.25, "max": 0.5})
    ranges.set_range(dent, "mask_threshold", {"min": 0.25, "max": 0.5})
    ranges.ensure_variation(dent).distance = 0.125
    region = ranges.new_region(part, "box", np.full(3, -1.0), np.ones(3))
    part.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    seen = region.matrix_world.copy()
    apply_scale(part)
    radius, threshold = (ranges.range_of(dent, name) for name in ("radius", "mask_threshold"))
    assert (radius.low, radius.high) == (0.5, 1.0)
    assert (threshold.low, threshold.high) == (0.25, 0.5)
    assert ranges.variation_of(dent).distance == 0.25
    np.testing.assert_allclose(np.array(region.matrix_world), np.array(seen), atol=1e-6)
    np.testing.assert_allclose(ranges.region_box(part, region)[1], [2.0, 2.0, 2.0])


def test_other_scales_are_applied_only_before_there_are_defects(part: bpy.types.Object) -> None:
    part.scale = (1.0, 2.0, 1.0)
    with pytest.raises(AddonError, match="which would distort its defects"):
        apply_scale(part)
    for modifier in modifiers.defect_modifiers(part):
        modifiers.remove_defect(modifier)
    apply_scale(part)
    assert np.ptp([vertex.co.y for vertex in part.data.vertices]) == pytest.approx(2.8)


@pytest.mark.parametrize("scale", [(-1.0, 1.0, 1.0), (1.0, 0.0, 1.0)])
def test_mirrored_and_flat_objects_are_not_applied(scale: tuple[float, ...]) -> None:
    part = add_part(*egg(), "egg")
    part.scale = scale
    with pytest.raises(AddonError, match="'egg' is mirrored or flat"):
        apply_scale(part)


def test_mesh_of_two_objects_is_copied_for_the_scaled_one(part: bpy.types.Object) -> None:
    other = bpy.data.objects.new("other", part.data)
    bpy.context.scene.collection.objects.link(other)
    part.scale = (2.0, 2.0, 2.0)
    apply_scale(part)
    assert modifiers.diagonal(part) == pytest.approx(2.0 * modifiers.diagonal(other))


def test_shape_keys_are_scaled_too() -> None:
    part = add_part(*egg(), "egg")
    part.shape_key_add(name="Basis")
    key = part.shape_key_add(name="Long")
    key.data[0].co.x = 4.0
    part.scale = (0.5, 0.5, 0.5)
    apply_scale(part)
    assert key.data[0].co.x == 2.0


def test_two_objects_with_one_mesh_have_stacks_of_their_own() -> None:
    first = add_part(*egg(), "first")
    second = bpy.data.objects.new("second", first.data)
    bpy.context.scene.collection.objects.link(second)
    apply_recipe(first, random_document(first, 1, "dent"))
    assert len(recipe_of(first)["defects"]) == 1
    assert not recipe_of(second)["defects"]


@pytest.mark.parametrize(
    ("system", "unit", "scale"),
    [("NONE", "ADAPTIVE", 1.0), ("METRIC", "METERS", 1.0), ("IMPERIAL", "INCHES", 0.0254)],
)
def test_units_of_the_scene_change_no_number(
    part: bpy.types.Object, system: str, unit: str, scale: float
) -> None:
    before = recipe_of(part)
    settings: Any = bpy.context.scene.unit_settings
    settings.system, settings.scale_length = system, scale
    if unit != "ADAPTIVE":
        settings.length_unit = unit
    assert recipe_of(part) == before
    assert shows_true_lengths(bpy.context.scene, "mm") == (system == "NONE")
    for own in UNITS:
        show_in_unit(bpy.context.scene, own)
        assert shows_true_lengths(bpy.context.scene, own)
        assert not shows_true_lengths(bpy.context.scene, "m" if own == "mm" else "mm")
    assert recipe_of(part) == before


@pytest.fixture
def linked(part: bpy.types.Object, tmp_path: Path) -> bpy.types.Object:
    """The part linked from another file, and active."""
    path = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    empty_scene()
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.objects = ["egg"]
    obj = bpy.data.objects["egg"]
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    return obj


@pytest.mark.usefixtures("registered")
def test_linked_part_is_exported_but_not_changed(linked: bpy.types.Object, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    assert bpy.ops.flawsmith.export_recipe(filepath=str(path)) == {"FINISHED"}
    assert len(recipe_of(linked)["defects"]) == len(SOME_KINDS)
    for name in ("add_defect", "import_recipe", "import_template", "apply_scale", "set_unit"):
        with pytest.raises(RuntimeError, match="make a library override or a local copy"):
            getattr(bpy.ops.flawsmith, name)()


@pytest.mark.usefixtures("registered")
def test_library_override_takes_defects_of_its_own(linked: bpy.types.Object) -> None:
    own = linked.override_create()
    bpy.context.scene.collection.objects.link(own)
    bpy.context.view_layer.objects.active = own
    before = len(recipe_of(own)["defects"])
    assert bpy.ops.flawsmith.add_defect(kind="dent") == {"FINISHED"}
    assert len(recipe_of(own)["defects"]) == before + 1
    own.scale = (2.0, 2.0, 2.0)
    with pytest.raises(AddonError, match=r"mesh of 'egg.*' is linked from a library"):
        apply_scale(own)
