"""Where on the part defects are found from which size on.

The surface is divided into patches of about the same extent on one side of the part. At a patch,
the curve is moved along the size until it is the most likely for the hits and misses there. Its
steepness is that of the whole part, since a patch has too few defects to tell it. The bounds are
those of the likelihood ratio; the steepness and the curve of the other patches are left open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import chi2
from statsmodels.discrete.discrete_model import BinaryResults

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.evaluation.pod.curve import (
    FALL_OF_LIKELIHOOD,
    FEWEST_OF_EACH,
    Fit,
    crossing,
    fitted,
)
from backend.evaluation.pod.links import PREDICTORS
from shared_schema.pod import PodPlace, PodPlaceSize

# Sides of a wall are apart by this share of the diagonal times the difference of their normals.
NORMALS = 0.25
# So many defects a patch, so that most have enough of them, and how many patches at most.
DEFECTS_A_PLACE, MOST_PLACES = 10, 24


@dataclass(frozen=True, eq=False)
class Patches:
    """A division of the surface of a part.

    Attributes:
        centers, normals: (P, 3) in the part frame.
        diagonal: of the part.
    """

    centers: FloatArray
    normals: FloatArray
    diagonal: float

    @classmethod
    def of(cls, cloud: PointCloud, count: int) -> Patches:
        """``count`` patches of ``cloud``, each about a point far from those of the others."""
        assert cloud.normals is not None  # scans are prepared with outward normals
        features = _features(cloud.points, cloud.normals, cloud.part_diagonal)
        rows = [int(((features - features.mean(axis=0)) ** 2).sum(axis=1).argmin())]
        away = np.full(len(features), np.inf)
        while len(rows) < min(count, len(features)):
            away = np.minimum(away, ((features - features[rows[-1]]) ** 2).sum(axis=1))
            rows.append(int(away.argmax()))
        # From the border to the middle of each patch.
        near = cKDTree(features[rows]).query(features)[1]
        middles = np.stack([features[near == patch].mean(axis=0) for patch in range(len(rows))])
        rows = cKDTree(features).query(middles)[1].tolist()
        return cls(cloud.points[rows], cloud.normals[rows], cloud.part_diagonal)

    @classmethod
    def of_places(cls, places: Sequence[PodPlace], part: PointCloud) -> Patches:
        """The patches that a report lists, on the same part."""
        centers, normals = ([getattr(one, name) for one in places] for name in ("center", "normal"))
        return cls(np.array(centers), np.array(normals), part.part_diagonal)

    def __len__(self) -> int:
        return len(self.centers)

    def number_of(self, positions: FloatArray, normals: FloatArray) -> IntArray:
        """The patch (M,) of each of M places, from 0."""
        own = _features(self.centers, self.normals, self.diagonal)
        found: IntArray = cKDTree(own).query(_features(positions, normals, self.diagonal))[1]
        return found

    def nearest(self, positions: FloatArray) -> IntArray:
        """The patch (M,) nearest to each of M positions, whichever way the surface faces."""
        found: IntArray = cKDTree(self.centers).query(positions)[1]
        return found


def _features(positions: FloatArray, normals: FloatArray, diagonal: float) -> FloatArray:
    return np.hstack([positions.reshape(-1, 3) / diagonal, NORMALS * normals.reshape(-1, 3)])


def number_of_places(defects: int) -> int:
    """How many patches the hits and misses of a sweep are enough for."""
    return int(np.clip(defects // DEFECTS_A_PLACE, 1, MOST_PLACES))


def place_sizes(fit: Fit, place: IntArray, count: int) -> Iterator[PodPlaceSize]:
    """The sizes at each of ``count`` places, two or more.

    Args:
        fit: of all N defects.
        place: (N,) of each, from 0.
        count: of places.
    """
    largest = float(fit.size.max())
    for number in range(count):
        here = place == number
        about = {
            "place": number + 1,
            "defects": int(here.sum()),
            "found": int(fit.hit[here].sum()),
        }
        if about["defects"] < FEWEST_OF_EACH:
            yield PodPlaceSize(**about, refusal="There are too few defects")
            continue
        curve = _CurveHere(fit, here)
        lower, upper = (curve.bound(side) for side in (-1, +1))
        is_stated = upper is not None and upper <= largest
        yield PodPlaceSize(
            **about,
            a90=curve.size if is_stated else None,
            a90_lower=lower,
            a90_95=upper if is_stated else None,
            refusal=None
            if is_stated
            else "The bound a90/95 lies beyond the largest size that was tried",
        )


def differ(fit: Fit, group: Sequence[str] | IntArray) -> float | None:
    """p-value of the likelihood-ratio test that all groups (N,) have the same curve.

    Each group may have a curve that is moved along the size. None where there is but one group.
    """
    names, of = np.unique(np.asarray(group), return_inverse=True)
    if len(names) < 2:
        return None
    apart = sum(_moved_likelihood(fit, of == number) for number in range(len(names)))
    return float(chi2.sf(max(0.0, 2.0 * (apart - fit.likelihood)), len(names) - 1))


def _moved_likelihood(fit: Fit, here: BoolArray) -> float:
    """Largest log-likelihood of the curve of ``fit`` for some of its defects, when it is moved."""
    hit = fit.hit[here]
    if hit.all() or not hit.any():
        return 0.0  # far enough to either side, the curve leaves no doubt
    columns, offset = np.ones((len(hit), 1)), fit.slope * fit.x[here]
    return float(fitted(fit.link, hit, columns, offset).llf)


@dataclass(frozen=True, eq=False)
class _CurveHere:
    """The curve at one place, with a curve of the same steepness for all others.

    Attributes:
        fit: of all N defects.
        here: (N,) those at the place.
    """

    fit: Fit
    here: BoolArray

    @property
    def _is_mixed(self) -> bool:
        hit = self.fit.hit[self.here]
        return bool(hit.any() and not hit.all())

    @cached_property
    def _free(self) -> BinaryResults:
        """Both curves at their most likely; of the others alone where all here are alike."""
        x, here = self.fit.x, self.here
        if self._is_mixed:
            columns = np.column_stack([x, ~here, here])
            return fitted(self.fit.link, self.fit.hit, columns.astype(float))
        columns = np.column_stack([x, np.ones_like(x)])[~here]
        return fitted(self.fit.link, self.fit.hit[~here], columns)

    @property
    def _at(self) -> float | None:
        """Where the curve reaches 90 %; None if all here are hits, or all misses."""
        if not self._is_mixed:
            return None
        slope, _, intercept = (float(value) for value in self._free.params)
        return (PREDICTORS[self.fit.link](0.9) - intercept) / slope

    @property
    def size(self) -> float | None:
        """The size a90; None if all here are hits, or all misses."""
        return None if self._at is None else self.fit.size_at(self._at)

    def bound(self, side: int) -> float | None:
        """Lower (-1) or upper (+1) end of the 95 % interval of a90; None where there is none."""
        start, x = self._at, self.fit.x
        extent = float(np.ptp(x))
        if start is None:
            # All are hits, at however small a size, or all are misses, at however large a one.
            if self.fit.hit[self.here].all() != (side > 0):
                return None
            start = float(x.min() if side > 0 else x.max()) - side * extent
        at = crossing(self._excess, start, side * extent)
        return None if at is None else self.fit.size_at(at)

    def _excess(self, at: float) -> float:
        """By how much too far the likelihood falls if the curve here reaches 90 % at ``at``."""
        x, here = self.fit.x, self.here
        columns = np.column_stack([np.where(here, x - at, x), ~here])
        offset = np.where(here, PREDICTORS[self.fit.link](0.9), 0.0)
        start = [self.fit.slope, float(self.fit.result.params[0])]
        through = fitted(self.fit.link, self.fit.hit, columns, offset, start)
        return min(2.0 * float(self._free.llf - through.llf), 1e6) - FALL_OF_LIKELIHOOD
