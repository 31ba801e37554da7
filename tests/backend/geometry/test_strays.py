"""Stray points are told from surface, wherever it lies."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.geometry.strays import Surroundings, detached_points, stray_points


def told(points: np.ndarray, spacing: float = 0.0) -> np.ndarray:
    return stray_points(Surroundings.of(points, cKDTree(points)), spacing)


def plate(seed: int, count: int = 4000) -> np.ndarray:
    """Two sides of a thin plate, 100 by 60 by 2, with a little noise."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 3)) * (100.0, 60.0, 0.0)
    points[:, 2] = 2.0 * rng.integers(0, 2, count) + rng.normal(scale=0.05, size=count)
    return points


def test_a_surface_has_no_strays_but_for_one_in_a_thousand() -> None:
    assert told(plate(0)).mean() < 1e-3


def test_points_near_and_far_are_told_and_change_nothing_else() -> None:
    surface = plate(1)
    above = np.array([[30.0, 20.0, 12.0], [70.0, 40.0, -9.0], [50.0, 30.0, 20.0]])
    far = 5000.0 * np.random.default_rng(2).uniform(-1.0, 1.0, (20, 3))
    found = told(np.concatenate([surface, above, far]))
    assert found[len(surface) :].all()
    np.testing.assert_array_equal(found[: len(surface)], told(surface))


def test_what_lies_together_is_no_stray() -> None:
    chip = np.array([50.0, 30.0, 40.0]) + np.random.default_rng(3).random((30, 3)) * (4.0, 4.0, 0.0)
    assert not told(np.concatenate([plate(4), chip]))[-30:].any()


def test_a_small_cluster_is_detached_though_it_is_no_stray() -> None:
    """A detector looks for chips, but a user who cleans a scan wants no dust in it."""
    cluster = np.array([50.0, 30.0, 40.0]) + np.random.default_rng(3).random((12, 3))
    points = np.concatenate([plate(4), cluster])
    found = detached_points(points, cKDTree(points), gap=6.0, sparse=8.0, largest=20)
    assert found[-12:].all() and not found[:-12].any()
    assert not told(points)[-12:].any()


def test_it_turns_with_the_points_and_goes_with_their_order() -> None:
    points = np.concatenate([plate(5), 300.0 * np.random.default_rng(6).random((10, 3))])
    order = np.random.default_rng(7).permutation(len(points))
    turn = Rotation.random(random_state=8).as_matrix()
    np.testing.assert_array_equal(told(points[order] @ turn.T + 1e4), told(points)[order])


def test_few_points_are_no_strays() -> None:
    assert not told(np.eye(3)).any()
    assert not told(np.zeros((1, 3))).any()
