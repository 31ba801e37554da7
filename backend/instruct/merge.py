"""What the embedded reader and a model found, as one list of items.

The reader is right where both speak of the same defect: its words are in the document. What the
model alone found is kept with the sizes that it states if a passage proves it; otherwise it counts
as typical of the part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.instruct.documents import Document
from backend.instruct.evidence import missing_evidence
from backend.instruct.knowledge import defects
from shared_schema.instruction import (
    Basis,
    Evidence,
    Finding,
    InstructedDefect,
    Instruction,
    Interval,
    PlaceKind,
    Polarity,
)
from shared_schema.recipe import MM_PER_UNIT, Unit

# Sizes disagree if one is more than this many times the other.
MOST_APART = 3.0


@dataclass(frozen=True)
class Placed:
    """An item, and where a model marked it in the views.

    Attributes:
        item: what is known of the defect.
        instruction: the marks or the box; None where the place is a word, or unknown.
    """

    item: InstructedDefect
    instruction: Instruction | None = None


@dataclass(frozen=True)
class Merged:
    """All items in the order of the reader's, and what was found about them."""

    items: tuple[Placed, ...]
    findings: tuple[Finding, ...]


def merge(
    read: Sequence[InstructedDefect],
    instructions: Sequence[Instruction],
    evidence: Callable[[Instruction], Evidence | None],
    documents: Sequence[Document],
    *,
    strict: bool = False,
) -> Merged:
    """The reader's items, together with a model's.

    Args:
        read: what the embedded reader found, in canonical order.
        instructions: what the model answered.
        evidence: the passage that an instruction names.
        documents: in which passages are looked up.
        strict: leave out what no passage proves.
    """
    items = [Placed(item) for item in read]
    findings: list[Finding] = []
    for instruction in instructions:
        found = item_of(instruction, evidence(instruction))
        match = next((n for n, one in enumerate(items) if _same(one.item, found)), None)
        if match is not None:
            items[match], disagreement = _agreed(items[match], found, instruction)
            findings += disagreement
            continue
        findings += _other_kind(read, found)
        missing = missing_evidence(found, documents)
        if missing is not None:
            findings.append(missing)
            if strict:
                continue
            found = found.model_copy(update={"basis": Basis.TYPICAL, "sizes": {}})
        items.append(Placed(found, _seen(instruction)))
    return Merged(tuple(items), tuple(findings))


def item_of(instruction: Instruction, evidence: Evidence | None) -> InstructedDefect:
    """An instruction as an item, with lengths in mm; defects without a shape are not used."""
    row = defects()[instruction.defect]
    factor = MM_PER_UNIT[instruction.unit]
    sizes = {
        name: span if name.value == "angle_deg" else _times(span, factor)
        for name, span in instruction.sizes.items()
    }
    made = instruction.polarity is not Polarity.ABSENT and row.template is not None
    reason = instruction.reason if made else _why_not(instruction, row.reason)
    return InstructedDefect(
        defect=instruction.defect,
        kind=row.kind,
        polarity=instruction.polarity,
        used=made,
        place=instruction.feature if instruction.place is PlaceKind.FEATURE else None,
        sizes=sizes,
        unit=Unit.MM,
        count=None
        if instruction.count is None
        else (instruction.count.low, instruction.count.high),
        basis=instruction.basis,
        evidence=evidence,
        reason=reason,
    )


def _why_not(instruction: Instruction, reason: str) -> str:
    if instruction.polarity is Polarity.ABSENT:
        return "the document says that there are none"
    return reason or "no bundled template has its shape"


def _times(span: Interval, factor: float) -> Interval:
    low, high = span
    return None if low is None else low * factor, None if high is None else high * factor


def _seen(instruction: Instruction) -> Instruction | None:
    return instruction if instruction.place in (PlaceKind.MARKS, PlaceKind.BOX) else None


def _same(first: InstructedDefect, second: InstructedDefect) -> bool:
    """The same defect at the same place, or at one that is not known."""
    places = {first.place, second.place} - {None, "anywhere"}
    together = second.place in first.more_places
    return first.defect == second.defect and (together or len(places) <= 1)


def _agreed(
    placed: Placed, found: InstructedDefect, instruction: Instruction
) -> tuple[Placed, list[Finding]]:
    """The reader's item, with what only the model knows; and a finding where sizes disagree."""
    item, findings = placed.item, []
    for name in sorted(item.sizes.keys() & found.sizes.keys()):
        first, second = _middle(item.sizes[name]), _middle(found.sizes[name])
        if max(first, second) > MOST_APART * min(first, second):
            findings.append(
                _disagreement(
                    item,
                    f"the reader and the model disagree on the {name.value}, {first:g} and "
                    f"{second:g} mm; the reader's is taken{_quotes(item, found)}.",
                    second,
                    first,
                )
            )
    added = {
        "place": item.place or found.place,
        "count": item.count or found.count,
    }
    seen = placed.instruction or (None if item.place else _seen(instruction))
    return Placed(item.model_copy(update=added), seen), findings


def _other_kind(read: Sequence[InstructedDefect], found: InstructedDefect) -> list[Finding]:
    """A finding where the model calls a passage something else than the reader does."""
    if found.evidence is None:
        return []
    for item in read:
        if item.evidence is None or item.kind == found.kind:
            continue
        same_block = (item.evidence.source, item.evidence.block) == (
            found.evidence.source,
            found.evidence.block,
        )
        if same_block and found.evidence.quote.strip() in item.evidence.quote:
            return [
                _disagreement(
                    item,
                    f"the model calls the same passage {found.defect}{_quotes(item, found)}.",
                    found.defect,
                    item.defect,
                )
            ]
    return []


def _disagreement(
    item: InstructedDefect, message: str, value: float | str, acceptable: float | str
) -> Finding:
    return Finding(
        rule="V63",
        severity="warning",
        where=item.defect,
        message=message,
        value=value,
        acceptable=acceptable,
    )


def _quotes(first: InstructedDefect, second: InstructedDefect) -> str:
    quotes = [one.evidence.quote for one in (first, second) if one.evidence is not None]
    return f" ({' / '.join(map(repr, quotes))})" if quotes else ""


def _middle(span: Interval) -> float:
    low, high = span
    if low is None or high is None:
        return low if low is not None else high or 0.0
    return (low + high) / 2.0
