"""Values on a thinned cloud brought back to every point."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import FloatArray, IntArray


def upsample(
    points: FloatArray, thin_points: FloatArray, values: FloatArray, neighbors: int = 3
) -> FloatArray:
    """Inverse-distance mean (N,) of the ``values`` (M,) at the nearest ``thin_points`` (M, 3).

    A point that is itself in the thinned cloud gets exactly its value.
    """
    count = min(neighbors, len(thin_points))
    distance, rows = cKDTree(thin_points).query(points, k=count)
    distance, rows = distance.reshape(-1, count), rows.reshape(-1, count)
    weight = 1.0 / np.maximum(distance, 1e-12)
    mean = (weight * values[rows]).sum(axis=1) / weight.sum(axis=1)
    return np.where(distance[:, 0] == 0.0, values[rows[:, 0]], mean)


def nearest_of(points: FloatArray, thin_points: FloatArray) -> tuple[IntArray, FloatArray]:
    """Row (P,) of the nearest of ``thin_points`` (M, 3) to each of ``points`` (P, 3), how far."""
    distance, rows = cKDTree(thin_points).query(points, workers=-1)
    return rows, distance
