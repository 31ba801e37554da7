"""Points of the receiver operating characteristic, few enough to draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_curve as exact_curve

FloatArray = NDArray[np.float64]


def roc_curve(
    anomalous: ArrayLike, scores: ArrayLike, points: int = 200
) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates, ascending, at most about ``points`` of each.

    Args:
        anomalous: (N,) bool, both classes present; else two empty arrays come back.
        scores: (N,).
        points: a longer curve is thinned to its corners nearest to even steps of both rates.
    """
    truth = np.asarray(anomalous, dtype=bool)
    if not truth.any() or truth.all():
        return np.empty(0), np.empty(0)
    false, true, _ = exact_curve(truth, np.asarray(scores))
    if len(false) > points:
        way = (false + true) / 2.0
        rows = np.unique(np.searchsorted(way, np.linspace(0.0, 1.0, points)))
        rows = np.unique(np.concatenate([[0], rows, [len(false) - 1]]).clip(max=len(false) - 1))
        false, true = false[rows], true[rows]
    return false, true
