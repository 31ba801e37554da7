"""Roughness by position and seed: a sum of plane waves (``docs/reference/defects.md``)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.arrays import FloatArray
from shared_schema.constants import FORMULA_CONSTANTS


def noise(positions: FloatArray, wavelength: float, seed: int) -> FloatArray:
    """Noise in [−1, 1], shape (N,), at ``positions`` (N, 3); ``wavelength`` is the longest one.

    >>> values = noise(np.random.default_rng(0).uniform(size=(1000, 3)), wavelength=0.5, seed=1)
    >>> bool((abs(values) <= 1.0).all())
    True
    """
    total = np.zeros(len(positions))
    for wave_vector, phase in waves(seed):
        total += np.sin(positions @ (wave_vector * (2.0 * np.pi / wavelength)) + phase)
    return np.clip(total / FORMULA_CONSTANTS["noise_scale"], -1.0, 1.0)


def waves(seed: int) -> list[tuple[FloatArray, float]]:
    """Wave vectors (3,), in multiples of 2π / wavelength, and phases that follow from ``seed``."""
    numbers = _generator(seed)
    found = []
    for _ in range(int(FORMULA_CONSTANTS["noise_waves"])):
        a, b = next(numbers)
        z, theta = 2.0 * a - 1.0, 2.0 * np.pi * b
        a, b = next(numbers)
        flat = np.sqrt(1.0 - z * z)
        direction = np.array([flat * np.cos(theta), flat * np.sin(theta), z])
        found.append((direction * (1.0 + b), 2.0 * np.pi * a))
    return found


def _generator(seed: int) -> Iterator[tuple[float, float]]:
    """Pairs in (0, 1) from two multiplicative generators, each step exact in single precision."""
    modulus_a, factor_a, modulus_b, factor_b = (
        int(FORMULA_CONSTANTS[f"noise_{name}"])
        for name in ("modulus_a", "factor_a", "modulus_b", "factor_b")
    )
    a = 1 + seed % (modulus_a - 1)
    b = 1 + (seed // (modulus_a - 1)) % (modulus_b - 1)
    while True:
        a, b = factor_a * a % modulus_a, factor_b * b % modulus_b
        yield a / modulus_a, b / modulus_b
