"""Tools for placing by hand, called by scripts: what was picked becomes the defect that was meant.

How they take it from the mouse is tried in a real window, in ``tests/blender_program``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bpy
import numpy as np
import pytest
from numpy.typing import NDArray

from blender_addon.documents.schema import fields
from blender_addon.exchange.recipes import recipe_of
from blender_addon.picking import CLASSES
from blender_addon.picking.preview import ring_on
from blender_addon.picking.views import Spot
from blender_addon.placing.surface_paths import Surface
from blender_addon.stack.modifiers import defect_kind, defect_modifiers, diagonal, read_values
from blender_addon.ui.place import TOOLS
from shared_schema.recipe import Recipe
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg, evaluate

pytestmark = pytest.mark.usefixtures("registered")

AXES = np.array([1.0, 0.7, 0.5])
# Directions of two places on the upper side of the egg.
FIRST, SECOND = (-0.5, 0.3, 0.6), (0.55, -0.1, 0.6)


def on_egg(direction: Any) -> NDArray:
    """The place (3,) of the egg in a direction from its middle, on its smooth surface."""
    towards = np.asarray(direction, dtype=float)
    return np.asarray(towards / np.linalg.norm(towards / AXES))


def normal_of_egg(place: NDArray) -> NDArray:
    normal = place / AXES**2
    return normal / np.linalg.norm(normal)


def stroke(*directions: Any, steps: int = 20) -> NDArray:
    """Places (steps, 3) on the egg from direction to direction."""
    corners = np.array(directions, dtype=float)
    fractions = np.linspace(0.0, len(corners) - 1.0, steps)
    along = [np.interp(fractions, range(len(corners)), corners[:, axis]) for axis in range(3)]
    return np.array([on_egg(direction) for direction in np.stack(along, axis=1)])


def circle(radius: float, steps: int = 40) -> NDArray:
    """Places (steps, 3) round the top of the egg."""
    turn = np.linspace(0.0, 2.0 * np.pi, steps, endpoint=False)
    flat = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(steps, 1.0)], axis=1)
    return np.array([on_egg(direction) for direction in flat])


def from_the_top(points: NDArray) -> NDArray:
    """How far (N,) points are off the axis of the circles, as their radius is given."""
    return np.asarray(np.hypot(points[:, 0], points[:, 1]) / np.maximum(points[:, 2], 1e-6))


CALLS: dict[str, Callable[[], Any]] = {
    **{
        kind: lambda kind=kind: bpy.ops.flawsmith.place(kind=kind, location=on_egg(FIRST))
        for kind in ("dent", "hole", "deposit")
    },
    **{
        kind: lambda kind=kind: bpy.ops.flawsmith.place_plane(
            kind=kind, start=on_egg(FIRST), end=on_egg(SECOND)
        )
        for kind in ("crack", "bend")
    },
    "scratch": lambda: bpy.ops.flawsmith.draw_scratch(
        points=json.dumps(stroke(FIRST, SECOND).tolist())
    ),
    "freeform": lambda: bpy.ops.flawsmith.lasso(points=json.dumps(circle(0.4).tolist())),
}


def values() -> dict[str, Any]:
    """The values of the last defect of the active object."""
    return read_values(defect_modifiers(bpy.context.active_object)[-1])


def test_every_kind_can_be_placed_by_hand() -> None:
    assert set(CALLS) == set(KINDS)


def test_every_kind_has_a_button_in_the_sidebar() -> None:
    assert set(TOOLS) == set(KINDS)
    names = {operator.bl_idname for operator in CLASSES}
    assert {name for name, _ in TOOLS.values()} == names


def test_every_tool_can_be_undone_and_repeated() -> None:
    for operator in CLASSES:
        assert {"REGISTER", "UNDO"} <= operator.bl_options
        assert operator.bl_description


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_placed_is_valid_and_marks_the_surface(
    active_egg: bpy.types.Object, kind: str
) -> None:
    assert CALLS[kind]() == {"FINISHED"}
    assert [defect_kind(modifier) for modifier in active_egg.modifiers] == [kind]
    Recipe.model_validate(recipe_of(active_egg))
    after = evaluate(active_egg)
    assert 8 < after.mask.sum() < 0.5 * len(after.mask)
    marked = egg()[0][after.source_index[after.mask]]
    assert np.linalg.norm(marked - stroke(FIRST, SECOND)[:, None], axis=2).min() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picks_give_the_same_defect(active_egg: bpy.types.Object, kind: str) -> None:
    CALLS[kind]()
    first = recipe_of(active_egg)
    active_egg.modifiers.clear()
    CALLS[kind]()
    assert recipe_of(active_egg) == first


@pytest.mark.parametrize("kind", ["dent", "hole", "deposit"])
def test_a_click_takes_the_suggested_radius_and_the_normal_of_the_surface(
    active_egg: bpy.types.Object, kind: str
) -> None:
    place = on_egg(FIRST)
    bpy.ops.flawsmith.place(kind=kind, location=1.1 * place)
    placed = values()
    np.testing.assert_allclose(placed["center"], place, atol=0.05)
    suggested = {field.name: field.suggested for field in fields(kind)}
    assert placed["radius"] == pytest.approx(suggested["radius"] * diagonal(active_egg))
    outward = (
        placed["center_normal" if kind == "dent" else "normal"]
        if kind != "hole"
        else [-number for number in placed["direction"]]
    )
    assert normal_of_egg(place) @ outward > 0.99


def test_depth_follows_a_radius_that_is_given(active_egg: bpy.types.Object) -> None:
    bpy.ops.flawsmith.place(kind="dent", location=on_egg(FIRST), radius=0.04)
    assert (values()["radius"], values()["depth"]) == pytest.approx((0.04, 0.01))
    bpy.ops.flawsmith.place(kind="dent", location=on_egg(FIRST), radius=0.04, depth=-0.02)
    assert values()["depth"] == pytest.approx(-0.02)
    bpy.ops.flawsmith.place(kind="deposit", location=on_egg(FIRST), radius=0.1, depth=0.3)
    assert values()["height"] == pytest.approx(0.3)


def test_a_normal_that_is_given_is_kept(active_egg: bpy.types.Object) -> None:
    bpy.ops.flawsmith.place(kind="hole", location=on_egg(FIRST), normal=(0.0, 0.0, 2.0))
    np.testing.assert_allclose(values()["direction"], (0.0, 0.0, -1.0), atol=1e-6)


@pytest.fixture
def block() -> bpy.types.Object:
    """A cube from -1 to 1 with a vertex at each corner, active."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    cube = add_part(corners, np.array(faces), "block")
    bpy.context.view_layer.objects.active = cube
    return cube


