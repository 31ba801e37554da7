"""Which disc each ray of a grid meets first."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.geometry.row_spans import row_spans

# How far a place on a disc's plane may lie before or behind its middle, in radii: a steep disc
# says nothing of the surface farther off.
STEEP = 2.0


def first_discs(
    points: FloatArray, normals: FloatArray, radius: float, x: FloatArray, y: FloatArray
) -> tuple[IntArray, FloatArray]:
    """The disc (H, W) that each ray meets first, −1 where it meets none, and its depth (H, W).

    The rays are those of ``first_faces``. A disc covers what lies within its radius of its middle
    across the third axis, and the ray meets it on the plane of its normal.

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
        first = found == nearest[ray]
        disc[ray[first]] = rows[shape[first]]
    size = (len(y), len(x))
    return disc.reshape(size), nearest.reshape(size)


def _met(
    points: FloatArray, normals: FloatArray, radius: float, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Depth (P,) at which each ray meets the plane of its disc, near the disc's middle."""
    slope = normals[:, 0] * x + normals[:, 1] * y + normals[:, 2]
    height = np.einsum("pi,pi->p", normals, points)
    met = np.where(slope < 0.0, height / np.where(slope < 0.0, slope, -1.0), points[:, 2])
    return np.clip(met, points[:, 2] - STEEP * radius, points[:, 2] + STEEP * radius)
