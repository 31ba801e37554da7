"""Points that a sensor loses: at random, at grazing incidence, in patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray
from backend.sensor.views import Rays
from shared_schema.sensor import IncidenceDropout, PatchDropout, RandomDropout

# How many places tell the mean number of points in a patch.
PROBES = 256


def dropout(
    points: FloatArray, rays: Rays | None, settings: Any, rng: np.random.Generator
) -> BoolArray:
    """Which of ``points`` (N, 3), seen along ``rays``, are lost: (N,)."""
    return DROPOUTS[settings.model](points, rays, settings, rng)


def _random(
    points: FloatArray, rays: Rays | None, settings: RandomDropout, rng: np.random.Generator
) -> BoolArray:
    return rng.random(len(points)) < settings.share


def _incidence(
    points: FloatArray, rays: Rays | None, settings: IncidenceDropout, rng: np.random.Generator
) -> BoolArray:
    """The law of virtual scans: the chance of a point to stay is cosine / sure cosine."""
    assert rays is not None  # the schema asks for views
    return rng.random(len(points)) >= rays.cosine / settings.sure_cosine


def _patches(
    points: FloatArray, rays: Rays | None, settings: PatchDropout, rng: np.random.Generator
) -> BoolArray:
    """Balls about random points.

    Of the Boolean model, the share that n discs of area a cover of an area A is 1 − exp(−n a / A)
    in the mean (Chiu et al., "Stochastic Geometry and its Applications", 2013, section 3.1).
    """
    tree = cKDTree(points)
    probes = points[rng.integers(len(points), size=PROBES)]
    inside = tree.query_ball_point(probes, settings.radius, return_length=True)
    patches = rng.poisson(-np.log1p(-settings.share) * len(points) / inside.mean())
    lost = np.zeros(len(points), dtype=bool)
    if patches > 0:
        centers = cKDTree(points[rng.integers(len(points), size=patches)])
        distance, _ = centers.query(points, distance_upper_bound=settings.radius)
        lost = np.isfinite(distance)
    return lost


DROPOUTS: dict[str, Callable[..., BoolArray]] = {
    "random": _random,
    "incidence": _incidence,
    "patches": _patches,
}
