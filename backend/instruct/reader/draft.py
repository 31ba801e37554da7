"""Items while they are read: mentions, which are merged and then become instructed defects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from backend.instruct.knowledge import Defect, Shape, defects
from backend.instruct.normal import NormalText
from shared_schema.instruction import (
    Basis,
    Evidence,
    InstructedDefect,
    Interval,
    Polarity,
    SizeName,
)

_OPEN = re.compile(
    r"\bopen|surface|surfac|visible|offen|oberflaech|sichtbar|aufgerissen|表面|开口|外露|露出|"
    r"可见|贯穿"
)
_INNER = re.compile(
    r"(?:\binternal|\binner|\bsubsurface|\bsub-surface|\bburied|\bhidden|\bembedded|\binnere[nrs]?|"
    r"\binnenliegende[nr]?|\bverdeckte[nr]?|\bnicht sichtbare[nr]?|内部的?|隐藏的?|"
    r"内在的?)\s?(?:[a-z]+\s)?$"
)
_INNER_AROUND = re.compile(
    r"inside the (?:part|wall|casting|material|weld)|in the interior|below the surface|"
    r"beneath the surface|im inneren|unter der oberflaeche|im bauteilinneren|only visible in x-ray|"
    r"nur im roentgenbild|in the ct scan|内部|only in ct|not open to the surface|im ct\b"
)


@dataclass
class Draft:
    """A mention of a defect.

    Attributes:
        source: name of the document.
        block: number of the block.
        normal: the block's text.
        start: of the words that speak of it, in the normalised text.
        end: likewise.
        key: of the defect.
        polarity: what is said of it.
        unsaid: whether ``polarity`` is only the default of a mention.
        place: key of a place.
        more_places: keys of places that are named together with it.
        sizes: that are stated.
        count: fewest and most.
        limited: whether a size is a limit.
        near: the words before the defect's term.
        around: the words of its clause.
        from_heading: whether the defect stands in a heading above.
        standard: the standard that ``sizes`` are from; empty if the text states them.
    """

    source: str
    block: int
    normal: NormalText
    start: int
    end: int
    key: str
    polarity: Polarity
    unsaid: bool
    place: str | None
    sizes: dict[SizeName, Interval]
    count: tuple[int, int] | None
    limited: bool
    near: str = ""
    around: str = ""
    from_heading: bool = False
    standard: str = field(default="")
    more_places: tuple[str, ...] = ()

    @property
    def row(self) -> Defect:
        """Its row of the knowledge base."""
        return defects()[self.key]


def merge(drafts: list[Draft]) -> list[Draft]:
    """Drafts without those that another one says better.

    Two mentions of a row are one if they agree, or if one of them says nothing of its own.
    """
    kept: list[Draft] = []
    for draft in drafts:
        for earlier in kept:
            if _one_thing(earlier, draft):
                _join(earlier, draft)
                break
        else:
            kept.append(draft)
    return [one for one in kept if not _only_named(one, kept)]


def _one_thing(left: Draft, right: Draft) -> bool:
    if left.key != right.key:
        return False
    absent = Polarity.ABSENT in (left.polarity, right.polarity)
    if absent and left.polarity is not right.polarity and (left.sizes or right.sizes):
        return False  # "Weld 3: pores of 1 mm. Weld 4: no pores".
    if left.polarity is not right.polarity and not (left.unsaid or right.unsaid):
        return False
    if left.place and right.place and right.place not in (left.place, *left.more_places):
        return False
    return all(left.sizes[name] == right.sizes[name] for name in left.sizes.keys() & right.sizes)


def _join(left: Draft, right: Draft) -> None:
    """Adds to ``left`` what ``right`` says, and takes the evidence of the one that says more."""
    if left.unsaid and not right.unsaid:
        left.polarity, left.unsaid = right.polarity, False
    if _weight(right) > _weight(left):
        left.source, left.block, left.normal = right.source, right.block, right.normal
        left.start, left.end = right.start, right.end
        left.near, left.around = right.near, right.around
    if left.place is None:
        left.place, left.more_places = right.place, right.more_places
    left.sizes = {**right.sizes, **left.sizes}
    left.count = left.count or right.count
    left.limited |= right.limited


def _weight(draft: Draft) -> int:
    return 2 * len(draft.sizes) + (draft.place is not None) + (not draft.unsaid)


def _only_named(draft: Draft, kept: list[Draft]) -> bool:
    """Whether a draft is a bare mention of what others say more of."""
    bare = draft.unsaid and not draft.sizes and not draft.place and not draft.count
    others = [one for one in kept if one is not draft and one.key == draft.key]
    return bare and bool(others)


def emit(draft: Draft) -> InstructedDefect:
    """The instructed defect of a draft."""
    row = draft.row
    why_not = _refusal(draft)
    used = not why_not and draft.polarity is not Polarity.ABSENT
    return InstructedDefect(
        defect=draft.key,
        kind=None if why_not else row.kind,
        polarity=draft.polarity,
        used=used,
        place=draft.place,
        more_places=draft.more_places,
        sizes=_made_sizes(draft),
        count=draft.count,
        basis=_basis(draft),
        evidence=Evidence(source=draft.source, block=draft.block, quote=_quote(draft)),
        reason=why_not or _reason(draft),
    )


def _made_sizes(draft: Draft) -> dict[SizeName, Interval]:
    """The sizes of what is made: above a limit, which is the largest size that is let pass."""
    above = draft.polarity in (Polarity.REJECTED, Polarity.PERMITTED)
    return {
        name: (high, None) if above and not low else (low, high)
        for name, (low, high) in sorted(draft.sizes.items())
        if high != 0.0  # "0 mm" in a table of limits: none at all
    }


def _quote(draft: Draft) -> str:
    return draft.normal.quote(draft.start, draft.end).strip(" \t\n,;:|、，；")


def _refusal(draft: Draft) -> str:
    """Why a defect cannot be made; empty if it can."""
    row = draft.row
    if row.shape is Shape.NONE:
        return row.reason
    if row.shape is Shape.OPEN and not _OPEN.search(draft.around):
        return row.reason
    if row.direction == "in" and _INNER.search(draft.near) and not _OPEN.search(draft.around):
        return "The text says that it lies inside the part."
    if row.direction == "in" and _INNER_AROUND.search(draft.around):
        return "The text says that it lies inside the part."
    return ""


def _basis(draft: Draft) -> Basis:
    if draft.standard:
        return Basis.STANDARD
    if not draft.sizes:
        return Basis.TYPICAL
    if draft.limited and draft.polarity in (Polarity.REJECTED, Polarity.PERMITTED):
        return Basis.LIMIT
    return Basis.STATED


def _reason(draft: Draft) -> str:
    """Why it is used, or why it is not."""
    said = {
        Polarity.OCCURS: "The text says that it occurs.",
        Polarity.REJECTED: "The text rejects it, so it has to be found.",
        Polarity.PERMITTED: "The text permits it up to a limit; it is made above the limit.",
        Polarity.ABSENT: "The text says that it does not occur.",
    }[draft.polarity]
    if draft.standard:
        said += f" The limit is that of {draft.standard}."
    return said
