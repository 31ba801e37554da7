"""Decision thresholds with a stated false-alarm rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta


@dataclass(frozen=True)
class Thresholds:
    """Calibrated on held-out nominal clouds.

    Attributes:
        object: score above which an object is anomalous; None where it cannot be certified.
        point: score above which a point is anomalous; half a percent of the held-out nominal
            points exceed it.
        false_alarm_rate: what ``object`` certifies, on average over calibrations.
        nominal_clouds: how many clouds it was calibrated on.
    """

    object: float | None
    point: float
    false_alarm_rate: float
    nominal_clouds: int

    @property
    def false_alarm_interval(self) -> tuple[float, float] | None:
        """95 % interval of the rate that ``object`` really has; None where there is none."""
        return false_alarm_interval(self.nominal_clouds, self.false_alarm_rate)


def conformal_threshold(nominal_scores: Sequence[float], false_alarm_rate: float) -> float | None:
    """Split-conformal threshold: a new nominal object exceeds it with at most this probability.

    Holds for objects exchangeable with the held-out nominal ones, on average over calibrations
    (Vovk et al. 2005). With n scores it is the ceil((n + 1)(1 - rate))-th smallest.

    Returns:
        The threshold, or None where it cannot be certified: fewer than 1 / rate - 1 scores.
    """
    rank = _rank(len(nominal_scores), false_alarm_rate)
    return None if rank is None else float(np.sort(nominal_scores)[rank - 1])


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
    low, high = beta.ppf([0.025, 0.975], scans + 1 - rank, rank)
    return float(low), float(high)


def _rank(count: int, false_alarm_rate: float) -> int | None:
    """Which of ``count`` sorted scores is the threshold, from 1; None where there are too few."""
    # The small term keeps (n + 1)(1 - rate) = 19.000000000000004 from becoming rank 20.
    rank = math.ceil((count + 1) * (1.0 - false_alarm_rate) - 1e-9)
    return rank if 1 <= rank <= count else None


def scans_needed(false_alarm_rate: float) -> int:
    """How many held-out nominal scans certify ``false_alarm_rate``."""
    return math.ceil(1.0 / false_alarm_rate - 1.0 - 1e-9)
