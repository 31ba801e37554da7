"""One score for the whole object from the scores of its points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A scan is anomalous all over if a larger share of its points is above the point threshold; from
# twice that share on, this is beyond doubt. Half a percent of all nominal points is above it, and
# up to a tenth of single nominal scans.
WIDESPREAD = 0.25
BEYOND_DOUBT = 12.0


def object_score(point_scores: NDArray[np.floating], fraction: float) -> float:
    """Mean of the highest ``fraction`` of ``point_scores`` (N,), at least of one."""
    count = max(1, round(fraction * len(point_scores)))
    return float(np.partition(point_scores, -count)[-count:].mean())


def widespread(point_scores: NDArray[np.floating], point_threshold: float) -> float:
    """What is added to the object's score for the share of points above the threshold, 0 to 12.

    So the decision on the object does not contradict its points: a scan of another thing has no
    points that stand out, because all are off.
    """
    share = float((point_scores > point_threshold).mean())
    return BEYOND_DOUBT * float(np.clip(share / WIDESPREAD - 1.0, 0.0, 1.0))
