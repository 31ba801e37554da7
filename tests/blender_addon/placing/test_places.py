"""New defects land where they are wanted, and are valid."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon.exchange.recipes import recipe_of
from blender_addon.placing.places import PLACED, place_near, placed_values, separated_vertices
from blender_addon.placing.surface_paths import Surface
from blender_addon.stack.modifiers import add_defect, diagonal
from shared_schema.recipe import Recipe
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg, evaluate

CORNERS = [(0.2, 0.5, 0.4), (-0.4, -0.6, 0.1), (0.9, 0.0, 0.1), (-0.1, 0.1, -0.6)]


@pytest.fixture
def part() -> bpy.types.Object:
    return add_part(*egg())


def test_every_kind_has_a_way_to_be_placed() -> None:
    assert set(PLACED) == set(KINDS)


@pytest.mark.parametrize("near", CORNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_placed_defect_marks_the_surface_about_its_place(
    part: bpy.types.Object, kind: str, near: tuple[float, float, float]
) -> None:
    surface = Surface(part)
    place = place_near(surface, near, diagonal(part))
    add_defect(part, kind, placed_values(kind, surface, place))
    Recipe.model_validate(recipe_of(part))
    after = evaluate(part)
    assert 15 < after.mask.sum() < 0.5 * len(after.mask)
    nominal = surface.points[after.source_index[after.mask]]
    away = np.linalg.norm(nominal - place.position, axis=1)
    if kind == "bend":
        away = np.abs((nominal - place.position) @ place.axis)
    assert away.min() < 0.05 * place.size


@pytest.mark.parametrize("near", CORNERS)
def test_a_place_has_a_frame_on_the_surface(
    part: bpy.types.Object, near: tuple[float, float, float]
) -> None:
    place = place_near(Surface(part), near, 1.0)
    frame = np.stack([place.heading, place.across, place.normal])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-6)
    x, y, z = place.position / (1.0, 0.7, 0.5)
    assert x * x + y * y + z * z == pytest.approx(1.0, rel=1e-2)


def test_the_lighter_side_of_a_part_turns(part: bpy.types.Object) -> None:
    surface = Surface(part)
    for x in (-0.6, 0.6):
        place = place_near(surface, (x, 0.0, 0.5), diagonal(part))
        side = placed_values("bend", surface, place)["side"]
        assert np.sign(side[0]) == np.sign(x)
        assert np.abs(side[0]) > 0.99


def test_separated_vertices_are_far_apart_and_always_the_same(part: bpy.types.Object) -> None:
    surface = Surface(part)
    above = surface.points[:, 2] > 0.1
    chosen = separated_vertices(surface, above, 4)
    assert above[chosen].all()
    points = surface.points[chosen]
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert away[~np.eye(4, dtype=bool)].min() > 0.2
    np.testing.assert_array_equal(chosen, separated_vertices(Surface(part), above, 4))
