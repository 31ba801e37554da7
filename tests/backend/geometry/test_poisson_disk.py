"""Thinning keeps a distance, leaves no gap, and knows no axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.geometry.poisson_disk import poisson_disk


def one_by_one(points: np.ndarray, order: np.ndarray, radius: float) -> list[int]:
    """The definition, slowly."""
    kept: list[int] = []
    for row in order:
        if not kept or np.linalg.norm(points[kept] - points[row], axis=1).min() > radius:
            kept.append(int(row))
    return kept


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), radius=st.floats(0.02, 2.0))
def test_it_is_the_greedy_choice(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    points, order = rng.random((300, 3)), rng.permutation(300)
    assert sorted(poisson_disk(points, order, radius)) == sorted(one_by_one(points, order, radius))


def test_many_blocks_give_the_same_as_one() -> None:
    """More points than are looked at together."""
    rng = np.random.default_rng(0)
    points, order = rng.random((9000, 3)) * (1.0, 1.0, 0.01), rng.permutation(9000)
    rows = poisson_disk(points, order, 0.03)
    assert sorted(rows) == sorted(one_by_one(points, order, 0.03))
    assert cKDTree(points[rows]).query(points[rows], k=2)[0][:, 1].min() > 0.03
    assert cKDTree(points[rows]).query(points)[0].max() <= 0.03


def test_it_turns_with_the_points() -> None:
    rng = np.random.default_rng(1)
    points, order = rng.random((3000, 3)), rng.permutation(3000)
    turned = points @ Rotation.random(random_state=2).as_matrix().T + 100.0
    np.testing.assert_array_equal(
        poisson_disk(points, order, 0.1), poisson_disk(turned, order, 0.1)
    )


@pytest.mark.parametrize("radius", [0.0, 5.0])
def test_all_or_one_at_the_ends(radius: float) -> None:
    points = np.random.default_rng(3).random((100, 3))
    assert len(poisson_disk(points, np.arange(100), radius)) == (100 if radius == 0.0 else 1)
