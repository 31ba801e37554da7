"""Decision thresholds with a stated false-alarm rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def conformal_threshold(nominal_scores: Sequence[float], false_alarm_rate: float) -> float | None:
    """Split-conformal threshold: a new nominal object exceeds it with at most this probability.

    Holds for objects exchangeable with the held-out nominal ones, on average over calibrations
    (Vovk et al. 2005). With n scores it is the ceil((n + 1)(1 - rate))-th smallest.

    Returns:
        The threshold, or None where it cannot be certified: fewer than 1 / rate - 1 scores.
    """
    count = len(nominal_scores)
    # The small term keeps (n + 1)(1 - rate) = 19.000000000000004 from becoming rank 20.
    rank = math.ceil((count + 1) * (1.0 - false_alarm_rate) - 1e-9)
    return float(np.sort(nominal_scores)[rank - 1]) if 1 <= rank <= count else None


def scans_needed(false_alarm_rate: float) -> int:
    """How many held-out nominal scans certify ``false_alarm_rate``."""
    return math.ceil(1.0 / false_alarm_rate - 1.0 - 1e-9)
