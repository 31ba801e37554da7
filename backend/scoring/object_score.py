"""One score for the whole object from the scores of its points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOP_FRACTION = 0.005
# Relief scores are smooth over places already: fewer points let small defects count.
RELIEF_TOP_FRACTION = 0.002


def object_score(point_scores: NDArray[np.floating], fraction: float = TOP_FRACTION) -> float:
    """Mean of the highest ``fraction`` of ``point_scores`` (N,), at least of one."""
    count = max(1, round(fraction * len(point_scores)))
    return float(np.partition(point_scores, -count)[-count:].mean())
