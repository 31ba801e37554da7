"""Rotations and directions, spread evenly over all there are."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from backend.arrays import FloatArray

# The constants phi and psi of the super-Fibonacci spiral.
PHI = np.sqrt(2.0)
PSI = 1.533751168755204288118041413
GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


def even_rotations(count: int) -> FloatArray:
    """``count`` rotation matrices (count, 3, 3), as evenly spread as a super-Fibonacci spiral is.

    Alexa, "Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3)" (CVPR 2022).

    >>> even_rotations(100).shape
    (100, 3, 3)
    """
    s = np.arange(count) + 0.5
    t = s / count
    a, b = 2.0 * np.pi * s / PHI, 2.0 * np.pi * s / PSI
    inner, outer = np.sqrt(t), np.sqrt(1.0 - t)
    quaternions = [inner * np.sin(a), inner * np.cos(a), outer * np.sin(b), outer * np.cos(b)]
    return np.asarray(Rotation.from_quat(np.stack(quaternions, axis=1)).as_matrix())


def even_directions(count: int, rng: np.random.Generator) -> FloatArray:
    """Unit vectors (count, 3) on a Fibonacci spiral over the sphere, the whole turned at random.

    >>> directions = even_directions(100, np.random.default_rng(0))
    >>> directions.shape, bool(np.allclose(np.linalg.norm(directions, axis=1), 1.0))
    ((100, 3), True)
    """
    height = 1.0 - 2.0 * (np.arange(count) + 0.5) / count
    angle = GOLDEN_ANGLE * np.arange(count)
    flat = np.sqrt(1.0 - height * height)
    spiral = np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=1)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return spiral @ turn.T
