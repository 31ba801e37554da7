"""Boxes of the part frame that hold a feature of a part and little else.

A region of a template is a box along the axes. A feature is known by points of the surface, of
which some are its own. A box about its points is cut from the side that holds most of what is not
its own, until nearly all of what is left is (as the patient rule induction of Friedman and Fisher,
1999, does). Boxes that can become one are joined.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from shared_schema.locations import BoxRegion

# Share of the points in a box that are the feature's.
PURE = 0.97
# One box for the whole feature has to hold this share of its points.
WHOLE = 0.9
# Of the points in a box, a cut takes this share at a time.
CUT = 0.05
# A feature is cut into boxes until they hold this share of its points, or are so many.
COVERED = 0.7
MOST_OF_ONE = 4
# Features that are looked at; of more, those that come first.
MOST_FEATURES = 16
# A further box adds this share of the points that it holds, at least,
ADDED = 0.4
# and this share of those that the first one holds.
WORTH = 0.05
# A box holds this many points at least.
FEWEST = 5


@dataclass(frozen=True, eq=False)
class FoundBox:
    """A box, and what it holds.

    Attributes:
        low, high: (3,) its corners.
        rows: of the points in it that are a feature's, and are in no box before it.
    """

    low: FloatArray
    high: FloatArray
    rows: IntArray

    @property
    def region(self) -> BoxRegion:
        """The box for a template."""
        return BoxRegion(min=tuple(self.low.tolist()), max=tuple(self.high.tolist()))


def boxes_of(points: FloatArray, owner: IntArray, room: float, most: int) -> list[FoundBox]:
    """The boxes that hold the features among ``points``, those with the most points first.

    Args:
        points: (N, 3) of the surface, evenly by area or along edges.
        owner: (N,) number of the feature that each is of, in the order of preference; -1 for none.
        room: left around the points of a box.
        most: boxes.

    >>> grid = np.stack(np.meshgrid(*[np.arange(10.0)] * 3), axis=-1).reshape(-1, 3)
    >>> owner = np.where((grid[:, 0] < 3) & (grid[:, 2] > 5), 0, -1)
    >>> [box] = boxes_of(grid, owner, room=0.1, most=4)
    >>> box.low.tolist(), box.high.tolist()
    ([-0.1, -0.1, 5.9], [2.1, 9.1, 9.1])
    """
    numbers = np.unique(owner[owner >= 0])[:MOST_FEATURES]
    if len(numbers) == 0:
        return []
    search = _Search(points, owner, room)
    whole = search.cut(np.isin(owner, numbers))
    if whole is not None and len(whole.rows) >= WHOLE * np.isin(owner, numbers).sum():
        return [whole]
    joined: list[FoundBox] = []
    for number in numbers.tolist():
        for box in search.of_feature(number):
            search.join(joined, box)
    return _chosen(joined, len(points), most)


@dataclass(frozen=True, eq=False)
class _Search:
    points: FloatArray
    owner: IntArray
    room: float

    def of_feature(self, number: int) -> list[FoundBox]:
        """Boxes of one feature, until they hold most of it."""
        found: list[FoundBox] = []
        left = self.owner == number
        enough = (1.0 - COVERED) * left.sum()
        while left.sum() > enough and len(found) < MOST_OF_ONE:
            box = self.cut(left)
            if box is None:
                break
            found.append(box)
            left = left.copy()
            left[box.rows] = False
        return found

    def join(self, found: list[FoundBox], box: FoundBox) -> None:
        """Join ``box`` with the first of ``found`` with which it holds nothing else; or add it."""
        for at, other in enumerate(found):
            low, high = np.minimum(box.low, other.low), np.maximum(box.high, other.high)
            inside = self._inside(low, high)
            if self._pure(inside):
                found[at] = self._box(low, high, inside)
                return
        found.append(box)

    def cut(self, feature: BoolArray) -> FoundBox | None:
        """The box about the points of ``feature`` (N,), cut until it holds little else."""
        if feature.sum() < FEWEST:
            return None
        own = self.points[feature]
        low, high = own.min(axis=0) - self.room, own.max(axis=0) + self.room
        inside = self._inside(low, high)
        while not self._pure(inside):
            if not self._cut_once(inside, low, high):
                return None
            inside = inside[self._within(self.points[inside], low, high)]
            if (self.owner[inside] >= 0).sum() < FEWEST:
                return None
        return self._box(low, high, inside)

    def _cut_once(self, inside: IntArray, low: FloatArray, high: FloatArray) -> bool:
        """Cut ``low`` and ``high`` in place where the cut takes the least of the features."""
        foreign = self.owner[inside] < 0
        best, side = -1.0, None
        for axis in range(3):
            values = self.points[inside, axis]
            for sign in (1.0, -1.0):
                place = _after(sign * values, CUT)
                if place is None:
                    continue
                taken = sign * values < place
                share = float(foreign[taken].mean())
                if share > best:
                    best, side = share, (axis, sign, place)
        if side is None:
            return False
        axis, sign, place = side
        (low if sign > 0 else high)[axis] = sign * place
        return True

    def _inside(self, low: FloatArray, high: FloatArray) -> IntArray:
        return np.flatnonzero(self._within(self.points, low, high))

    @staticmethod
    def _within(points: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
        return np.asarray(((points >= low) & (points <= high)).all(axis=1))

    def _pure(self, inside: IntArray) -> bool:
        return bool((self.owner[inside] >= 0).mean() >= PURE)

    def _box(self, low: FloatArray, high: FloatArray, inside: IntArray) -> FoundBox:
        own = inside[self.owner[inside] >= 0]
        return FoundBox(low.copy(), high.copy(), own)


def _chosen(boxes: list[FoundBox], count: int, most: int) -> list[FoundBox]:
    """Up to ``most`` of the boxes, the next always the one that adds the most points."""
    held = np.zeros(count, dtype=bool)
    chosen: list[FoundBox] = []
    while boxes and len(chosen) < most:
        added = [replace(box, rows=box.rows[~held[box.rows]]) for box in boxes]
        at = max(range(len(boxes)), key=lambda n: len(added[n].rows))
        least = max(FEWEST, ADDED * len(boxes[at].rows))
        if chosen:
            least = max(least, WORTH * len(chosen[0].rows))
        if len(added[at].rows) < least:
            break
        chosen.append(added[at])
        held[added[at].rows] = True
        boxes = boxes[:at] + boxes[at + 1 :]
    return chosen


def _after(values: FloatArray, share: float) -> float | None:
    """A place that has a ``share`` of the ``values`` or more before it; None if all are equal.

    It lies between two values: points of one face are not divided by their rounding.
    """
    least = np.partition(values, int(share * len(values)))[int(share * len(values))]
    scale = 1e-6 * float(np.ptp(values))
    later = values[values > least + scale]
    return None if len(later) == 0 else float((least + later.min()) / 2.0)
