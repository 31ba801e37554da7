"""Descriptors: invariance, values on known surfaces, and a plain reference of the histograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from backend.models.pointwise.descriptors import (
    INVARIANTS,
    local_invariants,
    neighborhoods,
    pair_histograms,
    tangent_frames,
)
from tests.backend.shapes import sphere

VOXEL = 0.5


def describe(points: np.ndarray, normals: np.ndarray, length: float = VOXEL) -> np.ndarray:
    near = neighborhoods(points)
    return local_invariants(points, near, tangent_frames(points, near, normals), length)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_invariant_under_rotation_translation_and_scale(seed: int, scale: float) -> None:
    cloud = sphere(600)
    turn = Rotation.random(random_state=seed).as_matrix()
    rng = np.random.default_rng(seed)
    points = cloud.points + rng.normal(scale=0.05, size=cloud.points.shape)
    moved = scale * (points @ turn.T + rng.normal(size=3))
    plain = describe(points, cloud.normals)
    np.testing.assert_allclose(
        plain, describe(moved, cloud.normals @ turn.T, scale * VOXEL), atol=1e-6
    )
    near = neighborhoods(points)
    np.testing.assert_allclose(
        pair_histograms(points, cloud.normals, near).mean(axis=0),
        pair_histograms(moved, cloud.normals @ turn.T, near).mean(axis=0),
        atol=1e-3,
    )


def test_values_on_a_sphere_and_on_its_inside() -> None:
    cloud = sphere(4000)
    outside, inside = describe(cloud.points, cloud.normals), describe(cloud.points, -cloud.normals)
    assert outside.shape == (4000, INVARIANTS)
    height, shift, curvature = 2 + 14, 3 + 14, 5 + 14
    # The centroid of a cap of radius r on a sphere of radius R lies r / 4R of its radius deep.
    radius = VOXEL * np.exp(outside[:, 6 + 14])
    np.testing.assert_allclose(outside[:, height], -radius / 40.0, atol=0.01)
    assert np.median(outside[:, shift]) < 0.05
    # (n_j - n_i) . (p_j - p_i) / |p_j - p_i|^2 is 1 / R on a sphere.
    np.testing.assert_allclose(outside[:, curvature], radius / 10.0, rtol=0.05)
    np.testing.assert_allclose(inside[:, curvature], -outside[:, curvature], atol=1e-9)


def test_normals_are_fitted_and_only_their_side_is_taken() -> None:
    cloud = sphere(2000)
    wrong = cloud.normals + 0.5 * np.random.default_rng(0).uniform(-1, 1, size=(2000, 3))
    frames = tangent_frames(cloud.points, neighborhoods(cloud.points), wrong)
    for frame in frames:
        assert np.einsum("ni,ni->n", frame.normals, cloud.normals).min() > 0.99


def reference_spfh(points: np.ndarray, normals: np.ndarray, i: int, near: np.ndarray) -> np.ndarray:
    """The simple histogram of one point, pair by pair."""
    histogram = np.zeros(33)
    for j in near:
        line = (points[j] - points[i]) / np.linalg.norm(points[j] - points[i])
        u = normals[i]
        v = np.cross(u, line) / np.linalg.norm(np.cross(u, line))
        w = np.cross(u, v)
        angles = (v @ normals[j], u @ line, np.arctan2(w @ normals[j], u @ normals[j]) / np.pi)
        for block, angle in enumerate(angles):
            histogram[11 * block + min(int((angle + 1) / 2 * 11), 10)] += 1 / (3 * len(near))
    return histogram


def test_histograms_match_the_definition() -> None:
    rng = np.random.default_rng(3)
    points, normals = rng.random((120, 3)), rng.normal(size=(120, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    near = neighborhoods(points)
    ours = pair_histograms(points, normals, near, scales=(20,))
    simple = np.stack([reference_spfh(points, normals, i, near[i, 1:20]) for i in range(120)])
    for i in (0, 50, 119):
        others = near[i, 1:20]
        weight = 1 / np.linalg.norm(points[others] - points[i], axis=1)
        expected = simple[i] + (weight[:, None] * simple[others]).sum(axis=0) / weight.sum()
        np.testing.assert_allclose(ours[i], expected, atol=1e-9)
    assert ours.sum(axis=1) == pytest.approx(2.0)


def test_small_and_degenerate_clouds_stay_finite() -> None:
    line = np.zeros((40, 3))
    line[:, 0] = np.arange(40)
    for points in (line, np.zeros((40, 3))):
        normals = np.tile([0.0, 0.0, 1.0], (40, 1))
        assert np.isfinite(describe(points, normals)).all()
        assert np.isfinite(pair_histograms(points, normals, neighborhoods(points))).all()
