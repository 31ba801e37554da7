"""Limits that nominal scans exceed at a stated rate, for each category.

A category with enough held-out nominal scans gets a split-conformal limit of its own. One with
fewer shares: where its scans lie and how far they scatter is its own, drawn towards the others',
and how far out the limit lies in units of that scatter is learned from the scans of all categories.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from backend.arrays import FloatArray

# The scatter of a category counts as much as that of all if it has this many scans more than one.
PRIOR_SCANS = 3.0
FEWEST = 2


@dataclass(frozen=True)
class Limit:
    """What a quantity of nominal scans exceeds at a stated rate.

    Attributes:
        value: None where the rate cannot be certified.
        rate: of new nominal scans that exceed it, on average over calibrations.
        own_scans: held-out nominal scans of the category itself.
        scans: held-out nominal scans that it was calibrated on; more than ``own_scans`` where the
            scatter is shared with other categories.
    """

    value: float | None
    rate: float
    own_scans: int
    scans: int

    @property
    def is_shared(self) -> bool:
        """Whether scans of other categories were needed."""
        return self.scans != self.own_scans

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the rate that the limit really has; None where there is none."""
        return None if self.value is None else false_alarm_interval(self.scans, self.rate)

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def limits(values: Mapping[str, ArrayLike], rate: float) -> dict[str, Limit]:
    """A limit for each category.

    A shared limit is the centre of the category's own values plus so many of its scatters. How many
    is the conformal threshold of the values of all categories, each standardised by the centre and
    the scatter of the others of its category, as a new value would be. Values of categories are not
    exactly exchangeable after that, so that the rate of a shared limit is approximate; it is
    measured in ``docs/explanation/experiments``.

    Args:
        values: by category (n,) of held-out nominal scans. Categories with fewer than two take no
            part in what is shared and get no limit.
        rate: of nominal scans that may exceed the limit.
    """
    given = {name: np.asarray(v, np.float64) for name, v in values.items()}
    needed = scans_needed(rate)
    shared = [v for v in given.values() if len(v) >= FEWEST]
    variance = _pooled_variance(shared)
    standard = [z for v in shared for z in _standardised(v, variance)]
    factor = conformal_threshold(standard, rate)
    found = {}
    for name, own in given.items():
        if len(own) >= needed:
            found[name] = Limit(conformal_threshold(own, rate), rate, len(own), len(own))
        elif len(own) < FEWEST or factor is None:
            found[name] = Limit(None, rate, len(own), len(own))
        else:
            center, scatter = _expected(own, variance)
            found[name] = Limit(center + factor * scatter, rate, len(own), len(standard))
    return found


def _pooled_variance(groups: Sequence[FloatArray]) -> float:
    """Within the groups; 0 where there are none."""
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in groups)
    return squares / max(1, sum(len(v) - 1 for v in groups))


def _expected(own: FloatArray, variance: float) -> tuple[float, float]:
    """Centre of a new value of a category with these, and how far it scatters about that."""
    center = float(own.mean())
    squares = float(((own - center) ** 2).sum()) + PRIOR_SCANS * variance
    scatter = squares / (PRIOR_SCANS + len(own) - 1)
    return center, math.sqrt(scatter * (1.0 + 1.0 / len(own)))


def _standardised(own: FloatArray, variance: float) -> list[float]:
    """Each value by what the others of its category let expect."""
    found = []
    for row, value in enumerate(own):
        center, scatter = _expected(np.delete(own, row), variance)
        found.append((float(value) - center) / max(scatter, 1e-12))
    return found


def conformal_threshold(nominal_scores: ArrayLike, false_alarm_rate: float) -> float | None:
    """Split-conformal threshold: a new nominal object exceeds it with at most this probability.

    Holds for objects exchangeable with the held-out nominal ones, on average over calibrations
    (Vovk et al. 2005). With n scores it is the ceil((n + 1)(1 - rate))-th smallest.

    Returns:
        The threshold, or None where it cannot be certified: fewer than 1 / rate - 1 scores.
    """
    scores = np.sort(np.asarray(nominal_scores, np.float64))
    rank = _rank(len(scores), false_alarm_rate)
    return None if rank is None else float(scores[rank - 1])


def false_alarm_interval(scans: int, false_alarm_rate: float) -> tuple[float, float] | None:
    """What the false-alarm rate of a conformal threshold may really be, with 95 % confidence.

    The stated rate holds on average; that of one calibration is distributed as
    Beta(n + 1 - rank, rank) (Vovk, "Conditional validity of inductive conformal predictors", 2012).

    Args:
        scans: how many held-out nominal objects it was calibrated on.
        false_alarm_rate: the stated one.

    Returns:
        The ends of the interval; None where there is no threshold.
    """
    rank = _rank(scans, false_alarm_rate)
    if rank is None:
        return None
    low, high = betaincinv(scans + 1 - rank, rank, [0.025, 0.975])
    return float(low), float(high)


def _rank(count: int, false_alarm_rate: float) -> int | None:
    """Which of ``count`` sorted scores is the threshold, from 1; None where there are too few."""
    # The small term keeps (n + 1)(1 - rate) = 19.000000000000004 from becoming rank 20.
    rank = math.ceil((count + 1) * (1.0 - false_alarm_rate) - 1e-9)
    return rank if 1 <= rank <= count else None


def scans_needed(false_alarm_rate: float) -> int:
    """How many held-out nominal scans certify ``false_alarm_rate``."""
    return math.ceil(1.0 / false_alarm_rate - 1.0 - 1e-9)