@pytest.mark.usefixtures("block")
def test_a_click_in_the_middle_of_a_coarse_face_is_normal_to_it() -> None:
    bpy.ops.flawsmith.place(kind="hole", location=(0.0, 0.0, 1.0))
    np.testing.assert_allclose(values()["direction"], (0.0, 0.0, -1.0), atol=1e-6)


@pytest.mark.usefixtures("block")
def test_a_hinge_between_the_vertices_of_a_coarse_mesh_runs_through_its_middle() -> None:
    line = {"start": (0.3, -1.0, 1.0), "end": (0.3, 1.0, 1.0)}
    bpy.ops.flawsmith.place_plane(kind="bend", **line, sight=(0.0, 0.0, -1.0), band=0.1)
    np.testing.assert_allclose(values()["hinge_point"], (0.3, 0.0, 0.0), atol=1e-6)
    np.testing.assert_allclose(np.abs(values()["hinge_axis"]), (0.0, 1.0, 0.0), atol=1e-6)


def test_a_place_is_found_on_the_surface_that_defects_have_left(
    active_egg: bpy.types.Object,
) -> None:
    top = np.array([0.0, 0.0, 0.5])
    bpy.ops.flawsmith.place(kind="dent", location=top, radius=0.3, depth=0.1)
    bpy.ops.flawsmith.place(kind="deposit", location=(0.0, 0.0, 0.4), radius=0.02)
    np.testing.assert_allclose(values()["center"], (0.0, 0.0, 0.4), atol=2e-3)


