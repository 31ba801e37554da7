"""The outline whose turning about the axis makes a category's parts, learned from its scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.models.unrolled.axis_frame import AxisFrame

# Normals that lean less away from or towards the axis tell no radius.
LEAST_RADIAL = 0.3
FEWEST_IN_BIN = 5
BINS_PER_CELL = 2
# Profiles that differ by more cells than this differ.
LARGEST_MISFIT = 4.0
ROUNDS = 2
# The outline has what this share of the scans show.
COMMON = 0.25
STRAIGHT = 1.0
FACING_END = 0.7
INNERMOST = 0.05
# A gap of fewer cells does not part a bore in two.
THROUGH = 10.0
# A point costs this many cells' distance to a segment that it does not face.
TURNED_AWAY = 8.0
FACING = -0.2


@dataclass(frozen=True, eq=False)
class Profile:
    """Median radii of a scan by bins along the axis.

    Attributes:
        radii: (2, B) of what faces outwards and of what faces the axis; NaN where there is none.
        first: z of the first bin's lower end, in bins.
        width: of a bin.
    """

    radii: FloatArray
    first: int
    width: float

    @classmethod
    def of(cls, scan: AxisFrame, width: float) -> Profile:
        """From a scan in its axis frame."""
        bins = np.floor(scan.place[:, 0] / width).astype(np.int64)
        first, count = int(bins.min()), int(np.ptp(bins)) + 1
        facing = scan.normal[:, 1] * np.array([[1.0], [-1.0]]) > LEAST_RADIAL
        radii = [_binned_median(bins[rows] - first, scan.place[rows, 1], count) for rows in facing]
        return cls(np.stack(radii), first, width)

    def on(self, first: int, count: int) -> FloatArray:
        """Its radii (2, count) from bin ``first`` on, NaN beyond its ends."""
        out = np.full((2, count), np.nan)
        low, high = max(first, self.first), min(first + count, self.first + self.radii.shape[1])
        if high > low:
            out[:, low - first : high - first] = self.radii[:, low - self.first : high - self.first]
        return out


def _binned_median(bins: IntArray, values: FloatArray, count: int) -> FloatArray:
    """Median (count,) of the values in each bin; NaN where there are fewer than five."""
    order = np.lexsort((values, bins))
    sizes = np.bincount(bins, minlength=count)
    middle = np.cumsum(sizes) - sizes + sizes // 2
    out = np.full(count, np.nan)
    enough = sizes >= FEWEST_IN_BIN
    out[enough] = values[order][middle[enough]]
    return out


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of a category.

    Attributes:
        profile: the common profile, that scans are aligned to.
        corners: (K, 2) z and radius of a polyline with the material on its right as z goes to the
            right and the radius up: the outside along the axis, then the inside back.
        cell: edge length of the cells that it will be cut into.
    """

    profile: Profile
    corners: FloatArray
    cell: float

    @classmethod
    def fit(cls, scans: Sequence[AxisFrame], cell: float) -> Outline:
        """From nominal scans in their axis frames."""
        width = cell / BINS_PER_CELL
        middle = -float(np.median(scans[0].place[:, 0]))
        common = Profile.of(scans[0].moved(1.0, middle), width)
        for _ in range(ROUNDS):
            aligned = [scan.moved(*alignment(scan, common, cell)) for scan in scans]
            common = _common([Profile.of(scan, width) for scan in aligned])
        return cls(common, outline(common, aligned, cell), cell)

    def aligned(self, scan: AxisFrame) -> AxisFrame:
        """``scan`` in the category's frame."""
        return scan.moved(*alignment(scan, self.profile, self.cell))

    @property
    def length(self) -> float:
        """Of the outline."""
        return float(np.linalg.norm(np.diff(self.corners, axis=0), axis=1).sum())

    def unroll(self, scan: AxisFrame) -> tuple[FloatArray, FloatArray]:
        """Arc length (N,) along the outline and height (N,) over it, of each point.

        Each goes to the nearest segment, if possible to one that its normal does not turn away
        from.

        Args:
            scan: aligned.
        """
        step = np.diff(self.corners, axis=0)
        length = np.linalg.norm(step, axis=1)
        along = step / length[:, None]
        outward = np.stack([-along[:, 1], along[:, 0]], axis=1)
        start = np.cumsum(length) - length
        arc, height = np.zeros((2, len(scan.place)))
        best = np.full(len(scan.place), np.inf)
        for number in range(len(step)):
            offset = scan.place - self.corners[number]
            inside = np.clip(offset @ along[number], 0.0, length[number])
            rest = offset - inside[:, None] * along[number]
            squared = np.einsum("ni,ni->n", rest, rest)
            away = scan.normal @ outward[number] < FACING
            cost = squared + np.where(away, (TURNED_AWAY * self.cell) ** 2, 0.0)
            nearer = cost < best
            best[nearer] = cost[nearer]
            arc[nearer] = start[number] + inside[nearer]
            side = np.where(rest @ outward[number] < 0.0, -1.0, 1.0)
            height[nearer] = (side * np.sqrt(squared))[nearer]
        return arc, height


def alignment(scan: AxisFrame, profile: Profile, cell: float) -> tuple[float, float]:
    """Sign and shift that bring ``scan`` onto ``profile``."""
    found = [(*_shift(scan.moved(sign, 0.0), profile, cell), sign) for sign in (1.0, -1.0)]
    _, shift, sign = min(found)
    return sign, shift


