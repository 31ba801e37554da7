"""Augmentation keeps every label on its point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.cloud import LabeledCloud, PointCloud
from backend.training.augmentation import AugmentationConfig, as_dense_as, augment, crop_to_view

NOTHING = AugmentationConfig(rotate=False, jitter=0.0, dropout=0.0, view_probability=0.0)


def sphere(count: int = 300) -> LabeledCloud:
    """A unit sphere whose cap z > 0.5 is anomalous, and whose weight is z."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(count, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    mask = points[:, 2] > 0.5
    return LabeledCloud(
        points,
        points.copy(),
        mask,
        mask.astype(np.int32),
        points[:, 2],
        np.arange(count),
        {"x": points[:, 0]},
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_array_follows_its_point(seed: int) -> None:
    cloud = sphere()
    config = AugmentationConfig(jitter=0.001, dropout=0.5, view_probability=0.5)
    changed = augment(cloud, np.random.default_rng(seed), config)
    rows = changed.source_index
    np.testing.assert_array_equal(changed.mask, cloud.mask[rows])
    np.testing.assert_array_equal(changed.labels, cloud.labels[rows])
    np.testing.assert_array_equal(changed.weight, cloud.weight[rows])
    np.testing.assert_array_equal(changed.fields["x"], cloud.fields["x"][rows])
    # One rotation for all: distances and the normals' angles to the points stay.
    assert changed.normals is not None
    np.testing.assert_allclose(
        np.einsum("ni,ni->n", changed.points, changed.normals), 1.0, atol=0.02
    )
    before, after = cloud.points[rows], changed.points
    np.testing.assert_allclose(before @ before.T, after @ after.T, atol=0.05)


def test_all_off_is_the_identity_and_the_input_stays() -> None:
    cloud = sphere()
    original = cloud.points.copy()
    same = augment(cloud, np.random.default_rng(0), NOTHING)
    np.testing.assert_array_equal(same.points, original)
    augment(cloud, np.random.default_rng(0), AugmentationConfig(jitter=0.1))
    np.testing.assert_array_equal(cloud.points, original)


def test_same_seed_same_cloud() -> None:
    one, two = (augment(sphere(), np.random.default_rng(5), AugmentationConfig()) for _ in "ab")
    np.testing.assert_array_equal(one.points, two.points)


def test_view_crop_keeps_what_faces_the_view() -> None:
    direction = np.array([0.0, 0.0, 1.0])
    cropped = crop_to_view(sphere(), direction, 0.2)
    assert 0 < len(cropped) < 300
    assert cropped.points[:, 2].min() > 0.2
    assert cropped.mask.sum() == sphere().mask.sum()


def test_rotations_are_uniform() -> None:
    cloud = sphere(3)
    config = AugmentationConfig(jitter=0.0, dropout=0.0, view_probability=0.0)
    rng = np.random.default_rng(1)
    first = np.array([augment(cloud, rng, config).points[0] for _ in range(2000)])
    assert first.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.06)
    assert (first**2).mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.03)


def test_only_what_is_denser_than_needed_gets_sparser() -> None:
    config = AugmentationConfig(dropout=0.6)
    spacing = PointCloud(sphere(20_000).points).spacing
    assert as_dense_as(config, spacing, thinned=10.0 * spacing) == config
    assert as_dense_as(config, spacing, thinned=spacing).dropout == 0.0
    allowed = as_dense_as(config, spacing, thinned=1.5 * spacing).dropout
    assert 0.0 < allowed < 0.6
    # What is left by it is as dense as thinned points need at least.
    rng = np.random.default_rng(0)
    left = PointCloud(sphere(20_000).points[rng.random(20_000) >= allowed])
    assert left.spacing == pytest.approx(1.5 * spacing / 1.15, rel=0.05)
