"""Values on a thinned cloud brought back to every point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import FloatArray, IntArray
from backend.children import threads

NEIGHBORS = 3


@dataclass(frozen=True, eq=False)
class ThinNeighbors:
    """The few thinned points that are nearest to each of N points.

    Attributes:
        distance, rows: (N, 3) how far they are, and which of the M thinned ones, the nearest first.
    """

    distance: FloatArray
    rows: IntArray

    @classmethod
    def of(cls, points: FloatArray, thin_points: FloatArray) -> ThinNeighbors:
        """Of ``points`` (N, 3) among ``thin_points`` (M, 3)."""
        count = min(NEIGHBORS, len(thin_points))
        distance, rows = cKDTree(thin_points).query(points, k=count, workers=threads())
        return cls(distance.reshape(-1, count), rows.reshape(-1, count))

    def mean(self, values: FloatArray) -> FloatArray:
        """Inverse-distance mean (N,) of the ``values`` (M,) of the thinned points.

        A point that is itself in the thinned cloud gets exactly its value.
        """
        weight = 1.0 / np.maximum(self.distance, 1e-12)
        mean = (weight * values[self.rows]).sum(axis=1) / weight.sum(axis=1)
        return np.where(self.distance[:, 0] == 0.0, values[self.rows[:, 0]], mean)


def upsample(points: FloatArray, thin_points: FloatArray, values: FloatArray) -> FloatArray:
    """``ThinNeighbors.mean`` (N,) of values (M,) that are wanted once."""
    return ThinNeighbors.of(points, thin_points).mean(values)


def nearest_of(points: FloatArray, thin_points: FloatArray) -> tuple[IntArray, FloatArray]:
    """Row (P,) of the nearest of ``thin_points`` (M, 3) to each of ``points`` (P, 3), how far."""
    distance, rows = cKDTree(thin_points).query(points, workers=threads())
    return rows, distance
