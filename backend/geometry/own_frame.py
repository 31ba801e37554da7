"""The frame that a set of points has of its own, and that turns and moves with it."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray


def own_frame(points: FloatArray) -> FloatArray:
    """``T_own_points`` (4, 4), a rigid motion: middle to the origin, principal axes to x, y, z.

    The widest axis comes first. Each points to where the points reach farther (their third moment
    is positive), but for the last, which makes the frame right-handed. Of points that are as wide
    one way as another the frame is one of many, yet the same for the same points in any pose.

    Args:
        points: (N, 3).

    >>> points = np.random.default_rng(0).normal(size=(50, 3)) * [1.0, 5.0, 2.0] + 10.0
    >>> T_own_points = own_frame(points)
    >>> own = points @ T_own_points[:3, :3].T + T_own_points[:3, 3]
    >>> own.std(axis=0).argsort()[::-1]  # the widest axis comes first
    array([0, 1, 2])
    """
    middle = points.mean(axis=0)
    arms = points - middle
    axes = np.linalg.eigh(arms.T @ arms)[1].T[::-1]
    axes = axes * np.where(((arms @ axes.T) ** 3).sum(axis=0) < 0.0, -1.0, 1.0)[:, None]
    axes[2] = np.cross(axes[0], axes[1])
    transform = np.eye(4)
    transform[:3, :3] = axes
    transform[:3, 3] = -axes @ middle
    return transform
