"""Average precision: the area under precision over recall, as a step function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def average_precision(anomalous: ArrayLike, scores: ArrayLike) -> float:
    """Average precision of ``scores`` (N,) for ``anomalous`` (N,) bool; NaN without anomalous.

    >>> average_precision([False, False, True, True], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    """
    truth = np.asarray(anomalous, dtype=bool)
    if not truth.any():
        return float("nan")
    # Here, since every process of a training imports this module, and few of them call it.
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, np.asarray(scores)))
