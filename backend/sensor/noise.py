"""Noise of a sensor: each model moves the points, none changes what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backend.arrays import FloatArray
from backend.geometry.noise import waves
from backend.sensor.views import Rays
from shared_schema.constants import FORMULA_CONSTANTS
from shared_schema.sensor import (
    CorrelatedNoise,
    Incidence,
    NormalNoise,
    OutlierNoise,
    QuantisationNoise,
    RayNoise,
)

SEEDS = 1_000_000


def add_noise(
    points: FloatArray,
    normals: FloatArray,
    rays: Rays | None,
    settings: Any,
    rng: np.random.Generator,
) -> FloatArray:
    """``points`` (N, 3) with one kind of noise.

    Args:
        points: as the noises before have left them.
        normals: (N, 3) unit.
        rays: to the points as they were before any noise; None without viewpoints.
        settings: any noise of the schema, lengths in the unit of the points.
        rng: the only source of chance.
    """
    return NOISES[settings.model](points, normals, rays, settings, rng)


def _normal(
    points: FloatArray,
    normals: FloatArray,
    rays: Rays | None,
    settings: NormalNoise,
    rng: np.random.Generator,
) -> FloatArray:
    return points + rng.normal(scale=settings.sigma, size=(len(points), 1)) * normals


def _ray(
    points: FloatArray,
    normals: FloatArray,
    rays: Rays | None,
    settings: RayNoise,
    rng: np.random.Generator,
) -> FloatArray:
    assert rays is not None  # the schema asks for views
    sigma = settings.sigma * _growth(rays.cosine, settings)
    if settings.distance is not None:
        sigma = sigma * (rays.distance / settings.distance) ** 2
    return points + (sigma * rng.normal(size=len(points)))[:, None] * rays.direction


def _growth(cosine: FloatArray, settings: RayNoise) -> FloatArray:
    """Factor (N,) on the noise by the angle θ of incidence.

    ``cosine``: 1 / cos θ, the depth of a footprint of fixed width on tilted surface.
    ``hyperbolic``: 1 + grazing · θ² / (π/2 − θ)², the form that Nguyen, Izadi and Lovell fit to a
    depth camera ("Modeling Kinect sensor noise for improved 3D reconstruction and tracking",
    2012); their constants give a grazing of 0.05 at 1 m.
    """
    cosine = np.clip(cosine, FORMULA_CONSTANTS["noise_least_cosine"], 1.0)
    if settings.incidence is Incidence.COSINE:
        return 1.0 / cosine
    if settings.incidence is Incidence.HYPERBOLIC:
        angle = np.arccos(cosine)
        return 1.0 + settings.grazing * (angle / (np.pi / 2.0 - angle)) ** 2
    return np.ones(len(cosine))


def _correlated(
    points: FloatArray,
    normals: FloatArray,
    rays: Rays | None,
    settings: CorrelatedNoise,
    rng: np.random.Generator,
) -> FloatArray:
    """Plane waves of the roughness of defects, of one variance: a sine's is one half."""
    height = np.zeros(len(points))
    for wave_vector, phase in waves(int(rng.integers(SEEDS))):
        height += np.sin(points @ (wave_vector * (2.0 * np.pi / settings.wavelength)) + phase)
    height *= settings.sigma * np.sqrt(2.0 / FORMULA_CONSTANTS["noise_waves"])
    return points + height[:, None] * normals


def _outliers(
    points: FloatArray,
    normals: FloatArray,
    rays: Rays | None,
    settings: OutlierNoise,
    rng: np.random.Generator,
) -> FloatArray:
    assert rays is not None  # the schema asks for views
    flying = rng.random(len(points)) < settings.share
    moved = points.copy()
    away = rng.uniform(-settings.reach, settings.reach, size=(int(flying.sum()), 1))
    moved[flying] += away * rays.direction[flying]
    return moved


def _quantisation(
    points: FloatArray,
    normals: FloatArray,
    rays: Rays | None,
    settings: QuantisationNoise,
    rng: np.random.Generator,
) -> FloatArray:
    assert rays is not None  # the schema asks for views
    way = points - rays.eye
    distance = np.linalg.norm(way, axis=1)
    rounded = settings.step * np.maximum(1.0, np.round(distance / settings.step))
    return rays.eye + way * (rounded / np.maximum(distance, np.finfo(float).tiny))[:, None]


NOISES: dict[str, Callable[..., FloatArray]] = {
    "normal": _normal,
    "ray": _ray,
    "correlated": _correlated,
    "outliers": _outliers,
    "quantisation": _quantisation,
}
