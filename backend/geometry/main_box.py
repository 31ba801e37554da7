"""The box about a scan, without the stray points that would enlarge it."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import FloatArray
from backend.geometry.strays import Surroundings, stray_points

# Farther from the middle than nine of ten points, by this factor, is where a stray matters.
MOST = 0.9
FAR = 1.5


def main_box(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner (3,) of the box about ``points`` (N, 3), but for far stray ones.

    Without points that are both far away and stray, it is the box of all, to the last bit.

    >>> points = np.random.default_rng(0).uniform(size=(500, 3))
    >>> low, high = main_box(np.vstack([points, [[50.0, 0.0, 0.0]]]))
    >>> bool((high <= 1.0).all())  # without the stray point
    True
    """
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    usual = float(np.quantile(away, MOST))
    far = away > FAR * usual
    # Where most points coincide, they are not what tells the size.
    if usual > 0 and far.any():
        far &= stray_points(Surroundings.of(points, cKDTree(points)))
        points = points[~far]
    return points.min(axis=0), points.max(axis=0)
