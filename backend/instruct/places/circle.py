"""The circle that points go round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Circle:
    """A circle, or the cylinder over it.

    Attributes:
        middle: (3,) its middle, as high along the axis as the points on the whole.
        axis: (3,) unit.
        radius: of it.
        off: root of the mean square of the points' distances to it, across the axis.
        round: how far the points go round it, in radians.
    """

    middle: FloatArray
    axis: FloatArray
    radius: float
    off: float
    round: float


def fit_circle(points: FloatArray, axis: FloatArray) -> Circle:
    """The circle about ``axis`` (3,) that is nearest to ``points`` (N, 3) across it.

    The sum of the squares of ``|p - c|^2 - r^2`` is least (Kasa 1976), which is exact for points of
    a circle.

    >>> turns = np.linspace(0, np.pi, 9)
    >>> points = np.stack([3 + 2 * np.cos(turns), 2 * np.sin(turns), turns], axis=1)
    >>> circle = fit_circle(points, np.array([0.0, 0.0, 1.0]))
    >>> round(circle.radius, 6), circle.middle.round(3).tolist()[0], round(circle.round, 3)
    (2.0, 3.0, 3.142)
    """
    mean = points.mean(axis=0)
    across = np.linalg.svd(axis[None])[2][1:]
    flat = (points - mean) @ across.T
    system = np.column_stack([2.0 * flat, np.ones(len(flat))])
    solved = np.linalg.lstsq(system, (flat**2).sum(axis=1), rcond=None)[0]
    from_middle = flat - solved[:2]
    away = np.linalg.norm(from_middle, axis=1)
    radius = float(np.sqrt(max(solved[2] + solved[:2] @ solved[:2], 0.0)))
    turns = np.sort(np.arctan2(from_middle[:, 1], from_middle[:, 0]))
    gaps = np.diff(np.append(turns, turns[0] + 2.0 * np.pi))
    return Circle(
        mean + solved[:2] @ across,
        axis,
        radius,
        float(np.sqrt(((away - radius) ** 2).mean())),
        float(2.0 * np.pi - gaps.max()),
    )
