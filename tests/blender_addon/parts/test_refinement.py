"""Refining splits edges and leaves the surface what it is."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from backend.geometry.surface import is_watertight, signed_volume
from blender_addon.parts.refinement import refine


def prism() -> trimesh.Trimesh:
    """A closed part with slivers: long, thin triangles at every corner."""
    return trimesh.creation.cylinder(radius=1.0, height=20.0, sections=48)


def everywhere(length: float) -> object:
    return lambda middles: np.full(len(middles), length)


def longest_edge(points: NDArray, faces: NDArray) -> float:
    corners = points[faces]
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())


@pytest.mark.parametrize("longest", [10.0, 1.0, 0.3])
def test_no_edge_is_longer_than_asked(longest: float) -> None:
    mesh = prism()
    points, faces = refine(mesh.vertices, mesh.faces, everywhere(longest), 10**6)
    assert longest_edge(points, faces) <= longest


@pytest.mark.parametrize("longest", [3.0, 0.5])
def test_the_surface_stays_closed_and_its_volume_the_same(longest: float) -> None:
    mesh = prism()
    points, faces = refine(mesh.vertices, mesh.faces, everywhere(longest), 10**6)
    assert is_watertight(faces)
    assert signed_volume(points, faces) == pytest.approx(mesh.volume)
    assert trimesh.Trimesh(points, faces).area == pytest.approx(mesh.area)
    np.testing.assert_array_equal(points[: len(mesh.vertices)], mesh.vertices)


def test_the_number_of_points_is_bounded() -> None:
    mesh = prism()
    points, faces = refine(mesh.vertices, mesh.faces, everywhere(1e-3), 5000)
    assert len(points) == 5000
    assert is_watertight(faces)


def test_edges_far_from_where_it_is_asked_for_stay() -> None:
    mesh = prism()
    coarse, faces = refine(mesh.vertices, mesh.faces, everywhere(2.0), 10**6)
    points, faces = refine(
        coarse, faces, lambda middles: np.where(middles[:, 2] > 5.0, 0.5, np.inf), 10**6
    )
    assert (points[len(coarse) :, 2] > 5.0).all()
    assert is_watertight(faces)
    above = (points[faces][..., 2] > 5.0).all(axis=1)
    assert longest_edge(points, faces[above]) <= 0.5


def test_a_fine_mesh_is_left_as_it_is() -> None:
    mesh = prism()
    points, faces = refine(mesh.vertices, mesh.faces, everywhere(100.0), 10**6)
    np.testing.assert_array_equal(points, mesh.vertices)
    np.testing.assert_array_equal(faces, mesh.faces)
