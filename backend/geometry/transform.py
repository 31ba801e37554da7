"""Transforms of rotation, uniform scale and shift: (4, 4), column vectors, ``T_target_source``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray


def rotation_of(transform: FloatArray) -> FloatArray:
    """The rotation (3, 3) in ``transform``.

    >>> turn = np.diag([-2.0, -2.0, 2.0, 1.0])  # half a turn about z, and twice as large
    >>> rotation_of(turn).diagonal()
    array([-1., -1.,  1.])
    """
    linear = transform[:3, :3]
    return linear / np.cbrt(np.linalg.det(linear))


def transform_points(transform: FloatArray, points: FloatArray) -> FloatArray:
    """``points`` (N, 3) seen through ``transform``.

    >>> transform_points(np.diag([10.0, 10.0, 10.0, 1.0]), np.array([[0.1, 0.2, 0.3]]))  # cm to mm
    array([[1., 2., 3.]])
    """
    return points @ transform[:3, :3].T + transform[:3, 3]
