"""Where lines cross triangles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backend.arrays import FloatArray, IntArray

# Crossings this near to a line's own place, as a ratio of the size of all triangles, are of the
# face that it lies on.
OWN = 1e-7
CHUNK = 1_000_000


class Crossings(NamedTuple):
    """C crossings: which line (C,), which triangle (C,), and the height (C,) over the place."""

    line: IntArray
    triangle: IntArray
    height: FloatArray


def crossings(corners: FloatArray, places: FloatArray, direction: FloatArray) -> Crossings:
    """Where the lines through ``places`` along ``direction`` cross triangles, before and behind.

    A line does not cross the triangle that its place lies on.

    Args:
        corners: (M, 3, 3) of the triangles.
        places: (L, 3).
        direction: (3,) in which heights are counted, of any length.
    """
    axes = np.linalg.svd(direction[None, :])[2][[1, 2, 0]]
    axes[2] = direction / np.linalg.norm(direction)
    turned, lines = corners @ axes.T, places @ axes.T
    own = OWN * float(np.ptp(turned.reshape(-1, 3), axis=0).max())
    parts = [_crossed(turned, *pair, lines, own) for pair in _near(turned, lines)]
    return Crossings(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _near(corners: FloatArray, lines: FloatArray) -> list[tuple[IntArray, IntArray]]:
    """Pairs of a line and a triangle whose boxes meet across the lines, in parts."""
    order = np.argsort(lines[:, 0], kind="stable")
    x = lines[order, 0]
    first = np.searchsorted(x, corners[:, :, 0].min(axis=1), side="left")
    count = np.searchsorted(x, corners[:, :, 0].max(axis=1), side="right") - first
    met = np.flatnonzero(count > 0)
    ends = np.cumsum(count[met])
    total = int(ends[-1]) if len(ends) else 0
    starts = np.searchsorted(ends, np.arange(0, total, CHUNK), side="left")
    parts = []
    for rows in np.split(met, starts[1:]):
        triangle = np.repeat(rows, count[rows])
        step = np.arange(len(triangle)) - np.repeat(
            np.cumsum(count[rows]) - count[rows], count[rows]
        )
        line = order[first[triangle] + step]
        y, sides = lines[line, 1], corners[triangle, :, 1]
        near = (sides.min(axis=1) <= y) & (y <= sides.max(axis=1))
        parts.append((line[near], triangle[near]))
    return parts


def _crossed(
    corners: FloatArray, line: IntArray, triangle: IntArray, lines: FloatArray, own: float
) -> Crossings:
    """Which of the pairs (C,) meet, and how high."""
    flat = corners[triangle, :, :2] - lines[line, None, :2]
    ahead = np.roll(flat, -1, axis=1)
    # Twice the areas of the triangles between the line and each side.
    areas = flat[:, :, 0] * ahead[:, :, 1] - flat[:, :, 1] * ahead[:, :, 0]
    whole = areas.sum(axis=1)
    inside = ((areas >= 0.0).all(axis=1) | (areas <= 0.0).all(axis=1)) & (whole != 0.0)
    weights = np.roll(areas[inside], -1, axis=1) / whole[inside, None]
    line, triangle = line[inside], triangle[inside]
    height = (weights * corners[triangle, :, 2]).sum(axis=1) - lines[line, 2]
    apart = np.abs(height) > own
    return Crossings(line[apart], triangle[apart], height[apart])
