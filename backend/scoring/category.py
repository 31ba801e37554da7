"""One category of a detector: what is nominal in it, and how rare a deviation is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backend.arrays import FloatArray
from backend.models.family import CategoryModel
from backend.scoring.object_score import object_score, widespread
from backend.scoring.tails import TailTable
from backend.scoring.verdict import Rule


@dataclass(frozen=True, eq=False)
class Category:
    """One category.

    Attributes:
        family: the family of detectors that compares its scans, a name in ``FAMILIES``.
        model: what the family has learned.
        tails: by channel, how rarely nominal points deviate as far.
        rule: its limits.
    """

    family: str
    model: CategoryModel
    tails: Mapping[str, TailTable]
    rule: Rule


def score_of_object(model: CategoryModel, scores: FloatArray, point_threshold: float) -> float:
    """One score from those of a thinned cloud's points (M,)."""
    return object_score(scores, model.top_fraction) + widespread(scores, point_threshold)


def fuse(deviations: Mapping[str, FloatArray], tails: Mapping[str, TailTable]) -> FloatArray:
    """Mean (M,) of the channels' tail scores.

    Args:
        deviations: by channel (M,) of the points.
        tails: by channel; those that are not in ``deviations`` do not count.
    """
    scores = [tails[channel].score(values) for channel, values in deviations.items()]
    mean: FloatArray = np.mean(scores, axis=0)
    return mean
