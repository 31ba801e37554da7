"""Anomalous points that hang together: where a defect is, how large, and how deep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads
from backend.models.family import Heights

# Anomalous points hang together up to LINK times the usual distance of a sixth neighbour.
NEIGHBORS, LINK = 6, 1.7
# On an evenly thinned surface, the disc that reaches to the sixth neighbour holds this many points.
POINTS_IN_REACH = 6.3
FEWEST_POINTS = 3
# Anomalous surface goes on beyond its outermost points, by this much on both sides together.
RIM = 0.5


@dataclass(frozen=True)
class RegionDeviation:
    """How far a region is off the usual surface, in the unit of the scan; outwards is positive.

    Attributes:
        lowest, highest, mean: of its points.
        uncertainty: standard deviation of nominal scans at its places, as a root mean square.
    """

    lowest: float
    highest: float
    mean: float
    uncertainty: float

    def scaled(self, factor: float) -> RegionDeviation:
        """The same in another unit."""
        return RegionDeviation(**{name: value * factor for name, value in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Region:
    """An area of anomalous points. Lengths are in the unit of the scan.

    Attributes:
        rows: (R,) its points among the M thinned ones.
        area: of its surface.
        extent: its length along ``direction``, the largest that it has.
        width: its length across that.
        center: (3,) in the scan's frame.
        direction: (3,) unit, in the same frame; it may point either way.
        center_in_part: (3,) in the frame of the nominal model, where there is one.
        direction_in_part: (3,) likewise.
        score: mean of its points' scores.
        deviation: from the nominal surface, where there is one.
        kinds: the probability of each kind of defect that the detector tells apart, the likeliest
            first; empty where it tells none.

    >>> result = detector.score(scans[0].points, scans[0].normals)  # that of ``train``'s example
    >>> all(isinstance(region, fs.Region) for region in result.regions)
    True
    """

    rows: IntArray
    area: float
    extent: float
    width: float
    center: FloatArray
    direction: FloatArray
    center_in_part: FloatArray | None
    direction_in_part: FloatArray | None
    score: float
    deviation: RegionDeviation | None
    kinds: Mapping[str, float]

    @property
    def kind(self) -> str | None:
        """The likeliest kind of defect; None where the detector tells none."""
        return next(iter(self.kinds), None)

    def scaled(self, factor: float) -> Region:
        """The same with all lengths times ``factor``."""
        placed = self.center_in_part
        return replace(
            self,
            area=self.area * factor**2,
            extent=self.extent * factor,
            width=self.width * factor,
            center=self.center * factor,
            center_in_part=None if placed is None else placed * factor,
            deviation=None if self.deviation is None else self.deviation.scaled(factor),
        )


@dataclass(frozen=True, eq=False)
class ThinSurface:
    """M evenly thinned points of a scan, and how far apart they usually are.

    Attributes:
        points: (M, 3).
        reach: (M,) distance to the sixth nearest other point.
    """

    points: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, points: FloatArray) -> ThinSurface:
        """From ``points`` (M, 3)."""
        count = min(NEIGHBORS + 1, len(points))
        distances, _ = cKDTree(points).query(points, k=count, workers=threads())
        return cls(points, np.asarray(distances).reshape(len(points), count)[:, -1])

    @property
    def apart(self) -> float:
        """The usual distance to the sixth nearest other point."""
        return float(np.median(self.reach))

    def components(self, chosen: BoolArray) -> list[IntArray]:
        """Rows of the ``chosen`` (M,) points that hang together, of each component."""
        rows = np.flatnonzero(chosen)
        if len(rows) == 0:
            return []
        pairs = cKDTree(self.points[rows]).query_pairs(LINK * self.apart, output_type="ndarray")
        links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(rows), len(rows)))
        count, label = connected_components(links, directed=False)
        order = np.argsort(label, kind="stable")
        return np.split(rows[order], np.cumsum(np.bincount(label, minlength=count))[:-1])

    def extent(self, rows: IntArray) -> float:
        """Largest length of the surface that the points in ``rows`` stand for."""
        return float(_along(self.points[rows])[1][0]) + RIM * self.apart

    def largest_extent(self, chosen: BoolArray) -> float:
        """Of the components of the ``chosen`` (M,) points, in units of ``apart``; 0 without any."""
        parts = [rows for rows in self.components(chosen) if len(rows) >= FEWEST_POINTS]
        return max((self.extent(rows) for rows in parts), default=0.0) / self.apart

    def area(self, rows: IntArray) -> float:
        """Of the surface that the points in ``rows`` stand for."""
        # Where they are sparser than usual, as along an outline, the surface does not go on.
        reach = np.minimum(self.reach[rows], LINK * self.apart)
        return float(np.pi * (reach**2).sum() / POINTS_IN_REACH)


def find_regions(
    surface: ThinSurface,
    scores: FloatArray,
    threshold: float,
    heights: Heights | None = None,
    in_part: FloatArray | None = None,
) -> list[Region]:
    """The regions of a scan, the one with the most score on the most area first; without kinds.

    Args:
        surface: M points.
        scores: (M,) of them.
        threshold: above which a point is anomalous.
        heights: over the nominal surface, where there is one.
        in_part: (M, 3) the points in the frame of the nominal model, where there is one.
    """
    found = []
    for rows in surface.components(scores > threshold):
        if len(rows) < FEWEST_POINTS:
            continue
        axes, lengths = _along(surface.points[rows])
        placed = None if in_part is None else in_part[rows]
        found.append(
            Region(
                rows,
                surface.area(rows),
                float(lengths[0]) + RIM * surface.apart,
                float(lengths[1]) + RIM * surface.apart,
                surface.points[rows].mean(axis=0),
                axes[0],
                None if placed is None else placed.mean(axis=0),
                None if placed is None else _along(placed)[0][0],
                float(scores[rows].mean()),
                None if heights is None else _deviation(heights, rows),
                {},
            )
        )
    weight = [(one.score - threshold) * one.area for one in found]
    return [found[row] for row in np.argsort(weight, kind="stable")[::-1]]


def region_numbers(regions: Sequence[Region], count: int) -> IntArray:
    """(M,) the number of the region that each of ``count`` points is in, from 1; 0 for none."""
    numbers = np.zeros(count, np.int64)
    for number, region in enumerate(regions, 1):
        numbers[region.rows] = number
    return numbers


def _along(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Principal axes (3, 3), the longest first, and the lengths (3,) of ``points`` (R, 3) there."""
    centered = points - points.mean(axis=0)
    axes = np.linalg.eigh(centered.T @ centered)[1].T[::-1]
    lengths = np.ptp(centered @ axes.T, axis=0)
    order = np.argsort(lengths, kind="stable")[::-1]
    return axes[order], lengths[order]


def _deviation(heights: Heights, rows: IntArray) -> RegionDeviation:
    signed, spread = heights.signed[rows], heights.spread[rows]
    uncertainty = float(np.sqrt((spread**2).mean()))
    return RegionDeviation(
        float(signed.min()), float(signed.max()), float(signed.mean()), uncertainty
    )
