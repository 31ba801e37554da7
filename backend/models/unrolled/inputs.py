"""What the network sees of a scan, and the score that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.arrays import Float32Array, FloatArray
from backend.models.unrolled.height_map import (
    FARTHEST,
    HeightMap,
    blurred,
    blurred_where,
)
from backend.models.unrolled.matching import Deviation
from backend.models.unrolled.spread import Spread

# Blurs in cells: of the quantities whose spread is taken, and of the score.
MAGNITUDE_BLUR, MISSING_BLUR, SCORE_BLUR, WIDE_BLUR = 0.7, 1.2, 2.5, 2.0
# The spread is nowhere smaller than what a sensor does to a perfect part.
MAGNITUDE_FLOOR, MISSING_FLOOR = 0.075, 0.1
MISSING_SHARE = 0.5
LARGEST_RATIO = 30.0
ROUGHEST = 3.0 / 0.4


@dataclass(frozen=True, eq=False)
class Compared:
    """A scan's map with its deviations from nominal, by window size, the largest first."""

    height_map: HeightMap
    deviations: Sequence[Deviation]

    @property
    def magnitude(self) -> FloatArray:
        """(R, C) in cells."""
        return blurred_where(self.deviations[0].magnitude, self.height_map.seen, MAGNITUDE_BLUR)

    @property
    def missing(self) -> FloatArray:
        """(R, C) share of nominal surface that is not there."""
        return blurred(self.deviations[0].missing, MISSING_BLUR)


@dataclass(frozen=True, eq=False)
class NominalSpread:
    """How much nominal scans deviate at each place.

    Attributes:
        magnitude, missing: of the quantities of that name of ``Compared``.
    """

    magnitude: Spread
    missing: Spread

    @classmethod
    def fit(cls, scans: Sequence[Compared]) -> NominalSpread:
        """From nominal scans that were compared with others than themselves."""
        tilts = [scan.height_map.tilt for scan in scans]
        seen = [scan.height_map.seen for scan in scans]
        everywhere = [np.ones_like(mask) for mask in seen]
        return cls(
            Spread.fit([scan.magnitude for scan in scans], seen, tilts, MAGNITUDE_FLOOR),
            Spread.fit([scan.missing for scan in scans], everywhere, tilts, MISSING_FLOOR),
        )


def ratio(scan: Compared, spread: NominalSpread) -> Float32Array:
    """(R, C) deviation in units of its nominal spread, and half of that of missing surface."""
    height_map = scan.height_map
    present = scan.magnitude / spread.magnitude.at(height_map.tilt)
    missing = scan.missing / spread.missing.at(height_map.tilt)
    score = blurred_where(present, height_map.seen, SCORE_BLUR)
    total: Float32Array = (score + MISSING_SHARE * blurred(missing, SCORE_BLUR)).astype(np.float32)
    return total


def network_inputs(scan: Compared, spread: NominalSpread) -> Float32Array:
    """(F, R, C): eight maps of the scan and its spread, five of each window size."""
    height_map = scan.height_map
    usual = spread.magnitude.at(height_map.tilt)
    count = height_map.counts
    inside = np.abs(height_map.offsets - height_map.at_points(height_map.height))
    roughness = height_map.sums(np.minimum(inside, ROUGHEST)) / np.maximum(count, 1)
    far = height_map.sums((np.abs(height_map.offsets) >= FARTHEST).astype(np.float32)) > 0
    wide = blurred_where(scan.deviations[0].magnitude, height_map.seen, WIDE_BLUR)
    channels = [
        np.log1p(np.clip(scan.magnitude / usual, 0.0, LARGEST_RATIO)),
        0.5 * np.clip(wide / usual, 0.0, 8.0),
        np.log(usual) + 1.0,
        height_map.seen,
        np.clip(1.6 * roughness, 0.0, 4.0),
        far,
        0.5 * np.log1p(count),
        scan.deviations[0].windows > 0,
    ]
    for part in scan.deviations:
        channels += [
            np.clip(1.6 * part.signed, -4.0, 4.0),
            np.clip(1.6 * part.magnitude, 0.0, 4.0),
            2.0 * part.missing,
            3.2 * part.disagreement,
            3.2 * part.cost,
        ]
    return np.stack(channels).astype(np.float32)
