"""Work on a stack: copies stand alone, mirror images are mirror images, labels stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.exchange.recipes import recipe_of
from blender_addon.parts.frame import set_part_frame
from blender_addon.placing.places import place_near, placed_values
from blender_addon.placing.surface_paths import Surface
from blender_addon.stack import editing
from blender_addon.stack.modifiers import (
    add_defect,
    defect_kind,
    defect_modifiers,
    defect_supports,
    read_values,
    write_values,
)
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


def twin_of(part: bpy.types.Object, *, linked: bool = False) -> bpy.types.Object:
    """A duplicate as Shift+D makes it, or Alt+D where ``linked``: it uses the same supports."""
    twin = part.copy()
    twin.data = part.data if linked else part.data.copy()
    bpy.context.scene.collection.objects.link(twin)
    bpy.context.view_layer.objects.active = twin
    return twin


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
    bpy.ops.flawsmith.duplicate(same_label=True)
    assert labels(active_egg) == [1, 3, 3, 2]
    assert last.name in active_egg.modifiers


def test_a_duplicate_is_shown_where_the_first_is(active_egg: bpy.types.Object) -> None:
    first = add(active_egg, "dent")
    first.show_viewport, first.show_render = False, True
    bpy.ops.flawsmith.duplicate()
    first.show_viewport, first.show_render = True, False
    active_egg.modifiers.active = first
    bpy.ops.flawsmith.duplicate()
    shown = [(one.show_viewport, one.show_render) for one in active_egg.modifiers]
    assert shown == [(True, False), (True, False), (False, True)]


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


# Values for which left and right differ, and every part of a defect's formula counts.
LOPSIDED = {
    "bend": {"side": [1.0, 0.2, 0.1], "hinge_axis": [0.1, 1.0, 0.2], "angle": 0.3},
    "crack": {"severed": "shift", "offset": [0.03, -0.02, 0.01], "normal": [0.9, 0.3, 0.2]},
    "dent": {"direction": [0.2, -0.3, -0.9]},
    "deposit": {"stretch": 2.5, "heading": [0.3, 1.0, 0.1]},
    "freeform": {"smoothing": 2, "direction": [0.2, 0.1, -1.0]},
    "hole": {"rim": 0.01, "walls": "open", "direction": [0.1, 0.2, -1.0]},
    "scratch": {"direction": [0.3, 0.2, -1.0]},
}


def lopsided_twins(kinds: list[str], axis: int) -> tuple[bpy.types.Object, bpy.types.Object]:
    """An egg with defects, and the mirror image of the egg with the same ones; that is active."""
    points, faces = egg()
    part = add_part(points, faces, "egg")
    image = add_part(mirrored(points, axis), faces[:, ::-1], "image")
    bpy.context.view_layer.objects.active = image
    for kind in kinds:
        write_values(add(part, kind), {"mask_threshold": 0.2, **LOPSIDED[kind]})
        add_defect(image, kind, read_values(part.modifiers[-1]))
    return part, image


def assert_mirror_images(part: bpy.types.Object, image: bpy.types.Object, axis: int) -> None:
    one, other = evaluate(part), evaluate(image)
    assert one.mask.any()
    for name in ("source_index", "mask", "labels"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    for name in ("points", "normals"):
        expected = mirrored(getattr(one, name), axis)
        np.testing.assert_allclose(getattr(other, name), expected, atol=5e-6)
    np.testing.assert_allclose(other.weight, one.weight, atol=5e-5)


@pytest.mark.parametrize(("kind", "axis"), [(kind, n % 3) for n, kind in enumerate(KINDS)])
def test_a_mirrored_defect_makes_the_mirror_image(kind: str, axis: int) -> None:
    part, image = lopsided_twins([kind], axis)
    assert bpy.ops.flawsmith.mirror(axis="XYZ"[axis], plane="ORIGIN", copy=False) == {"FINISHED"}
    assert_mirror_images(part, image, axis)


def test_a_mirrored_stack_makes_the_mirror_image() -> None:
    part, image = lopsided_twins(KINDS, 0)
    bpy.ops.flawsmith.mirror(axis="X", plane="ORIGIN", copy=False, whole_stack=True)
    assert labels(image) == labels(part)
    assert_mirror_images(part, image, 0)


@pytest.mark.parametrize("kind", ["crack", "hole", "deposit", "scratch"])
def test_roughness_takes_another_course_in_the_mirror(kind: str) -> None:
    part, image = lopsided_twins([kind], 0)
    for modifier in (part.modifiers[0], image.modifiers[0]):
        write_values(modifier, {"roughness": 0.5, "seed": 3})
    bpy.ops.flawsmith.mirror(axis="X", plane="ORIGIN", copy=False)
    one, other = evaluate(part), evaluate(image)
    assert len(other.points) != len(one.points) or not np.allclose(
        other.points, mirrored(one.points, 0), atol=1e-4
    )
    assert other.mask.sum() == pytest.approx(one.mask.sum(), rel=0.3)


@pytest.mark.parametrize("active", [0, 1])
def test_a_stack_is_mirrored_beside_itself(active_egg: bpy.types.Object, active: int) -> None:
    for kind in ("dent", "scratch"):
        add(active_egg, kind)
    active_egg.modifiers.active = active_egg.modifiers[active]
    before = recipe_of(active_egg)["defects"]
    bpy.ops.flawsmith.mirror(axis="Y", whole_stack=True)
    after = recipe_of(active_egg)["defects"]
    assert [defect["kind"] for defect in after] == ["dent", "dent", "scratch", "scratch"]
    assert after[::2] == before
    assert labels(active_egg) == [1, 3, 2, 4]
    assert active_egg.modifiers.active == active_egg.modifiers[2 * active + 1]


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


def test_defects_are_copied_to_all_objects_or_to_none() -> None:
    source, first, last = (add_part(*egg(), name) for name in ("source", "first", "last"))
    bpy.context.view_layer.objects.active = source
    add(source, "scratch")
    last.scale = (1.0, 2.0, 1.0)
    for obj in (source, first, last):
        obj.select_set(True)
    before = set(bpy.data.objects)
    with pytest.raises(RuntimeError, match="'source' and 'last' are stretched"):
        bpy.ops.flawsmith.copy_to_selected(in_place=True, move=True)
    assert set(bpy.data.objects) == before
    assert [len(obj.modifiers) for obj in (source, first, last)] == [1, 0, 0]
    bpy.ops.flawsmith.copy_to_selected(move=True)
    assert [len(obj.modifiers) for obj in (source, first, last)] == [0, 1, 1]


def test_objects_in_other_units_share_no_world() -> None:
    source, target = add_part(*egg(), "source"), add_part(*egg(), "target")
    set_part_frame(target, "inch", (0.0, 0.0, 0.0))
    bpy.context.view_layer.objects.active = source
    for obj in (source, target):
        obj.select_set(True)
    add(source, "dent")
    with pytest.raises(RuntimeError, match="'source' is in mm and 'target' in inch"):
        bpy.ops.flawsmith.copy_to_selected(in_place=True)


def test_only_the_active_defect_is_copied_if_wanted() -> None:
    source, target = add_part(*egg(), "source"), add_part(*egg(), "target")
    bpy.context.view_layer.objects.active = source
    for kind in ("dent", "hole"):
        add(source, kind)
    source.select_set(True)
    assert bpy.ops.flawsmith.copy_to_selected() == {"CANCELLED"}
    target.select_set(True)
    bpy.ops.flawsmith.copy_to_selected(only_active=True)
    assert [defect_kind(modifier) for modifier in target.modifiers] == ["hole"]
    source.modifiers.active = None
    assert bpy.ops.flawsmith.copy_to_selected(only_active=True) == {"CANCELLED"}


@pytest.mark.parametrize("linked", [False, True])
def test_a_duplicated_object_is_edited_on_its_own(
    active_egg: bpy.types.Object, linked: bool
) -> None:
    first = add(active_egg, "scratch")
    add(active_egg, "freeform")
    before = [read_values(modifier) for modifier in defect_modifiers(active_egg)]
    twin = twin_of(active_egg, linked=linked)
    path = read_values(twin.modifiers[0])["path"]
    moved = {**path, "points": (np.array(path["points"]) + 0.1).tolist()}
    write_values(twin.modifiers[0], {"path": moved})
    assert read_values(first) == before[0]
    assert read_values(twin.modifiers[0])["path"] != before[0]["path"]
    assert bpy.ops.flawsmith.make_independent() == {"FINISHED"}
    for other, modifier in zip(defect_modifiers(twin), defect_modifiers(active_egg), strict=True):
        assert not set(defect_supports(other)) & set(defect_supports(modifier))
    assert [read_values(modifier) for modifier in defect_modifiers(active_egg)] == before
    assert read_values(twin.modifiers[1])["hull"] == before[1]["hull"]


def test_a_moved_duplicate_gets_its_defects_where_the_first_has_them(
    active_egg: bpy.types.Object,
) -> None:
    for kind in ("dent", "scratch", "freeform"):
        add(active_egg, kind)
    twin = twin_of(active_egg)
    twin.location, twin.rotation_euler = (3.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    bpy.context.view_layer.update()
    assert editing.shares_supports(twin) == list(twin.modifiers)[1:]
    bpy.ops.flawsmith.make_independent()
    assert not editing.shares_supports(twin) and not editing.shares_supports(active_egg)
    assert recipe_of(twin)["defects"] == recipe_of(active_egg)["defects"]
    one, other = evaluate(active_egg), evaluate(twin)
    assert np.array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.points, other.points, atol=1e-6)


def test_a_modifier_duplicated_by_blender_gets_a_path_of_its_own(
    active_egg: bpy.types.Object,
) -> None:
    first = add(active_egg, "scratch")
    values = read_values(first)
    bpy.ops.object.modifier_copy(modifier=first.name)
    before = supports()
    bpy.ops.flawsmith.make_independent()
    assert len(supports() - before) == 1 and not before - supports()
    used = [defect_supports(modifier) for modifier in defect_modifiers(active_egg)]
    assert {support.name for [support] in used} == supports()
    assert read_values(active_egg.modifiers[1])["path"] == values["path"]


def test_what_is_shared_outlives_the_removal_of_one_user(active_egg: bpy.types.Object) -> None:
    add(active_egg, "scratch")
    twin = twin_of(active_egg)
    twin.modifiers.active = twin.modifiers[0]
    before = supports()
    bpy.ops.flawsmith.remove()
    assert supports() == before
    bpy.context.view_layer.objects.active = active_egg
    bpy.ops.flawsmith.remove()
    assert not supports()


def test_without_an_active_defect_they_say_what_to_choose(active_egg: bpy.types.Object) -> None:
    active_egg.modifiers.new("Smooth", "SMOOTH")
    for name in ("remove", "duplicate", "move", "mirror"):
        with pytest.raises(RuntimeError, match="Choose a defect in the list"):
            getattr(bpy.ops.flawsmith, name)()


STEPS: dict[str, dict[str, Any]] = {
    "remove": {},
    "duplicate": {"same_label": True},
    "move": {"direction": "UP"},
    "mirror": {"axis": "Y"},
    "renumber": {},
    "random_place": {"count": 2},
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_undone_with_paths_and_labels(active_egg: bpy.types.Object, name: str) -> None:
    add(active_egg, "dent")
    write_values(add(active_egg, "scratch"), {"label": 5})
    before, there = recipe_of(active_egg)["defects"], supports()
    bpy.ops.ed.undo_push(message="before")
    assert getattr(bpy.ops.flawsmith, name)(**STEPS[name]) == {"FINISHED"}
    assert recipe_of(active_egg)["defects"] != before
    bpy.ops.ed.undo_push(message=name)
    bpy.ops.ed.undo()
    # Undoing makes all objects anew.
    assert recipe_of(bpy.data.objects["egg"])["defects"] == before
    assert supports() == there


def test_what_a_library_override_brings_is_edited_but_stays(tmp_path: Path) -> None:
    part = add_part(*egg(), "egg")
    bpy.context.view_layer.objects.active = part
    for kind in ("dent", "scratch"):
        add(part, kind)
    library = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (_, wanted):
        wanted.objects = ["egg"]
    linked = bpy.data.objects["egg"]
    bpy.context.scene.collection.objects.link(linked)
    override: Any = linked.override_create(remap_local_usages=True)
    bpy.context.view_layer.objects.active = override
    override.modifiers.active = override.modifiers[1]
    for name in ("remove", "move"):
        with pytest.raises(RuntimeError, match="switch it off instead"):
            getattr(bpy.ops.flawsmith, name)()
    before = read_values(linked.modifiers[1])
    assert bpy.ops.flawsmith.mirror(axis="X", copy=False) == {"FINISHED"}
    assert read_values(linked.modifiers[1]) == before
    assert read_values(override.modifiers[1])["path"] != before["path"]
    bpy.ops.flawsmith.duplicate()
    assert bpy.ops.flawsmith.remove() == {"FINISHED"}
    assert [defect_kind(modifier) for modifier in override.modifiers] == ["dent", "scratch"]
