"""The mask overlay: which triangles it shows in which colours, and when it reads them anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bmesh
import bpy
import numpy as np
import pytest

from blender_addon.nodes.inputs import input_property
from blender_addon.overlay import colours as overlay_colours
from blender_addon.overlay import drawing
from blender_addon.stack.modifiers import add_defect, defect_supports, write_values
from tests.blender import add_part, egg, evaluate, evaluated_mesh

TOP = [0.0, 0.0, 0.5]
DENT = {"center": TOP, "radius": 0.4, "depth": 0.05}


@pytest.fixture
def dented(active_egg: bpy.types.Object) -> bpy.types.Object:
    add_defect(active_egg, "dent", DENT)
    return active_egg


@pytest.fixture
def watching(registered: None) -> Iterator[None]:
    """The handlers as they are where there is a window."""
    drawing.start()
    yield
    drawing.stop()


def depsgraph() -> Any:
    return bpy.context.evaluated_depsgraph_get()


def tint_of(part: bpy.types.Object) -> overlay_colours.Tint:
    tint = overlay_colours.tint_of(part, depsgraph())
    assert tint is not None
    return tint


def triangles_of(mesh: Any) -> np.ndarray:
    mesh.calc_loop_triangles()
    return np.array([triangle.vertices for triangle in mesh.loop_triangles])


def rows(corners: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(row) for row in corners.reshape(len(corners), -1).tolist()}


def as_quads(part: bpy.types.Object) -> None:
    """Join some triangles, so that the mesh has faces with three and with four corners."""
    mesh: Any = part.data
    edit = bmesh.new()
    edit.from_mesh(mesh)
    bmesh.ops.join_triangles(
        edit, faces=edit.faces[:4000], angle_face_threshold=3.0, angle_shape_threshold=3.0
    )
    edit.to_mesh(mesh)
    edit.free()
    assert 3 * len(mesh.polygons) < len(mesh.loops)


@pytest.mark.parametrize("quads", [False, True])
def test_it_shows_the_triangles_with_two_anomalous_corners(
    dented: bpy.types.Object, quads: bool
) -> None:
    if quads:
        as_quads(dented)
    tint, found = tint_of(dented), evaluate(dented)
    triangles = triangles_of(evaluated_mesh(dented))
    expected = triangles[found.mask[triangles].sum(axis=1) >= 2]
    assert 0 < len(expected) < len(triangles)
    assert rows(tint.points[tint.triangles]) == rows(found.points[expected])
    assert set(np.unique(tint.triangles)) == set(range(len(tint.points)))
    assert (tint.points.dtype, tint.triangles.dtype) == (np.float32, np.int32)
    weights = dict(zip(rows_of(found.points), found.weight.tolist(), strict=True))
    assert [weights[row] for row in rows_of(tint.points)] == tint.weight.tolist()


def rows_of(points: np.ndarray) -> list[tuple[float, ...]]:
    return [tuple(point) for point in points.tolist()]


def test_the_border_has_the_label_of_the_defect(dented: bpy.types.Object) -> None:
    write_values(dented.modifiers[0], {"label": 9})
    add_defect(dented, "dent", {**DENT, "center": [0.0, 0.0, -0.5], "label": 4})
    tint = tint_of(dented)
    below = tint.points[:, 2] < 0.0
    assert set(tint.labels[below]) == {4}
    assert set(tint.labels[~below]) == {9}
    assert evaluate(dented).mask.sum() < len(tint.points)


def test_a_part_without_anomalies_has_nothing_to_show(active_egg: bpy.types.Object) -> None:
    assert overlay_colours.tint_of(active_egg, depsgraph()) is None
    add_defect(active_egg, "dent", {**DENT, "center": [9.0, 0.0, 0.0]})
    assert overlay_colours.tint_of(active_egg, depsgraph()) is None


def test_colours_go_with_the_weight_or_with_the_label(dented: bpy.types.Object) -> None:
    tint = tint_of(dented)
    by_weight = overlay_colours.colours(tint, "WEIGHT", 0.5)
    assert by_weight.dtype == np.float32
    deepest, lightest = tint.weight.argmax(), tint.weight.argmin()
    np.testing.assert_allclose(by_weight[deepest, :3], overlay_colours.STRONG, atol=1e-2)
    assert by_weight[lightest, 1] > by_weight[deepest, 1]
    by_label = overlay_colours.colours(tint, "LABEL", 0.25)
    expected = [*overlay_colours.label_colours([1])[0], 0.25]
    np.testing.assert_array_equal(by_label, np.tile(expected, (len(tint.points), 1)))


def test_each_label_has_a_colour_of_its_own() -> None:
    colours = overlay_colours.label_colours(np.arange(1, 25))
    assert colours.min() >= 0.0 and colours.max() <= 1.0
    np.testing.assert_array_equal(overlay_colours.label_colours([7])[0], colours[6])
    apart = np.linalg.norm(colours[:, None] - colours, axis=2)
    near = np.abs(np.subtract.outer(np.arange(24), np.arange(24)))
    assert apart[(near > 0) & (near <= 7)].min() > 0.25
    assert apart[near > 0].min() > 0.02
    # The largest label has one too.
    assert overlay_colours.label_colours([65_535]).shape == (1, 3)


def test_the_legend_names_the_shown_defects_of_each_label() -> None:
    first, last = add_part(*egg(), "first"), add_part(*egg(), "last")
    for part, name, label in (
        (first, "Knock", 3),
        (first, "Hidden", 1),
        (first, "Blow", 3),
        (last, "Knock", 3),
        (last, "Pit", 2),
    ):
        add_defect(part, "dent", {**DENT, "name": name, "label": label})
    first.modifiers["Hidden"].show_viewport = False
    assert list(overlay_colours.legend_of([first, last]).items()) == [
        (2, "Pit"),
        (3, "Knock, Blow"),
    ]
    for name in ("A", "B", "C"):
        add_defect(first, "dent", {**DENT, "name": name, "label": 3})
    assert overlay_colours.legend_of([first]) == {3: "Knock, Blow, A and 2 more"}


def kept(part: bpy.types.Object) -> drawing.Kept:
    return drawing.kept_for(part, depsgraph())


@pytest.mark.usefixtures("watching")
def test_a_part_is_kept_until_a_value_changes(dented: bpy.types.Object) -> None:
    before = kept(dented)
    dented.location.x = 3.0
    bpy.context.view_layer.update()
    assert kept(dented) is before
    write_values(dented.modifiers[0], {"radius": 0.2})
    bpy.context.view_layer.update()
    after = kept(dented)
    assert len(after.tint.points) < len(before.tint.points)


@pytest.mark.usefixtures("watching")
def test_what_is_kept_of_other_parts_stays(dented: bpy.types.Object) -> None:
    other = add_part(*egg(), "other")
    add_defect(other, "dent", DENT)
    bpy.context.view_layer.update()
    before, own = kept(other), kept(dented)
    write_values(dented.modifiers[0], {"radius": 0.2})
    bpy.context.view_layer.update()
    assert kept(other) is before
    assert kept(dented) is not own


@pytest.mark.usefixtures("watching")
def test_a_part_is_kept_until_a_path_is_moved(active_egg: bpy.types.Object) -> None:
    path = {"points": [[-0.2, 0.0, 0.5], [0.2, 0.0, 0.5]], "resolved": True}
    scratch = add_defect(active_egg, "scratch", {"path": path, "width": 0.1, "depth": 0.02})
    before = kept(active_egg)
    defect_supports(scratch)[0].location.x = 0.3
    bpy.context.view_layer.update()
    after = kept(active_egg)
    assert after.tint.points[:, 0].max() > before.tint.points[:, 0].max() + 0.2


@pytest.mark.usefixtures("watching")
def test_a_part_is_kept_until_another_frame_has_other_values(dented: bpy.types.Object) -> None:
    owner, name = input_property(dented.modifiers[0], "Radius")
    for frame, radius in ((1, 0.2), (9, 0.4)):
        write_values(dented.modifiers[0], {"radius": radius})
        owner.keyframe_insert(name, frame=frame)
    scene = bpy.context.scene
    scene.frame_set(1)
    before = kept(dented)
    scene.frame_set(9)
    after = kept(dented)
    assert len(after.tint.points) > 2 * len(before.tint.points)


@pytest.mark.usefixtures("watching")
def test_a_part_is_kept_until_another_file_is_opened(dented: bpy.types.Object) -> None:
    kept(dented)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not drawing._kept


@pytest.mark.usefixtures("registered")
def test_it_shows_visible_parts_with_defects_that_are_not_edited(
    dented: bpy.types.Object,
) -> None:
    other, plain = add_part(*egg(), "other"), add_part(*egg(), "plain")
    add_defect(other, "dent", DENT)
    settings = getattr(bpy.context.window_manager, drawing.PROPERTY)

    def shown() -> list[str]:
        bpy.context.view_layer.update()
        return [part.name for part in drawing.shown_parts(bpy.context)]

    assert shown() == ["egg", "other"]
    settings.all_parts = False
    assert shown() == ["egg"]
    bpy.context.view_layer.objects.active = plain
    assert shown() == []
    settings.all_parts = True
    other.hide_set(True)
    assert shown() == ["egg"]
    bpy.context.view_layer.objects.active = dented
    bpy.ops.object.mode_set(mode="EDIT")
    assert shown() == []


def test_without_windows_nothing_is_drawn(registered: None) -> None:
    assert bpy.app.background
    assert not drawing._draw_handlers
    assert drawing.forget_changed not in bpy.app.handlers.depsgraph_update_post