def test_a_stroke_becomes_a_smooth_path_on_the_surface(active_egg: bpy.types.Object) -> None:
    line = stroke((-0.5, 0.0, 1.0), (0.0, 0.3, 1.0), (0.5, 0.0, 1.0), steps=60)
    shaken = line + np.random.default_rng(0).normal(scale=0.004, size=line.shape)
    for smoothing in (0, 20):
        bpy.ops.flawsmith.draw_scratch(
            points=json.dumps(shaken.tolist()), smoothing=smoothing, width=0.02
        )
    rough, smooth = (
        np.array(read_values(modifier)["path"]["points"])
        for modifier in defect_modifiers(active_egg)
    )
    assert turning(smooth) < 0.5 * turning(rough)
    for path in (rough, smooth):
        away = np.linalg.norm(
            path[:, None]
            - stroke((-0.5, 0.0, 1.0), (0.0, 0.3, 1.0), (0.5, 0.0, 1.0), steps=400)[None],
            axis=2,
        )
        assert away.min(axis=1).max() < 0.03
        assert np.linalg.norm(path[[0, -1]] - line[[0, -1]], axis=1).max() < 0.02
        assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.015


def turning(path: NDArray) -> float:
    """By how much a path (V, 3) turns, in radians, all turns added up."""
    steps = np.diff(path, axis=0)
    steps = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    return float(np.arccos(np.clip((steps[1:] * steps[:-1]).sum(axis=1), -1.0, 1.0)).sum())


def test_the_path_of_a_stroke_knows_its_normals(active_egg: bpy.types.Object) -> None:
    CALLS["scratch"]()
    path = values()["path"]
    wanted = np.array([normal_of_egg(np.array(point)) for point in path["points"]])
    assert np.einsum("ij,ij->i", wanted, path["normals"]).min() > 0.98


def test_clicked_places_are_joined_by_shortest_paths(active_egg: bpy.types.Object) -> None:
    ends = [on_egg((1.0, 0.0, 0.4)), on_egg((-1.0, 0.1, 0.4))]
    bpy.ops.flawsmith.draw_scratch(points=json.dumps(np.array(ends).tolist()), way="SHORTEST")
    path = np.array(values()["path"]["points"])
    np.testing.assert_allclose(path[[0, -1]], ends, atol=0.02)
    level = np.sum((path / AXES) ** 2, axis=1)
    np.testing.assert_allclose(level, 1.0, atol=0.02)


def test_a_crack_runs_between_its_ends_into_the_material(active_egg: bpy.types.Object) -> None:
    start, end = on_egg(FIRST), on_egg(SECOND)
    bpy.ops.flawsmith.place_plane(kind="crack", start=start, end=end)
    crack = values()
    assert crack["length"] == pytest.approx(float(np.linalg.norm(end - start)))
    mouth = np.cross(crack["normal"], crack["direction"])
    np.testing.assert_allclose(mouth, (end - start) / crack["length"], atol=1e-5)
    assert np.array(crack["direction"]) @ normal_of_egg(np.array(crack["origin"])) < -0.95
    assert np.sum((np.array(crack["origin"]) / AXES) ** 2) == pytest.approx(1.0, abs=0.02)
    ratios = {field.name: field.suggested for field in fields("crack")}
    assert crack["depth"] / crack["length"] == pytest.approx(ratios["depth"] / ratios["length"])


@pytest.mark.parametrize("flip", [False, True])
def test_a_bend_turns_the_lighter_side_towards_the_eye_or_the_other_one(
    active_egg: bpy.types.Object, flip: bool
) -> None:
    ends = {"start": (0.5, -0.3, 0.3), "end": (0.5, 0.3, 0.3)}
    bpy.ops.flawsmith.place_plane(kind="bend", **ends, sight=(0.0, 0.0, -1.0), flip=flip)
    bend = values()
    np.testing.assert_allclose(bend["side"], (-1.0 if flip else 1.0, 0.0, 0.0), atol=1e-5)
    np.testing.assert_allclose(bend["hinge_point"], (0.5, 0.0, 0.0), atol=0.02)
    after = evaluate(active_egg)
    moved = after.points - egg()[0]
    turned = np.abs(moved).max(axis=1) > 0.05
    assert (moved[turned, 2] > 0.0).mean() > 0.9
    assert ((egg()[0][turned, 0] > 0.5) != flip).all()


def test_a_hinge_may_be_drawn_beside_the_part_but_not_past_it(
    active_egg: bpy.types.Object,
) -> None:
    line = {"start": (0.2, -2.0, 0.0), "end": (0.2, 2.0, 0.0)}
    assert bpy.ops.flawsmith.place_plane(kind="bend", **line, sight=(0, 0, -1)) == {"FINISHED"}
    past = {"start": (5.0, -2.0, 0.0), "end": (5.0, 2.0, 0.0)}
    with pytest.raises(RuntimeError, match="the hinge misses the part"):
        bpy.ops.flawsmith.place_plane(kind="bend", **past, sight=(0, 0, -1))
    assert len(active_egg.modifiers) == 1


