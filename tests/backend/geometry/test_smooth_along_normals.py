"""Noise goes; curves, sharp edges and the places along the surface stay."""

from __future__ import annotations

import numpy as np

from backend.cloud import PointCloud
from backend.geometry.smooth_along_normals import smooth_along_normals
from tests.backend.shapes import sphere


def test_a_sphere_does_not_shrink() -> None:
    cloud = sphere(2_000)
    smooth = smooth_along_normals(cloud.points, cloud.normals, cloud.edges, 10)
    np.testing.assert_allclose(smooth, cloud.points, atol=1e-12)


def test_noise_falls_and_points_move_along_their_normals() -> None:
    cloud = sphere(4_000)
    noise = np.random.default_rng(0).normal(0.0, 0.1, (len(cloud), 1))
    noisy = PointCloud(cloud.points + noise * cloud.normals, cloud.normals)
    moved = smooth_along_normals(noisy.points, noisy.normals, noisy.edges, 2) - noisy.points
    along = np.einsum("ni,ni->n", moved, cloud.normals)
    np.testing.assert_allclose(moved, along[:, None] * cloud.normals, atol=1e-12)
    assert (noise[:, 0] + along).std() < 0.4 * noise.std()


def test_neighbors_over_a_sharp_edge_do_not_count() -> None:
    points = np.array([[-1.0, 0, 0], [0, 0, -2.0]])
    normals = np.array([[0.0, 0, 1], [1, 0, 0]])
    smooth = smooth_along_normals(points, normals, np.array([[0, 1]]), 3)
    np.testing.assert_array_equal(smooth, points)
