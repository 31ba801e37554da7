"""Rays meet what is first in their way, and the surface there is known exactly."""

from __future__ import annotations

import bpy
import numpy as np
import trimesh

from blender_addon.placing.raycasting import MISSED, caster, hits, labeled_surface
from blender_addon.stack.modifiers import add_defect
from tests.blender import add_part, egg, evaluate

RADII = np.array([1.0, 0.7, 0.5])


def rays(count: int) -> tuple[np.ndarray, np.ndarray]:
    """From outside towards places about an ellipsoid's middle; some pass it by."""
    rng = np.random.default_rng(0)
    origins = rng.normal(size=(count, 3))
    origins *= 5.0 / np.linalg.norm(origins, axis=1, keepdims=True)
    return origins, rng.normal(scale=0.4, size=(count, 3)) - origins


def test_the_same_triangles_are_met_as_another_program_finds() -> None:
    part = add_part(*egg())
    surface = labeled_surface(part)
    origins, directions = rays(3000)
    with caster(surface.points, surface.triangles) as cast:
        met = cast(origins, directions)
    found = hits(surface, origins, directions, met)
    mesh = trimesh.Trimesh(surface.points, surface.triangles, process=False)
    places, ray, _ = mesh.ray.intersects_location(origins, directions, multiple_hits=False)
    assert set(ray) == set(found.ray)
    assert 0.2 < (met == MISSED).mean() < 0.9
    order = np.argsort(ray)
    np.testing.assert_allclose(found.points, places[order], atol=1e-6)
    outward = found.points / RADII**2
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", found.normals, outward).min() > 0.99


def test_labels_are_those_of_the_evaluated_part() -> None:
    part = add_part(*egg())
    place = {"center": [0.0, 0.0, 0.5], "center_normal": [0.0, 0.0, 1.0]}
    add_defect(part, "dent", {**place, "radius": 0.2, "depth": 0.05, "label": 7})
    after, surface = evaluate(part), labeled_surface(part)
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-0.4, 0.4, 60)]), axis=-1).reshape(-1, 2)
    origins = np.column_stack([grid, np.full(len(grid), 3.0)])
    directions = np.tile([0.0, 0.0, -1.0], (len(grid), 1))
    with caster(surface.points, surface.triangles) as cast:
        found = hits(surface, origins, directions, cast(origins, directions))
    assert len(found.ray) == len(grid)
    np.testing.assert_allclose(found.points[:, :2], grid, atol=1e-9)
    assert set(found.labels[found.mask]) == {7}
    assert not found.labels[~found.mask].any()
    away = np.linalg.norm(egg()[0][:, :2], axis=1)
    reach = away[after.mask & (egg()[0][:, 2] > 0)].max()
    seen = np.linalg.norm(grid[found.mask], axis=1)
    assert abs(seen.max() - reach) < 0.03
    np.testing.assert_allclose(
        np.linalg.norm(after.points[found.source_index] - found.points, axis=1), 0.0, atol=0.05
    )
    assert found.weight.max() > 0.95


def test_nothing_is_left_in_the_file() -> None:
    part = add_part(*egg())
    surface = labeled_surface(part)
    names = ("meshes", "objects", "scenes", "node_groups")
    before = {name: len(getattr(bpy.data, name)) for name in names}
    with caster(surface.points, surface.triangles) as cast:
        cast(*rays(10))
    assert {name: len(getattr(bpy.data, name)) for name in names} == before
