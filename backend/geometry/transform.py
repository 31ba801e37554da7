"""Transforms of rotation, uniform scale and shift: (4, 4), column vectors, ``T_target_source``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray


def rotation_of(transform: FloatArray) -> FloatArray:
    """The rotation (3, 3) in ``transform``."""
    linear = transform[:3, :3]
    return linear / np.cbrt(np.linalg.det(linear))


def transform_points(transform: FloatArray, points: FloatArray) -> FloatArray:
    """``points`` (N, 3) seen through ``transform``."""
    return points @ transform[:3, :3].T + transform[:3, 3]
