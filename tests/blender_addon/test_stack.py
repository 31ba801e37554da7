"""Work on a stack: copies stand alone, mirror images are mirror images, labels stay."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon.modifiers import (
    add_defect,
    defect_kind,
    defect_modifiers,
    defect_supports,
    read_values,
    write_values,
)
from blender_addon.parts import set_part_frame
from blender_addon.places import place_near, placed_values
from blender_addon.recipe_io import recipe_of
from blender_addon.surface_paths import Surface
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg, evaluate

pytestmark = pytest.mark.usefixtures("registered")

ASKEW = (0.35, 0.3, 0.4)


def add(part: bpy.types.Object, kind: str, near: tuple[float, ...] = ASKEW) -> bpy.types.Modifier:
    surface = Surface(part)
    values = placed_values(kind, surface, place_near(surface, near, 1.5))
    modifier = add_defect(part, kind, values)
    part.modifiers.active = modifier
    return modifier


def labels(part: bpy.types.Object) -> list[int]:
    return [defect["label"] for defect in recipe_of(part)["defects"]]


def supports() -> set[str]:
    return {obj.name for obj in bpy.data.objects if obj.parent is not None}


def mirrored(points: np.ndarray, axis: int) -> np.ndarray:
    return points * np.where(np.arange(3) == axis, -1.0, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_removed_defect_takes_its_supports_along(active_egg: bpy.types.Object, kind: str) -> None:
    add(active_egg, "scratch")
    before = supports()
    add(active_egg, kind)
    assert bpy.ops.flawsmith.remove() == {"FINISHED"}
    assert supports() == before
    assert labels(active_egg) == [1]
    assert defect_kind(active_egg.modifiers.active) == "scratch"


@pytest.mark.parametrize("kind", KINDS)
def test_a_duplicate_is_the_same_and_stands_alone(active_egg: bpy.types.Object, kind: str) -> None:
    first = add(active_egg, kind)
    add(active_egg, "dent")
    active_egg.modifiers.active = first
    bpy.ops.flawsmith.duplicate()
    original, copy, last = defect_modifiers(active_egg)
    assert active_egg.modifiers.active == copy
    assert labels(active_egg) == [1, 3, 2]
    values = read_values(original)
    assert {**read_values(copy), "name": "", "label": 1} == {**values, "name": ""}
    assert not set(defect_supports(original)) & set(defect_supports(copy))
    active_egg.modifiers.active = copy
    bpy.ops.flawsmith.duplicate(same_label=True)
    assert labels(active_egg) == [1, 3, 3, 2]
    assert last.name in active_egg.modifiers


def test_defects_are_moved_past_each_other_and_keep_their_labels(
    active_egg: bpy.types.Object,
) -> None:
    add(active_egg, "dent")
    active_egg.modifiers.new("Smooth", "SMOOTH")
    add(active_egg, "hole")
    add(active_egg, "crack")
    for direction, expected in (("UP", [1, 3, 2]), ("UP", [3, 1, 2]), ("UP", [3, 1, 2])):
        bpy.ops.flawsmith.move(direction=direction)
        assert labels(active_egg) == expected
    bpy.ops.flawsmith.move(direction="DOWN")
    assert labels(active_egg) == [1, 3, 2]
    bpy.ops.flawsmith.renumber()
    assert labels(active_egg) == [1, 2, 3]


@pytest.mark.parametrize(("kind", "axis"), [(kind, n % 3) for n, kind in enumerate(KINDS)])
def test_a_mirrored_defect_makes_the_mirror_image(
    active_egg: bpy.types.Object, kind: str, axis: int
) -> None:
    points, faces = egg()
    modifier = add(active_egg, kind)
    if kind == "bend":
        write_values(modifier, {"side": [1.0, 0.2, 0.1], "hinge_axis": [0.1, 1.0, 0.2]})
    before = evaluate(active_egg)
    assert before.mask.any()
    assert bpy.ops.flawsmith.mirror(axis="XYZ"[axis], copy=False) == {"FINISHED"}
    twin = add_part(mirrored(points, axis), faces[:, ::-1], "twin")
    add_defect(twin, kind, read_values(modifier))
    after = evaluate(twin)
    np.testing.assert_array_equal(after.source_index, before.source_index)
    np.testing.assert_allclose(after.points, mirrored(before.points, axis), atol=2e-6)
    np.testing.assert_allclose(after.normals, mirrored(before.normals, axis), atol=1e-4)
    np.testing.assert_allclose(after.weight, before.weight, atol=1e-4)


def test_a_mirrored_copy_leaves_the_first(active_egg: bpy.types.Object) -> None:
    first = read_values(add(active_egg, "scratch"))
    bpy.ops.flawsmith.mirror(axis="X")
    original, copy = defect_modifiers(active_egg)
    assert read_values(original) == first
    points = np.array(read_values(copy)["path"]["points"])
    np.testing.assert_allclose(points, mirrored(np.array(first["path"]["points"]), 0), atol=1e-6)
    assert labels(active_egg) == [1, 2]


def test_through_the_origin_or_the_middle_of_the_part() -> None:
    points, faces = egg()
    part = add_part(points + np.array((3.0, 0.0, 0.0)), faces)
    bpy.context.view_layer.objects.active = part
    add(part, "dent", (3.5, 0.3, 0.4))
    center = np.array(read_values(part.modifiers[0])["center"])
    bpy.ops.flawsmith.mirror(axis="X", plane="MIDDLE")
    bpy.ops.flawsmith.mirror(axis="X", plane="ORIGIN")
    found = [read_values(modifier)["center"][0] for modifier in defect_modifiers(part)]
    np.testing.assert_allclose(found, (center[0], 6.0 - center[0], center[0] - 6.0), atol=1e-5)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_defects_are_copied_to_another_object(kind: str, in_place: bool) -> None:
    source, target = add_part(*egg(), "source"), add_part(*egg(), "target")
    bpy.context.view_layer.objects.active = source
    for obj in (source, target):
        obj.select_set(True)
    if in_place:
        target.location, target.rotation_euler = (0.2, -0.1, 0.3), (0.2, 0.1, -0.3)
        target.scale = (2.0, 2.0, 2.0)
    bpy.context.view_layer.update()
    add(source, kind)
    assert bpy.ops.flawsmith.copy_to_selected(in_place=in_place) == {"FINISHED"}
    [copy] = defect_modifiers(target)
    values, found = read_values(source.modifiers[0]), read_values(copy)
    assert found["label"] == values["label"]
    if not in_place:
        assert {**found, "name": ""} == {**values, "name": ""}
    else:
        to_world = np.array(target.matrix_world)
        for name in ("center", "origin", "hinge_point"):
            if name in found:
                world = to_world[:3, :3] @ found[name] + to_world[:3, 3]
                np.testing.assert_allclose(world, values[name], atol=1e-5)
        for name in ("radius", "width", "gap", "band", "margin", "depth"):
            if name in found:
                assert 2.0 * found[name] == pytest.approx(values[name], rel=1e-5)
    assert not set(defect_supports(copy)) & set(defect_supports(source.modifiers[0]))


def test_lengths_are_converted_to_the_units_of_the_other_object() -> None:
    source, target = add_part(*egg(), "source"), add_part(*egg(1e-3), "target")
    set_part_frame(target, "m", (0.0, 0.0, 0.0))
    bpy.context.view_layer.objects.active = source
    for obj in (source, target):
        obj.select_set(True)
    radius = read_values(add(source, "dent"))["radius"]
    bpy.ops.flawsmith.copy_to_selected(move=True)
    assert not defect_modifiers(source)
    [copy] = defect_modifiers(target)
    assert read_values(copy)["radius"] == pytest.approx(1e-3 * radius, rel=1e-6)


def test_stretched_objects_are_refused() -> None:
    source, target = add_part(*egg(), "source"), add_part(*egg(), "target")
    bpy.context.view_layer.objects.active = source
    target.scale = (1.0, 2.0, 1.0)
    for obj in (source, target):
        obj.select_set(True)
    add(source, "dent")
    with pytest.raises(RuntimeError, match="'source' and 'target' are stretched or mirrored"):
        bpy.ops.flawsmith.copy_to_selected(in_place=True)
    assert not defect_modifiers(target)


def test_a_duplicated_object_is_edited_on_its_own(active_egg: bpy.types.Object) -> None:
    first = add(active_egg, "scratch")
    add(active_egg, "freeform")
    before = [read_values(modifier) for modifier in defect_modifiers(active_egg)]
    twin = active_egg.copy()
    twin.data = active_egg.data.copy()
    bpy.context.scene.collection.objects.link(twin)
    path = read_values(twin.modifiers[0])["path"]
    moved = {**path, "points": (np.array(path["points"]) + 0.1).tolist()}
    write_values(twin.modifiers[0], {"path": moved})
    assert read_values(first) == before[0]
    bpy.context.view_layer.objects.active = twin
    assert bpy.ops.flawsmith.make_independent() == {"FINISHED"}
    for other, modifier in zip(defect_modifiers(twin), defect_modifiers(active_egg), strict=True):
        assert not set(defect_supports(other)) & set(defect_supports(modifier))
    assert [read_values(modifier) for modifier in defect_modifiers(active_egg)] == before
    assert read_values(twin.modifiers[1])["hull"] == before[1]["hull"]


def test_without_an_active_defect_they_say_what_to_choose(active_egg: bpy.types.Object) -> None:
    active_egg.modifiers.new("Smooth", "SMOOTH")
    for name in ("remove", "duplicate", "move", "mirror"):
        with pytest.raises(RuntimeError, match="Choose a defect in the list"):
            getattr(bpy.ops.flawsmith, name)()