def _shift(scan: AxisFrame, profile: Profile, cell: float) -> tuple[float, float]:
    """Misfit of the best shift along the axis, and the shift."""
    own = Profile.of(scan, profile.width)
    count = own.radii.shape[1]
    # From touching at one end to touching at the other.
    starts = np.arange(
        profile.first - count // 2, profile.first + profile.radii.shape[1] - count // 2
    )
    misfits = np.array([_misfit(own.radii, profile, int(start), cell) for start in starts])
    best = int(np.argmin(misfits))
    shift = float(starts[best] - own.first)
    if 0 < best < len(starts) - 1:
        before, here, after = misfits[best - 1 : best + 2]
        curvature = before - 2.0 * here + after
        shift += 0.5 * (before - after) / curvature if curvature > 0.0 else 0.0
    return float(misfits[best]), shift * profile.width


def _misfit(radii: FloatArray, profile: Profile, start: int, cell: float) -> float:
    """Mean difference of radii whose first bin lies at ``start``, limited to four cells.

    A bin that only one of the two has counts half of that.
    """
    count = radii.shape[1]
    first = min(start, profile.first)
    total = max(start + count, profile.first + profile.radii.shape[1]) - first
    own = np.full((2, total), np.nan)
    own[:, start - first : start - first + count] = radii
    difference = np.abs(own - profile.on(first, total))
    either = np.isfinite(own) | np.isfinite(profile.on(first, total))
    limit = LARGEST_MISFIT * cell
    limited = np.where(np.isnan(difference), 0.5 * limit, np.minimum(difference, limit))
    return float(limited[either].mean())


def _common(profiles: Sequence[Profile]) -> Profile:
    """Median of profiles, where at least a quarter of them have anything."""
    first = min(profile.first for profile in profiles)
    last = max(profile.first + profile.radii.shape[1] for profile in profiles)
    stacked = np.stack([profile.on(first, last - first) for profile in profiles])
    shown = np.isfinite(stacked).mean(axis=0) >= COMMON
    radii = np.full(stacked.shape[1:], np.nan)
    radii[shown] = np.nanmedian(stacked[:, shown], axis=0)
    return Profile(radii, first, profiles[0].width)


def outline(profile: Profile, scans: Sequence[AxisFrame], cell: float) -> FloatArray:
    """Corners (K, 2): the outside from the lower end to the upper, bores and faces at the ends.

    A bore that only one end opens to is run through from its bottom at the lower end, towards its
    bottom at the upper. One that goes all through closes the outline to a ring.
    """
    z = (profile.first + np.arange(profile.radii.shape[1]) + 0.5) * profile.width
    outer, inner = (np.stack([z, radii], axis=1)[np.isfinite(radii)] for radii in profile.radii)
    if not len(outer):
        return simplified(inner[::-1], STRAIGHT * cell)
    if not len(inner):
        ends = [end_face(scans, outer[row], sign, cell) for row, sign in ((0, -1.0), (-1, 1.0))]
        return simplified(np.concatenate([ends[0], outer, ends[1]]), STRAIGHT * cell)
    to_lower = inner[:, 0] - outer[0, 0] < outer[-1, 0] - inner[:, 0]
    lower, upper = inner[to_lower][::-1], inner[~to_lower][::-1]
    if len(lower) and len(upper) and upper[-1, 0] - lower[0, 0] < THROUGH * cell:
        path = [outer, inner[::-1], outer[:1]]
    else:
        path = [
            lower if len(lower) else end_face(scans, outer[0], -1.0, cell),
            outer,
            upper if len(upper) else end_face(scans, outer[-1], 1.0, cell),
        ]
    return simplified(np.concatenate(path), STRAIGHT * cell)


def end_face(
    scans: Sequence[AxisFrame], corner: FloatArray, sign: float, cell: float
) -> FloatArray:
    """Where the face at one end of the outside, at ``corner`` (2,), goes to: (1, 2), or none."""
    found = []
    for scan in scans:
        faces = sign * scan.normal[:, 0] > FACING_END
        near = np.abs(scan.place[:, 0] - corner[0]) < LARGEST_MISFIT * cell
        found.append(scan.place[faces & near & (scan.place[:, 1] < corner[1])])
    face = np.concatenate(found)
    if len(face) < FEWEST_IN_BIN * len(scans):
        return np.empty((0, 2))
    return np.array([[np.median(face[:, 0]), np.quantile(face[:, 1], INNERMOST)]])


def simplified(corners: FloatArray, tolerance: float) -> FloatArray:
    """The polyline through the fewest of ``corners`` that leaves none farther than ``tolerance``.

    Douglas & Peucker, "Algorithms for the reduction of the number of points required to represent
    a digitized line", 1973; a closed line is cut at the corner farthest from its ends.
    """
    chord = corners[-1] - corners[0]
    length = float(np.linalg.norm(chord))
    offset = corners - corners[0]
    if length > tolerance:
        inside = np.clip(offset @ chord / length**2, 0.0, 1.0)
        offset = offset - inside[:, None] * chord
    distance = np.linalg.norm(offset, axis=1)
    farthest = int(np.argmax(distance))
    if distance[farthest] <= tolerance or len(corners) < 3:
        return corners[[0, -1]]
    halves = (corners[: farthest + 1], corners[farthest:])
    first, second = (simplified(half, tolerance) for half in halves)
    return np.concatenate([first, second[1:]])
