"""Convex hulls as half-spaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull, QhullError

from backend.arrays import FloatArray
from backend.errors import ReplayError


def hull_planes(points: ArrayLike) -> FloatArray:
    """Planes (F, 4) of the convex hull of ``points`` (P, 3): outward unit normal and offset.

    A place x is inside where ``normal · x + offset <= 0`` for all of them.

    Raises:
        ReplayError: the points lie in one plane, or there are fewer than four.

    >>> cube = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    >>> planes = hull_planes(cube)
    >>> signed_distance(np.array([[0.5, 0.5, 0.9], [0.5, 0.5, 1.5]]), planes).round(6)
    array([-0.1,  0.5])
    """
    points = np.asarray(points, dtype=np.float64)
    middle = points.mean(axis=0)
    try:
        # About the middle, and without Qhull's absolute tolerances biting at small scales.
        size = np.ptp(points, axis=0).max() or 1.0
        equations = ConvexHull((points - middle) / size).equations
    except (QhullError, ValueError) as error:
        raise ReplayError(
            f"hull of {len(points)} points {points[:4].tolist()}…: they span no volume; "
            "give at least four points that do not lie in one plane"
        ) from error
    normals, offsets = equations[:, :3], equations[:, 3] * size
    return np.column_stack([normals, offsets - normals @ middle])


def signed_distance(points: FloatArray, planes: FloatArray) -> FloatArray:
    """Greatest signed distance (N,) of ``points`` (N, 3) to ``planes`` (F, 4); negative inside."""
    greatest = np.full(len(points), -np.inf)
    for plane in planes:
        np.maximum(greatest, points @ plane[:3] + plane[3], out=greatest)
    return greatest
