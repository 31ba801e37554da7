"""How much nominal scans deviate at each place of the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.arrays import Float32Array, FloatArray
from backend.models.unrolled.height_map import blurred

# Places lend each other strength along a row rather than across: edges run around the part.
LENT_ALONG, LENT_AROUND = 1.0, 4.0
TILT_WIDTH = 0.1
KNOTS_APART = 0.05
MOST_KNOTS = 41
# Scans seen from elsewhere still say a little.
LEAST_SAY = 1e-3
SEEN_ENOUGH = 0.3
# A place is believed as much as its row when half as many scans as usual have seen it.
SHRINKAGE = 0.5


@dataclass(frozen=True, eq=False)
class Spread:
    """Root mean square of a nominal quantity by place and by the direction that it is seen from.

    Attributes:
        tilts: (K,) ascending.
        values: (K, R, C), the spread at each of them.
    """

    tilts: FloatArray
    values: Float32Array

    @classmethod
    def fit(
        cls,
        fields: Sequence[Float32Array | FloatArray],
        seen: Sequence[Float32Array],
        tilts: Sequence[float],
        floor: float,
    ) -> Spread:
        """From a quantity (R, C) of each nominal scan, where it is seen, and the scan's tilt.

        Args:
            floor: what the spread is nowhere below, in the quantity's unit.
        """
        lent = (LENT_ALONG, LENT_AROUND)
        squares = np.stack([blurred(f**2 * s, lent) for f, s in zip(fields, seen, strict=True)])
        weights = np.stack([blurred(s, lent) for s in seen])
        own = np.asarray(tilts, dtype=np.float64)
        count = int(np.clip(np.ceil(np.ptp(own) / KNOTS_APART) + 1, 1, MOST_KNOTS))
        knots = np.linspace(own.min(), own.max(), count)
        say = np.exp(-0.5 * ((knots[:, None] - own) / TILT_WIDTH) ** 2) + LEAST_SAY
        total, weight = (np.tensordot(say, part, 1) for part in (squares, weights))
        values = [_shrunk(t, w) + floor**2 for t, w in zip(total, weight, strict=True)]
        # Rounded as model files hold them.
        return cls(knots, np.sqrt(values).astype(np.float16).astype(np.float32))

    def at(self, tilt: float) -> Float32Array:
        """(R, C) for a scan of this tilt."""
        place = np.interp(tilt, self.tilts, np.arange(len(self.tilts)))
        low = int(place)
        high = min(low + 1, len(self.tilts) - 1)
        share = np.float32(place - low)
        return (1 - share) * self.values[low] + share * self.values[high]


def _shrunk(total: FloatArray, weight: FloatArray) -> FloatArray:
    """Mean squares (R, C), drawn towards their row's where little was seen."""
    row = total.sum(axis=1, keepdims=True) / np.maximum(weight.sum(axis=1, keepdims=True), 1e-6)
    usual = weight[weight > SEEN_ENOUGH]
    prior = SHRINKAGE * float(np.median(usual)) if len(usual) else 1.0
    return (total + prior * row) / (weight + prior)
