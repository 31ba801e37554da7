"""Area under the receiver operating characteristic: of objects (O-AUROC), of points (P-AUROC)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from backend.arrays import FloatArray


def auroc(anomalous: ArrayLike, scores: ArrayLike) -> float:
    """Chance that an anomalous item scores higher than a nominal one, ties counting half.

    Args:
        anomalous: (N,) bool.
        scores: (N,), higher is more anomalous.

    Returns:
        The area, or NaN where only one class is present.

    >>> truth = [False, False, True, True]
    >>> auroc(truth, [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    truth = np.asarray(anomalous, dtype=bool)
    if not truth.any() or truth.all():
        return float("nan")
    return float(roc_auc_score(truth, np.asarray(scores)))


def resampled_auroc(
    anomalous: ArrayLike, scores: ArrayLike, rng: np.random.Generator, rounds: int
) -> FloatArray:
    """``auroc`` of ``rounds`` bootstrap samples, drawn within each class; NaN as there.

    >>> truth = np.array([False, True] * 20)
    >>> scores = np.random.default_rng(0).normal(size=40) + truth
    >>> rounds = resampled_auroc(truth, scores, np.random.default_rng(0), rounds=200)
    >>> low, high = np.quantile(rounds, [0.025, 0.975])  # a 95 % interval
    >>> bool(low < auroc(truth, scores) < high)
    True
    """
    truth, values = np.asarray(anomalous, dtype=bool), np.asarray(scores, dtype=np.float64)
    positive, negative = values[truth], values[~truth]
    if not len(positive) or not len(negative):
        return np.full(rounds, np.nan)
    drawn_positive = positive[rng.integers(0, len(positive), (rounds, len(positive)))]
    drawn_negative = negative[rng.integers(0, len(negative), (rounds, len(negative)))]
    ranks = rankdata(np.concatenate([drawn_positive, drawn_negative], axis=1), axis=1)
    wins = ranks[:, : len(positive)].sum(axis=1) - len(positive) * (len(positive) + 1) / 2.0
    areas: FloatArray = wins / (len(positive) * len(negative))
    return areas
