"""Raw deviations as -log10 of how rarely nominal points reach them.

In this common unit different channels (network, prototypes, descriptors) can be averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from backend.arrays import FloatArray

DECADES = 3.0
STEPS = 61
LARGEST_SCORE = 12.0


@dataclass(frozen=True, eq=False)
class TailTable:
    """Quantiles (61,) of nominal deviations at tail probabilities 1 … 0.001, in equal log steps."""

    quantiles: FloatArray

    @classmethod
    def fit(cls, deviations: ArrayLike) -> TailTable:
        """From the deviations (N,) of held-out nominal points."""
        values = np.asarray(deviations, np.float64)
        quantiles = np.quantile(values, 1.0 - 10.0 ** -tail_levels())
        return cls(np.maximum.accumulate(quantiles))

    def score(self, deviations: ArrayLike) -> FloatArray:
        """(N,) scores; beyond the table the last decade goes on as an exponential tail."""
        values = np.asarray(deviations, np.float64)
        last = self.quantiles[-1]
        decade = last - np.interp(DECADES - 1.0, tail_levels(), self.quantiles)
        inside = np.interp(values, self.quantiles, tail_levels())
        beyond = np.maximum(values - last, 0.0) / max(decade, 1e-9)
        return np.minimum(inside + beyond, LARGEST_SCORE)


def tail_levels() -> FloatArray:
    """-log10 of the tail probabilities of the table, (61,)."""
    return np.linspace(0.0, DECADES, STEPS)
