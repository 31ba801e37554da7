"""What a standard permits of the defects that a document names, where it states no size itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from backend.instruct.knowledge import limits
from backend.instruct.reader.draft import Draft
from shared_schema.instruction import Polarity

_LEVEL = re.compile(
    r"iso ?5817\s?(?:[-:,(]|\b)[^.;]{0,40}?(?:level|gruppe|bewertungsgruppe|quality level|"
    r"质量等级|等级|级)?"
    r"[ -:(]{0,3}\b([bcd])\b(?!\w)"
)
_THICKNESS = re.compile(
    r"(?:\b[ts] ?= ?|wall thickness(?: of)? |plate thickness(?: of)? |sheet thickness(?: of)? |"
    r"blechdicke(?: von)? |wanddicke(?: von)? |板厚为?|壁厚为?)(\d+(?:[.,]\d+)?) ?mm"
)


def thickness_of(texts: Iterable[str]) -> float | None:
    """The thickness of the material in mm, if the texts state one."""
    for text in texts:
        if match := _THICKNESS.search(text):
            return float(match.group(1).replace(",", "."))
    return None


def add_limits(drafts: list[Draft], texts: list[str], thickness: float | None) -> list[Draft]:
    """Gives drafts without a size the limit of the level that the texts name."""
    levels = [match.group(1).upper() for text in texts for match in _LEVEL.finditer(text)]
    if not levels:
        return drafts
    by_defect = {
        limit.defect: limit
        for limit in limits()
        if limit.standard == "ISO 5817" and limit.level == levels[0]
    }
    for draft in drafts:
        if draft.unsaid:
            # The standard's levels say what is rejected.
            draft.polarity, draft.unsaid = Polarity.REJECTED, False
        limit = by_defect.get(draft.key)
        if limit is None or draft.sizes or draft.polarity is Polarity.ABSENT:
            continue
        most = limit.most
        if thickness is not None:
            most = min(most, limit.of_thickness * thickness)
        draft.sizes = {limit.size: (None, most)}
        draft.standard = f"{limit.standard}-{limit.level}, {limit.clause}"
    return drafts
