"""Points of the receiver operating characteristic, few enough to draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_curve as exact_curve

from backend.arrays import FloatArray


def roc_curve(
    anomalous: ArrayLike, scores: ArrayLike, points: int = 200
) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates, ascending, at most about ``points`` of each.

    Args:
        anomalous: (N,) bool, both classes present; else two empty arrays come back.
        scores: (N,).
        points: a longer curve is thinned to its corners nearest to even steps of both rates.

    >>> roc_curve([False, True, True], [0.1, 0.4, 0.8])
    (array([0., 0., 0., 1.]), array([0. , 0.5, 1. , 1. ]))
    """
    truth = np.asarray(anomalous, dtype=bool)
    if not truth.any() or truth.all():
        return np.empty(0), np.empty(0)
    false, true, _ = exact_curve(truth, np.asarray(scores))
    return thinned(false, true, points)


def thinned(x: FloatArray, y: FloatArray, points: int = 200) -> tuple[FloatArray, FloatArray]:
    """A curve of two ascending rates, cut down to about ``points`` of its points.

    >>> rates = np.linspace(0.0, 1.0, 10_001)
    >>> x, y = thinned(rates, rates)
    >>> len(x) <= 201, float(x[-1])
    (True, 1.0)
    """
    if len(x) <= points:
        return x, y
    way = (x + y) / 2.0
    rows = np.unique(np.searchsorted(way, np.linspace(0.0, 1.0, points)))
    rows = np.unique(np.concatenate([[0], rows, [len(x) - 1]]).clip(max=len(x) - 1))
    return x[rows], y[rows]
