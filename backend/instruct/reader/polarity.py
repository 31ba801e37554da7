"""What the words of an item say of its defects: in four states."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from backend.instruct.reader.cues import Cue
from shared_schema.instruction import Polarity

_JUDGING = {Cue.REJECT, Cue.DISPOSE, Cue.PERMIT, Cue.FOUND, Cue.OCCUR, Cue.FREE, Cue.MUST}


@dataclass(frozen=True)
class Said:
    """The words of polarity of an item.

    Attributes:
        cues: which there are.
        below: whether sizes are limited from above only, "at most 0.5 mm".
        above: whether sizes are limited from below only, "more than 0.5 mm".
    """

    cues: frozenset[Cue] = frozenset()
    below: bool = False
    above: bool = False

    def with_cues(self, cues: Collection[Cue]) -> Said:
        """The same with further words."""
        return Said(self.cues | frozenset(cues), self.below, self.above)

    @property
    def negated(self) -> bool:
        """Whether it says "no" or "not"."""
        return Cue.NO in self.cues or Cue.NOT in self.cues

    @property
    def judged(self) -> bool:
        """Whether it has a verb or a judgement, not only "no"."""
        return bool(self.cues & _JUDGING)


def polarity(said: Said, specification: bool = False) -> Polarity | None:
    """The state that ``said`` puts its defects in; None if it says nothing.

    Args:
        said: the words of the item.
        specification: whether the text lists requirements, where "no cracks" is one.

    >>> polarity(Said(frozenset({Cue.NO, Cue.PERMIT})))
    <Polarity.REJECTED: 'rejected'>
    """
    cues = said.cues
    if cues & {Cue.REJECT, Cue.DISPOSE}:
        return Polarity.REJECTED
    if Cue.FREE in cues:
        if Cue.NOT in cues:  # "need not be removed", "were not removed"
            return Polarity.PERMITTED if Cue.MUST in cues else Polarity.OCCURS
        return Polarity.REJECTED if Cue.MUST in cues or specification else Polarity.ABSENT
    if Cue.PERMIT in cues:
        return Polarity.REJECTED if said.negated else Polarity.PERMITTED
    if Cue.NO in cues or (Cue.NOT in cues and said.judged):
        return _negated(said, specification)
    if Cue.FOUND in cues or Cue.OCCUR in cues:
        return Polarity.OCCURS
    if said.below or said.above:
        return Polarity.REJECTED
    return None


def _negated(said: Said, specification: bool) -> Polarity:
    """Of "no cracks" and "must not occur", without a word of judgement."""
    if Cue.MUST in said.cues:
        return Polarity.REJECTED
    if Cue.FOUND in said.cues or Cue.OCCUR in said.cues:
        return Polarity.ABSENT
    if specification:
        return Polarity.REJECTED
    return Polarity.REJECTED if said.below or said.above else Polarity.ABSENT
