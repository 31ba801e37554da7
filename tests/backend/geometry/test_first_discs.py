"""Which disc each ray of a grid meets first."""

from __future__ import annotations

import numpy as np

from backend.geometry.first_discs import first_discs


def test_the_nearer_disc_hides_the_farther_one_and_a_tilted_one_is_met_on_its_plane() -> None:
    points = np.array([[0.0, 0.0, 4.0], [0.0, 0.0, 2.0], [2.0, 0.0, 4.0]])
    tilted = np.array([-0.6, 0.0, -0.8])
    normals = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, -1.0], tilted])
    x = np.array([0.0, 0.2, 0.48, 0.9])
    disc, depth = first_discs(points, normals, 0.5, x, np.array([0.0]))
    assert disc.tolist() == [[1, 1, 2, -1]]
    np.testing.assert_allclose(depth[0, :2], 2.0)
    met = depth[0, 2] * np.array([x[2], 0.0, 1.0])
    np.testing.assert_allclose((met - points[2]) @ tilted, 0.0, atol=1e-12)
    assert np.isinf(depth[0, 3])


def test_surface_that_is_seen_edge_on_hides_no_more_than_it_covers() -> None:
    grazing = np.array([-1.0, 0.0, -0.01]) / np.hypot(1.0, 0.01)
    points = np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 12.0]])
    normals = np.array([grazing, [0.0, 0.0, -1.0]])
    x = np.array([-0.05, 0.0, 0.05])
    disc, depth = first_discs(points, normals, 1.0, x, np.array([0.0]))
    assert disc.tolist() == [[1, 0, 1]]
    np.testing.assert_allclose(depth, [[12.0, 10.0, 12.0]])
