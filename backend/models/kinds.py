"""Kinds of defects as networks learn and tell them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from backend.models.family import LikelyKinds

# The number of a point that belongs to no defect, or to one whose kind is not known.
NO_KIND = -1


def likely_kinds(names: Sequence[str], logits: NDArray[np.floating]) -> LikelyKinds | None:
    """From a network's ``logits`` (M, K) of the kinds in ``names``; None where there are none."""
    if not names:
        return None
    return LikelyKinds(tuple(names), softmax(logits.astype(np.float64), axis=1))
