"""Scattered defects: even by area, the same for the same seed, where they are wanted."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon.documents.errors import AddonError
from blender_addon.exchange.recipes import recipe_of
from blender_addon.placing.random_places import random_places
from blender_addon.placing.surface_paths import Surface
from blender_addon.stack.modifiers import defect_kind, defect_modifiers, read_values
from shared_schema.recipe import Recipe
from tests.blender import add_part, egg, plate

pytestmark = pytest.mark.usefixtures("registered")


def positions(places: list) -> np.ndarray:
    return np.array([place.position for place in places])


def test_places_are_even_by_area() -> None:
    part = add_part(*plate(10.0))
    places = random_places(part, Surface(part), 400, 1.0, np.random.default_rng(0))
    on_top = positions(places)[[place.normal[2] > 0.9 for place in places]]
    assert 0.4 < len(on_top) / 400 < 0.55
    counts, _, _ = np.histogram2d(*on_top[:, :2].T, bins=2, range=[(-4.0, 4.0), (-3.0, 3.0)])
    assert counts.min() > 0.7 * counts.mean()
    headings = np.array([place.heading for place in places])
    assert np.linalg.norm(headings.mean(axis=0)) < 0.15
    normals = np.array([place.normal for place in places])
    np.testing.assert_allclose(np.einsum("ij,ij->i", headings, normals), 0.0, atol=1e-6)


def test_places_keep_their_distance_or_there_is_no_room() -> None:
    part = add_part(*egg())
    found = positions(
        random_places(part, Surface(part), 12, 1.0, np.random.default_rng(1), apart=0.4)
    )
    away = np.linalg.norm(found[:, None] - found, axis=2)[~np.eye(12, dtype=bool)]
    assert away.min() >= 0.4
    with pytest.raises(AddonError, match=r"there is room for \d defects 1.5 apart, not for 12"):
        random_places(part, Surface(part), 12, 1.0, np.random.default_rng(1), apart=1.5)


def test_a_vertex_group_restricts_them(active_egg: bpy.types.Object) -> None:
    group = active_egg.vertex_groups.new(name="Top")
    inside = np.flatnonzero(egg()[0][:, 2] > 0.2)
    group.add(inside.tolist(), 1.0, "REPLACE")
    rest = np.flatnonzero(egg()[0][:, 2] <= 0.2)
    group.add(rest.tolist(), 0.4, "REPLACE")
    assert bpy.ops.flawsmith.random_place(count=15, vertex_group="Top", apart=0.02) == {"FINISHED"}
    centers = [read_values(modifier)["center"] for modifier in defect_modifiers(active_egg)]
    assert len(centers) == 15
    assert np.array(centers)[:, 2].min() > 0.19
    assert [modifier.type for modifier in active_egg.modifiers] == ["NODES"] * 15
    assert not [group for group in bpy.data.node_groups if "vertex group" in group.name]


def test_an_unknown_or_empty_group_is_named(active_egg: bpy.types.Object) -> None:
    with pytest.raises(RuntimeError, match="'egg' has no vertex group 'Rim'; it has none"):
        bpy.ops.flawsmith.random_place(vertex_group="Rim")
    active_egg.vertex_groups.new(name="Rim")
    with pytest.raises(RuntimeError, match="vertex group 'Rim' of 'egg' has no faces"):
        bpy.ops.flawsmith.random_place(vertex_group="Rim")
    assert not defect_modifiers(active_egg)


def test_the_same_seed_gives_the_same_defects_of_the_chosen_kinds_and_sizes() -> None:
    recipes = []
    for seed in (7, 7, 8):
        part = add_part(*egg(), "egg")
        bpy.context.view_layer.objects.active = part
        kinds = {"dent", "hole", "scratch"}
        bpy.ops.flawsmith.random_place(
            kinds=kinds, count=5, seed=seed, smallest=0.3, largest=0.6, apart=0.05
        )
        found = {defect_kind(modifier) for modifier in defect_modifiers(part)}
        assert found <= kinds and len(found) > 1
        recipes.append(Recipe.model_validate({**recipe_of(part), "name": ""}).defects)
        bpy.data.objects.remove(part)
    assert [defect.label for defect in recipes[0]] == list(range(1, 6))
    assert recipes[0] == recipes[1]
    assert recipes[0] != recipes[2]
    radii = np.array([defect.radius for defect in recipes[0] if defect.kind == "dent"])
    assert np.ptp(radii) < 2.0 * radii.min()
