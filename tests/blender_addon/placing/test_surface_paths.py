"""Paths over a mesh are as short as the surface allows, lie on it, and know its normals."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from blender_addon.documents.errors import AddonError
from blender_addon.placing.surface_paths import Surface, SurfacePath, surface_path
from shared_schema.locations import SurfacePath as PathModel
from tests.blender import add_part

RADIUS = 10.0


def length(path: SurfacePath) -> float:
    return float(np.linalg.norm(np.diff(path.points, axis=0), axis=1).sum())


def directions(seed: int) -> NDArray:
    """Two unit vectors (2, 3)."""
    ends = np.random.default_rng(seed).normal(size=(2, 3))
    return ends / np.linalg.norm(ends, axis=1, keepdims=True)


@pytest.fixture
def sphere() -> Surface:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=96, ring_count=64, radius=RADIUS)
    return Surface(bpy.context.active_object)


@pytest.fixture
def cube() -> Surface:
    mesh = trimesh.creation.box((10.0, 10.0, 10.0)).subdivide_to_size(0.5)
    return Surface(add_part(mesh.vertices, mesh.faces))


@pytest.mark.parametrize("seed", range(8))
def test_on_a_sphere_it_is_a_great_circle(sphere: Surface, seed: int) -> None:
    start, end = directions(seed)
    path = surface_path(sphere, [RADIUS * start, RADIUS * end], 0.3)
    assert length(path) == pytest.approx(RADIUS * np.arccos(start @ end), rel=0.01)


def test_it_lies_on_the_surface_and_knows_its_normals(sphere: Surface) -> None:
    path = surface_path(sphere, RADIUS * directions(1), 0.3)
    away = np.linalg.norm(path.points, axis=1)
    np.testing.assert_allclose(away, RADIUS, rtol=2e-3)
    cosines = np.einsum("ij,ij->i", path.normals, path.points) / away
    assert cosines.min() > 0.99


def test_over_an_edge_it_is_straight_on_the_unfolded_faces(cube: Surface) -> None:
    path = surface_path(cube, [(5.0, -3.0, 4.0), (-3.0, 2.0, 5.0)], 0.2)
    assert length(path) == pytest.approx(np.hypot(1.0 + 8.0, 5.0), rel=0.01)


def test_it_passes_through_every_anchor_with_vertices_a_step_apart(cube: Surface) -> None:
    anchors = np.array([(-4.0, -4.0, 5.0), (0.0, 3.0, 5.0), (4.0, -4.0, 5.0)])
    path = surface_path(cube, anchors, 0.1)
    gaps = np.linalg.norm(path.points[:, None] - anchors[None], axis=2).min(axis=0)
    assert gaps.max() < 0.1
    np.testing.assert_allclose(path.points[[0, -1]], anchors[[0, -1]], atol=1e-5)
    steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    assert steps.max() <= 0.1 + 1e-6


def test_anchors_off_the_surface_go_to_the_nearest_place(cube: Surface) -> None:
    path = surface_path(cube, [(-2.0, 0.0, 6.0), (2.0, 0.0, 5.5)], 0.2)
    np.testing.assert_allclose(path.points[:, 2], 5.0, atol=1e-5)
    assert length(path) == pytest.approx(4.0, rel=1e-3)


def test_it_goes_round_a_hole() -> None:
    ring = trimesh.creation.annulus(r_min=4.0, r_max=6.0, height=1.0).subdivide_to_size(0.3)
    surface = Surface(add_part(ring.vertices, ring.faces))
    path = surface_path(surface, [(5.0, 0.0, 0.5), (-5.0, 0.0, 0.5)], 0.1)
    assert np.linalg.norm(path.points[:, :2], axis=1).min() > 3.9
    shortest = 2.0 * (3.0 + 4.0 * (np.pi / 2 - np.arccos(4.0 / 5.0)))
    assert length(path) == pytest.approx(shortest, rel=0.03)


def test_what_it_gives_is_valid_in_the_schema(sphere: Surface) -> None:
    document = surface_path(sphere, RADIUS * directions(2), 0.5).as_document()
    assert PathModel.model_validate(document).resolved


def test_anchors_at_one_place_are_refused(cube: Surface) -> None:
    with pytest.raises(AddonError, match=r"\[\[1\.0, 1\.0, 5\.0\].* move them apart"):
        surface_path(cube, [(1.0, 1.0, 5.0), (1.0, 1.0, 5.0)], 0.2)


def test_pieces_that_do_not_touch_are_refused() -> None:
    far = trimesh.creation.box((1.0, 1.0, 1.0))
    far.apply_translation((5.0, 0.0, 0.0))
    both = trimesh.util.concatenate([trimesh.creation.box((1.0, 1.0, 1.0)), far])
    surface = Surface(add_part(both.vertices, both.faces))
    with pytest.raises(AddonError, match="pieces of the mesh that do not touch"):
        surface_path(surface, [(0.0, 0.0, 0.5), (5.0, 0.0, 0.5)], 0.1)


def test_points_without_faces_are_no_surface() -> None:
    part = add_part(np.eye(3), np.empty((0, 3), dtype=int), "cloud")
    with pytest.raises(AddonError, match="'cloud' has no faces"):
        Surface(part)
