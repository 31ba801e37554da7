"""Which triangle each ray of a grid meets first."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.geometry.row_spans import row_spans

# Rounding moves the border of a triangle by less than this, as a ratio of the place on the grid.
ROUNDING = 1e-9


def first_faces(corners: FloatArray, x: FloatArray, y: FloatArray) -> tuple[IntArray, FloatArray]:
    """The triangle (H, W) that each ray meets first, −1 where it meets none, and its depth (H, W).

    The ray of row j and column i starts at the origin and goes along (x[i], y[j], 1). Its depth is
    the third coordinate of the place that it meets, infinite where there is none. Both sides of a
    triangle are met. Rays that pass through a side that two triangles share meet one of them.

    M. Olano and T. Greer, "Triangle scan conversion using 2D homogeneous coordinates" (1997): the
    triangles need not be clipped where they reach behind the origin.

    Args:
        corners: (M, 3, 3) of the triangles.
        x: (W,) ascending.
        y: (H,) ascending.

    >>> corners = np.array([[[-9.0, -9.0, 2.0], [9.0, -9.0, 2.0], [0.0, 9.0, 2.0]]])
    >>> face, depth = first_faces(corners, np.array([0.0, 50.0]), np.array([0.0]))
    >>> face.tolist(), depth.tolist()
    ([[0, -1]], [[2.0, inf]])
    """
    low, high, rows = _reach(corners, x, y)
    corners, low, high = corners[rows], low[rows], high[rows]
    sides, inverse = _sides(corners)
    # The nearest place has the greatest inverse depth.
    greatest = np.zeros(len(x) * len(y))
    face = np.full(len(x) * len(y), -1)

    def interval(triangle: IntArray, row: IntArray) -> tuple[FloatArray, FloatArray]:
        return _between_sides(sides[triangle], y[row])

    for triangle, row, column in row_spans(low, high, x, y, interval):
        plane = inverse[triangle]
        found = plane[:, 0] * x[column] + plane[:, 1] * y[row] + plane[:, 2]
        ray = row * len(x) + column
        np.maximum.at(greatest, ray, found)
        nearest = (found == greatest[ray]) & (found > 0.0)
        face[ray[nearest]] = rows[triangle[nearest]]
    depth = np.full(len(face), np.inf)
    np.divide(1.0, greatest, out=depth, where=face >= 0)
    shape = (len(y), len(x))
    return face.reshape(shape), depth.reshape(shape)


def _reach(
    corners: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """From where to where (M,) triangles reach along y, and the rows (K,) of those on the grid."""
    depth = corners[:, :, 2]
    ahead = (depth > 0.0).all(axis=1)
    safe = np.where(ahead[:, None], depth, 1.0)
    low = np.full((len(corners), 2), -np.inf)
    high = np.full((len(corners), 2), np.inf)
    for axis in (0, 1):
        seen = corners[:, :, axis] / safe
        room = ROUNDING * (1.0 + np.abs(seen).max(axis=1))
        low[ahead, axis] = (seen.min(axis=1) - room)[ahead]
        high[ahead, axis] = (seen.max(axis=1) + room)[ahead]
    kept = (depth > 0.0).any(axis=1)
    for axis, places in enumerate((x, y)):
        kept &= (low[:, axis] <= places[-1]) & (high[:, axis] >= places[0])
    return low[:, 1], high[:, 1], np.flatnonzero(kept)


def _sides(corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sides (M, 3, 3) and inverse depths (M, 3) of triangles, as linear functions of (x, y, 1).

    A ray ahead of the origin meets a triangle where none of its sides is negative. A triangle
    whose plane holds the origin has sides that are met nowhere.
    """
    ahead = np.roll(corners, -1, axis=1)
    sides = np.cross(corners, ahead)
    volume = np.einsum("mi,mi->m", sides[:, 0], corners[:, 2])
    sides = sides * np.sign(volume)[:, None, None]
    flat = volume == 0.0
    sides[flat] = (0.0, 0.0, -1.0)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return sides, normal / np.where(flat, np.inf, volume)[:, None]


def _between_sides(sides: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """From where to where (S,) along x no side of ``sides`` (S, 3, 3) is negative at ``y`` (S,)."""
    slope, rest = sides[:, :, 0], sides[:, :, 1] * y[:, None] + sides[:, :, 2]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        border = -rest / slope
    start = np.where(slope > 0.0, border, -np.inf).max(axis=1)
    end = np.where(slope < 0.0, border, np.inf).min(axis=1)
    never = ((slope == 0.0) & (rest < 0.0)).any(axis=1)
    return np.where(never, np.inf, start), np.where(never, -np.inf, end)