@pytest.mark.parametrize("turn", [1, -1])
def test_a_lasso_deforms_what_it_encloses(active_egg: bpy.types.Object, turn: int) -> None:
    bpy.ops.flawsmith.lasso(points=json.dumps(circle(0.4)[::turn].tolist()), bumps=5)
    freeform = values()
    assert len(freeform["bumps"]) == 5
    assert np.array(freeform["normal"]) @ (0.0, 0.0, 1.0) > 0.99
    after = evaluate(active_egg)
    away = from_the_top(egg()[0])
    above = egg()[0][:, 2] > 0.05
    assert after.weight[above & (away < 0.25)].min() > 0.9
    assert after.weight[away > 0.42].max() == 0.0


def test_the_hull_of_a_lasso_holds_all_of_a_strongly_curved_surface(
    active_egg: bpy.types.Object,
) -> None:
    bpy.ops.flawsmith.lasso(points=json.dumps(circle(2.0).tolist()))
    after = evaluate(active_egg)
    away = from_the_top(egg()[0])
    assert after.weight[(egg()[0][:, 2] > 0.05) & (away < 1.2)].min() > 0.5


def test_the_bumps_of_a_lasso_follow_from_its_seed(active_egg: bpy.types.Object) -> None:
    line = json.dumps(circle(0.3).tolist())
    for seed in (1, 1, 2):
        bpy.ops.flawsmith.lasso(points=line, seed=seed, amplitude=0.001)
        active_egg.modifiers[-1].show_viewport = False
    first, again, other = (
        [bump["center"] for bump in read_values(modifier)["bumps"]]
        for modifier in defect_modifiers(active_egg)
    )
    assert first == again
    assert first != other


def test_the_largest_bump_has_the_amplitude_that_is_given(active_egg: bpy.types.Object) -> None:
    bpy.ops.flawsmith.lasso(points=json.dumps(circle(0.3).tolist()), amplitude=-0.02)
    amplitudes = [bump["amplitude"] for bump in values()["bumps"]]
    assert amplitudes[0] == pytest.approx(-0.02)
    assert np.abs(amplitudes).max() == pytest.approx(0.02)


BAD = {
    "a stroke .* has no length": lambda: bpy.ops.flawsmith.draw_scratch(points="[[0, 0, 0.5]]"),
    "points: 'dent' is not a JSON list": lambda: bpy.ops.flawsmith.draw_scratch(points="dent"),
    "points: '' is not a JSON list": lambda: bpy.ops.flawsmith.lasso(),
    "the crack's mouth begins and ends at": lambda: bpy.ops.flawsmith.place_plane(kind="crack"),
    "the hinge begins and ends at": lambda: bpy.ops.flawsmith.place_plane(kind="bend"),
    "encloses nothing": lambda: bpy.ops.flawsmith.lasso(
        points="[[0, 0, 0.5], [0.1, 0, 0.5], [0.2, 0, 0.5]]"
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_placed_is_reported_and_leaves_nothing(
    active_egg: bpy.types.Object, message: str
) -> None:
    with pytest.raises(RuntimeError, match=message):
        BAD[message]()
    assert not active_egg.modifiers
    assert set(bpy.data.objects) == {active_egg}


@pytest.mark.parametrize("kind", KINDS)
def test_on_points_without_faces_they_say_so(kind: str) -> None:
    cloud = add_part(np.eye(3), np.empty((0, 3), dtype=int), "cloud")
    bpy.context.view_layer.objects.active = cloud
    with pytest.raises(RuntimeError, match="'cloud' has no faces"):
        CALLS[kind]()


def test_a_ring_lies_on_the_surface(active_egg: bpy.types.Object) -> None:
    place = on_egg(FIRST)
    ring = ring_on(Surface(active_egg), Spot(place, normal_of_egg(place)), 0.15)
    np.testing.assert_allclose(np.sum((ring / AXES) ** 2, axis=1), 1.0, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(ring - place, axis=1), 0.15, rtol=0.1)
    np.testing.assert_array_equal(ring[0], ring[-1])
