"""Prototype choice, distances, and upsampling."""

from __future__ import annotations

import numpy as np
import pytest

from backend.models.pointwise.memory_bank import MemoryBank, coreset
from backend.scoring.upsampling import upsample


def test_distance_is_the_nearest_of_all_prototypes() -> None:
    rng = np.random.default_rng(0)
    prototypes, features = rng.normal(size=(30, 5)), rng.normal(size=(5000, 5))
    bank = MemoryBank(prototypes.astype(np.float32))
    expected = np.linalg.norm(features[:, None] - prototypes, axis=2).min(axis=1)
    np.testing.assert_allclose(bank.distance(features.astype(np.float32)), expected, atol=1e-3)


def test_coreset_takes_one_of_each_cluster() -> None:
    rng = np.random.default_rng(1)
    centers = 100.0 * np.eye(6)
    features = (centers[rng.integers(0, 6, 500)] + rng.normal(size=(500, 6))).astype(np.float32)
    chosen = coreset(features, 6)
    assert sorted(features[chosen].argmax(axis=1)) == list(range(6))
    assert (np.diff(chosen) > 0).all()


def test_coreset_of_few_is_all() -> None:
    assert coreset(np.zeros((3, 2), np.float32), 10).tolist() == [0, 1, 2]


def test_fit_is_reproducible() -> None:
    features = np.random.default_rng(2).normal(size=(400, 4)).astype(np.float32)
    banks = [MemoryBank.fit(features, 20, 100, np.random.default_rng(7)) for _ in range(2)]
    assert banks[0].prototypes.shape == (20, 4)
    np.testing.assert_array_equal(banks[0].prototypes, banks[1].prototypes)


def test_upsampling_keeps_known_points_and_stays_between_neighbours() -> None:
    rng = np.random.default_rng(3)
    points = rng.random((500, 3))
    rows = np.arange(0, 500, 5)
    values = rng.random(len(rows))
    dense = upsample(points, points[rows], values)
    np.testing.assert_array_equal(dense[rows], values)
    assert values.min() <= dense.min() and dense.max() <= values.max()


def test_upsampling_weighs_by_inverse_distance() -> None:
    thin = np.array([[0.0, 0, 0], [3.0, 0, 0], [100.0, 0, 0]])
    value = upsample(np.array([[1.0, 0, 0]]), thin, np.array([0.0, 1.0, 0.0]))
    expected = 0.5 / (1.0 + 0.5 + 1.0 / 99.0)
    assert value[0] == pytest.approx(expected)
    assert upsample(np.zeros((2, 3)) + 1, thin[:1], np.array([4.0])).tolist() == [4.0, 4.0]
