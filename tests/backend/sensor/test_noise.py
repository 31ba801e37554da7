"""Each noise has the size and direction that its parameters say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from backend.cloud import LabeledCloud
from tests.backend.sensor.scenes import sensed, surface

EYE = np.array([0.0, 0.0, 25.0])


def moved(name: str, **noise: Any) -> tuple[np.ndarray, np.ndarray]:
    """Shift (N, 3) of each point by a noise seen from ``EYE``, and the points before (N, 3)."""
    cloud = surface(name)
    views = {"type": "given", "viewpoints": [EYE.tolist()]}
    after = sensed(LabeledCloud.nominal(cloud), cloud, views=views, noise=[noise]).labeled
    np.testing.assert_array_equal(after.source_index, np.arange(len(cloud)))
    assert after.normals is cloud.normals
    return after.points - cloud.points, cloud.points


def along_rays(shift: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift (N,) along the rays and cosine of incidence (N,) on a sphere; nothing is across."""
    rays = points - EYE
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = np.einsum("ni,ni->n", shift, rays)
    np.testing.assert_allclose(along[:, None] * rays, shift, atol=1e-9)
    return along, -np.einsum("ni,ni->n", rays, points / 10.0)


def test_normal_noise() -> None:
    shift, points = moved("sphere", model="normal", sigma=0.02)
    height = np.einsum("ni,ni->n", shift, points / 10.0)
    np.testing.assert_allclose(height[:, None] * points / 10.0, shift, atol=1e-9)
    assert height.std() == pytest.approx(0.02, rel=0.03)
    assert abs(height.mean()) < 0.001


@pytest.mark.parametrize(
    ("law", "growth"),
    [
        ({"incidence": "none"}, lambda angle: np.ones_like(angle)),
        ({"incidence": "cosine"}, lambda angle: 1.0 / np.cos(angle)),
        (
            {"incidence": "hyperbolic", "grazing": 0.2},
            lambda angle: 1.0 + 0.2 * (angle / (np.pi / 2.0 - angle)) ** 2,
        ),
    ],
)
def test_ray_noise_grows_with_incidence(law: dict[str, Any], growth: Any) -> None:
    along, cosine = along_rays(*moved("sphere", model="ray", sigma=0.02, **law))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    for low, high in ((0.0, 0.4), (0.9, 1.1), (1.3, 1.4)):
        ring = (angle >= low) & (angle < high)
        expected = 0.02 * np.sqrt((growth(angle[ring]) ** 2).mean())
        assert along[ring].std() == pytest.approx(expected, rel=0.15)


def test_ray_noise_grows_with_the_square_of_the_distance() -> None:
    shift, points = moved("sphere", model="ray", sigma=0.02, distance=15.0, incidence="none")
    along, _ = along_rays(shift, points)
    away = np.linalg.norm(points - EYE, axis=1)
    assert (along / (away / 15.0) ** 2).std() == pytest.approx(0.02, rel=0.03)
    assert along[away > 30.0].std() > 3.0 * along[away < 17.0].std()


def test_correlated_noise_is_smooth_and_of_its_size() -> None:
    shift, points = moved("sphere", model="correlated", sigma=0.02, wavelength=3.0)
    height = np.einsum("ni,ni->n", shift, points / 10.0)
    assert height.std() == pytest.approx(0.02, rel=0.1)
    _, near = cKDTree(points).query(points, k=2)
    # Neighbours are a twentieth of a wavelength apart.
    assert np.corrcoef(height, height[near[:, 1]])[0, 1] > 0.8


def test_outliers_fly_off_along_the_ray() -> None:
    along, _ = along_rays(*moved("sphere", model="outliers", share=0.05, reach=0.5))
    flying = along != 0
    assert flying.mean() == pytest.approx(0.05, rel=0.2)
    assert 0.45 < np.abs(along).max() <= 0.5 + 1e-9
    assert along[flying].std() == pytest.approx(0.5 / np.sqrt(3.0), rel=0.1)


def test_quantisation_leaves_whole_steps() -> None:
    shift, points = moved("sphere", model="quantisation", step=0.25)
    along_rays(shift, points)
    steps = np.linalg.norm(points + shift - EYE, axis=1) / 0.25
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert np.linalg.norm(shift, axis=1).max() <= 0.125 + 1e-9
