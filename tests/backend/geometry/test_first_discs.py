"""Which disc each ray of a grid meets first."""

from __future__ import annotations

import numpy as np

from backend.geometry.first_discs import first_discs


def test_the_nearer_disc_hides_the_farther_one_and_a_tilted_one_is_met_on_its_plane() -> None:
    points = np.array([[0.0, 0.0, 4.0], [0.0, 0.0, 2.0], [2.0, 0.0, 4.0]])
    tilted = np.array([-0.6, 0.0, -0.8])
    normals = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, -1.0], tilted])
    x = np.array([0.0, 0.2, 0.45, 0.9])
    disc, depth = first_discs(points, normals, 0.5, x, np.array([0.0]))
    assert disc.tolist() == [[1, 1, 2, -1]]
    np.testing.assert_allclose(depth[0, :2], 2.0)
    met = depth[0, 2] * np.array([x[2], 0.0, 1.0])
    np.testing.assert_allclose((met - points[2]) @ tilted, 0.0, atol=1e-12)
    assert np.isinf(depth[0, 3])


def test_a_grazing_disc_reaches_no_farther_than_it_is_wide() -> None:
    normals = np.array([[-1.0, 0.0, -1e-6]])
    disc, depth = first_discs(
        np.array([[0.0, 0.0, 10.0]]), normals, 1.0, np.array([0.05]), np.array([0.0])
    )
    assert disc.tolist() == [[0]]
    assert 8.0 <= depth[0, 0] <= 12.0
