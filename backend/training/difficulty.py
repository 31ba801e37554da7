"""Which drawn defects a detector finds, and drawing more of those that are worth learning from.

Defects that are always found teach nothing, and neither do those that nobody could find. The chance
of being found is learned from drawn defects that the detector has not seen, as a function of what
they are like; others are then drawn the more often the less it is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import LabeledCloud, PointCloud

# Even what is beyond doubt is drawn at times: the detector may forget it.
LEAST_WEIGHT = 0.1
FEWEST = 20


class Traits(NamedTuple):
    """What a drawn defect is like.

    Attributes:
        kind: name of its kind.
        extent: square root of the number of its points, its width in point spacings.
        depth: largest displacement in point spacings; 0 where it only removes.
        facing: mean cosine between its normals and the direction that the scan faces.
    """

    kind: str
    extent: float
    depth: float
    facing: float


def traits_of(
    kind: str, labeled: LabeledCloud, nominal: PointCloud, spacing: float, view: FloatArray | None
) -> Traits:
    """Of a defect on ``nominal``, which has normals.

    Args:
        kind: its name.
        labeled: what it made of ``nominal``.
        nominal: the scan that it was drawn on.
        spacing: of the scans' points.
        view: (3,) direction that the scan faces, where it faces one.
    """
    marked = labeled.mask
    source = nominal.positions_of(labeled.source_index[marked])
    moved = np.linalg.norm(labeled.points[marked] - nominal.points[source], axis=1)
    facing = 1.0
    if view is not None and nominal.normals is not None:
        facing = float((nominal.normals[source] @ view).mean())
    extent = float(np.sqrt(marked.sum()))
    return Traits(kind, extent, float(moved.max(initial=0.0)) / spacing, facing)


@dataclass(frozen=True, eq=False)
class Difficulty:
    """A logistic model of the chance of being found.

    Attributes:
        kinds: known ones, sorted.
        coefficients: (F,) of ``_features``.
        intercept: of the logit.
    """

    kinds: tuple[str, ...]
    coefficients: FloatArray
    intercept: float

    @classmethod
    def fit(cls, traits: Sequence[Traits], found: Sequence[bool]) -> Difficulty | None:
        """From defects that the detector has not learned from, and whether it found each.

        None where they are too few, or all or none were found.
        """
        if len(traits) < FEWEST or len(set(found)) < 2:
            return None
        # Here, since every process of a training imports this module, and one of them comes here.
        from sklearn.linear_model import LogisticRegression

        kinds = tuple(sorted({one.kind for one in traits}))
        model = LogisticRegression(max_iter=1000).fit(_features(traits, kinds), found)
        return cls(kinds, model.coef_[0], float(model.intercept_[0]))

    def chance_found(self, traits: Sequence[Traits]) -> FloatArray:
        """(n,) chances."""
        logit = _features(traits, self.kinds) @ self.coefficients + self.intercept
        chance: FloatArray = 1.0 / (1.0 + np.exp(-logit))
        return chance

    def weight(self, traits: Sequence[Traits]) -> FloatArray:
        """(n,) how often such defects are worth drawing, from 0.1 to 1 for what is undecided."""
        chance = self.chance_found(traits)
        return LEAST_WEIGHT + (1.0 - LEAST_WEIGHT) * 4.0 * chance * (1.0 - chance)


def _features(traits: Sequence[Traits], kinds: Sequence[str]) -> FloatArray:
    """(n, F): which kind; width and depth, as logarithms, and their squares; how it is seen."""
    which = np.array([[one.kind == kind for kind in kinds] for one in traits], dtype=np.float64)
    extent = np.log([one.extent for one in traits])
    depth = np.log1p([one.depth for one in traits])
    facing = np.array([one.facing for one in traits])
    return np.column_stack([which, extent, extent**2, depth, depth**2, facing])
