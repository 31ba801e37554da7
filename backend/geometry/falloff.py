"""How an effect fades with distance; formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray
from shared_schema.constants import FORMULA_CONSTANTS, Falloff


def smoothstep(t: FloatArray) -> FloatArray:
    """t² (3 − 2t) with t clipped to [0, 1].

    >>> smoothstep(np.array([-1.0, 0.0, 0.5, 1.0, 2.0]))
    array([0. , 0. , 0.5, 1. , 1. ])
    """
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def falloff(u: FloatArray, kind: Falloff) -> FloatArray:
    """Weight at ``u`` = distance / radius (any shape, ≥ 0): 1 at 0, and 0 from 1 on.

    >>> falloff(np.array([0.0, 0.5, 1.0, 2.0]), Falloff.COSINE)
    array([1. , 0.5, 0. , 0. ])
    """
    return _FALLOFFS[kind](np.clip(u, 0.0, 1.0))


def _cosine(u: FloatArray) -> FloatArray:
    return 0.5 * (1.0 + np.cos(np.pi * u))


def _linear(u: FloatArray) -> FloatArray:
    return 1.0 - u


def _gaussian(u: FloatArray) -> FloatArray:
    spread = 2.0 * FORMULA_CONSTANTS["gaussian_sigma"] ** 2
    end = np.exp(-1.0 / spread)
    return (np.exp(-u * u / spread) - end) / (1.0 - end)


def _flat(u: FloatArray) -> FloatArray:
    plateau = FORMULA_CONSTANTS["flat_plateau"]
    return 1.0 - smoothstep((u - plateau) / (1.0 - plateau))


_FALLOFFS = {
    Falloff.COSINE: _cosine,
    Falloff.LINEAR: _linear,
    Falloff.GAUSSIAN: _gaussian,
    Falloff.FLAT: _flat,
}
