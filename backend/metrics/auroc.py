"""Area under the receiver operating characteristic: of objects (O-AUROC), of points (P-AUROC)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score


def auroc(anomalous: ArrayLike, scores: ArrayLike) -> float:
    """Chance that an anomalous item scores higher than a nominal one, ties counting half.

    Args:
        anomalous: (N,) bool.
        scores: (N,), higher is more anomalous.

    Returns:
        The area, or NaN where only one class is present.
    """
    truth = np.asarray(anomalous, dtype=bool)
    if not truth.any() or truth.all():
        return float("nan")
    return float(roc_auc_score(truth, np.asarray(scores)))


def bootstrap_interval(
    anomalous: ArrayLike, scores: ArrayLike, rng: np.random.Generator, rounds: int = 500
) -> tuple[float, float]:
    """95 % interval of ``auroc`` over resampled items, (NaN, NaN) where a class is missing."""
    truth, values = np.asarray(anomalous, dtype=bool), np.asarray(scores)
    drawn: NDArray[np.int64] = rng.integers(0, len(truth), (rounds, len(truth)))
    areas = np.array([auroc(truth[rows], values[rows]) for rows in drawn])
    areas = areas[~np.isnan(areas)]
    if not len(areas):
        return float("nan"), float("nan")
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
