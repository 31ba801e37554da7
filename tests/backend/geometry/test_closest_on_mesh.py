"""The closest place is the nearest of all on the triangles."""

from __future__ import annotations

import numpy as np

from backend.geometry.closest_on_mesh import closest_on_mesh, closest_weights


def test_no_place_on_a_dense_grid_of_a_triangle_is_nearer() -> None:
    rng = np.random.default_rng(0)
    ticks = np.linspace(0.0, 1.0, 60)
    u, v = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    grid = np.stack([1.0 - u - v, u, v], axis=1)[u + v <= 1.0 + 1e-12]
    for corners, query in zip(rng.normal(size=(30, 3, 3)), rng.normal(size=(30, 3)), strict=True):
        weights = closest_weights(corners[None], query)[0]
        assert (weights >= 0).all() and abs(weights.sum() - 1.0) < 1e-12
        away = np.linalg.norm(weights @ corners - query)
        nearest = np.linalg.norm(grid @ corners - query, axis=1).min()
        assert nearest - 0.1 < away <= nearest + 1e-12


def test_a_thin_triangle_is_the_segment_it_looks_like() -> None:
    corners = np.array([[[0.0, 0, 0], [1, 0, 0], [3, 0, 0]]])
    place = closest_weights(corners, np.array([2.0, 5.0, 0.0]))[0] @ corners[0]
    np.testing.assert_allclose(place, [2.0, 0, 0])


def test_the_nearest_of_many_triangles_is_found() -> None:
    rng = np.random.default_rng(1)
    points, faces = rng.normal(size=(60, 3)), rng.integers(0, 60, (100, 3))
    queries = 2.0 * rng.normal(size=(20, 3))
    corners = points[faces]
    for query, place in zip(queries, closest_on_mesh(points, faces, queries), strict=True):
        places = np.einsum("mc,mci->mi", closest_weights(corners, query), corners)
        nearest = np.linalg.norm(places - query, axis=1).min()
        np.testing.assert_allclose(np.linalg.norm(place - query), nearest, rtol=1e-12)
