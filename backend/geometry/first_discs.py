"""Which disc each ray of a grid meets first."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.geometry.row_spans import row_spans


def first_discs(
    points: FloatArray, normals: FloatArray, radius: float, x: FloatArray, y: FloatArray
) -> tuple[IntArray, FloatArray]:
    """The disc (H, W) that each ray meets first, −1 where it meets none, and its depth (H, W).

    The rays are those of ``first_faces``. A disc lies across its normal, so that surface which is
    seen edge on hides no more than its points do.

    Args:
        points: (N, 3) middles of the discs.
        normals: (N, 3) unit, towards the origin.
        radius: of all discs.
        x: (W,) ascending.
        y: (H,) ascending.

    >>> points, normals = np.array([[0.0, 0.0, 2.0]]), np.array([[0.0, 0.0, -1.0]])
    >>> face, depth = first_discs(points, normals, 0.5, np.array([0.1, 0.4]), np.array([0.0]))
    >>> face.tolist(), depth.tolist()
    ([[0, -1]], [[2.0, inf]])
    """
    rows = np.flatnonzero(points[:, 2] > radius)
    depth = points[rows, 2]
    middle = points[rows, :2] / depth[:, None]
    reach = radius / depth
    nearest = np.full(len(x) * len(y), np.inf)
    disc = np.full(len(x) * len(y), -1)

    def interval(shape: IntArray, row: IntArray) -> tuple[FloatArray, FloatArray]:
        squared = reach[shape] ** 2 - (y[row] - middle[shape, 1]) ** 2
        half = np.sqrt(np.maximum(squared, 0.0))
        return middle[shape, 0] - half, middle[shape, 0] + half

    spans = row_spans(middle[:, 1] - reach, middle[:, 1] + reach, x, y, interval)
    for shape, row, column in spans:
        found = _met(points[rows[shape]], normals[rows[shape]], radius, x[column], y[row])
        ray = row * len(x) + column
        np.minimum.at(nearest, ray, found)
        first = np.isfinite(found) & (found == nearest[ray])
        disc[ray[first]] = rows[shape[first]]
    size = (len(y), len(x))
    return disc.reshape(size), nearest.reshape(size)


def _met(
    points: FloatArray, normals: FloatArray, radius: float, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Depth (P,) at which each ray meets its disc from outside; infinite where it does not."""
    slope = normals[:, 0] * x + normals[:, 1] * y + normals[:, 2]
    facing = slope < 0.0
    height = np.einsum("pi,pi->p", normals, points)
    depth = height / np.where(facing, slope, -1.0)
    off = np.stack([depth * x, depth * y, depth], axis=1) - points
    inside = facing & (depth > 0.0) & (np.einsum("pi,pi->p", off, off) <= radius * radius)
    return np.where(inside, depth, np.inf)
