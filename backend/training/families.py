"""Which family of detectors learns which part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.training.pointwise.fitting import PointwiseTraining
from backend.training.run import FamilyTraining, Fitted, Run
from backend.training.sets import CategoryData
from backend.training.unrolled.fitting import UnrolledTraining

# By the names of ``models.families.FAMILIES``. The first one that suits a part learns it; the last
# one suits every part.
TRAININGS: Mapping[str, Callable[[Run], FamilyTraining]] = {
    "unrolled": UnrolledTraining,
    "pointwise": PointwiseTraining,
}


@dataclass(frozen=True)
class FamilyChoice:
    """The family that learns a part, and why: half a sentence for the user."""

    family: str
    why: str


def choose(trainings: Mapping[str, FamilyTraining], part: CategoryData, asked: str) -> FamilyChoice:
    """Choose the family of a part: the first that suits it, or the last, which suits every part.

    Args:
        trainings: by family, the first choice first.
        part: the clouds of a category.
        asked: a name in ``trainings``, or ``"auto"``.
    """
    if asked != "auto":
        return FamilyChoice(asked, "the settings ask for it")
    reasons = []
    *others, last = trainings
    for family in others:
        found = trainings[family].suits(part)
        if found.suits:
            return FamilyChoice(family, found.why)
        reasons.append(found.why)
    return FamilyChoice(last, " and ".join(reasons))


def fit(
    trainings: Mapping[str, FamilyTraining],
    parts: Sequence[CategoryData],
    choices: Mapping[str, FamilyChoice],
) -> dict[str, Fitted]:
    """Let each family learn the parts that it was chosen for; the result is in the parts' order."""
    fitted: dict[str, Fitted] = {}
    for family, training in trainings.items():
        own = [part for part in parts if choices[part.name].family == family]
        if own:
            fitted |= training.fit(own)
    return {part.name: fitted[part.name] for part in parts}
