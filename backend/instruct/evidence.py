"""Whether the passage that an item rests on is there, and says what the item says."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from backend.instruct.documents import Block, Document
from backend.instruct.knowledge import defects
from backend.instruct.reader import read_defects
from shared_schema.instruction import Finding, InstructedDefect

# Shortest passage that says something; Chinese says more in a character.
FEWEST_CHARACTERS, FEWEST_IDEOGRAPHS = 4, 2


def missing_evidence(item: InstructedDefect, documents: Sequence[Document]) -> Finding | None:
    """Rule V60: why the item's passage does not prove it; None if it does.

    The passage is long enough, stands in the block that the item names, and the embedded reader
    finds a term of the same defect in it, or of another one of its kind.
    """
    evidence = item.evidence
    if evidence is None:
        return _finding(item, "no passage of a document says so")
    if _too_short(evidence.quote):
        return _finding(item, f"the passage {evidence.quote!r} is too short to prove anything")
    blocks = {document.source: document.blocks for document in documents}.get(evidence.source, ())
    if evidence.block >= len(blocks) or not _occurs(evidence.quote, blocks[evidence.block].text):
        return _finding(
            item,
            f"the passage {evidence.quote!r} does not stand in block {evidence.block} of "
            f"{evidence.source}",
        )
    if not _names(evidence.quote, item):
        return _finding(item, f"the passage {evidence.quote!r} does not name this defect")
    return None


def _finding(item: InstructedDefect, reason: str) -> Finding:
    return Finding(
        rule="V60",
        severity="warning",
        where=item.defect,
        message=f"{reason}; its sizes count as typical ones.",
        value=None if item.evidence is None else item.evidence.quote[:200],
    )


def _too_short(quote: str) -> bool:
    letters = _plain(quote)
    ideographs = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
    return len(letters) < FEWEST_CHARACTERS and ideographs < FEWEST_IDEOGRAPHS


def _occurs(quote: str, text: str) -> bool:
    return _plain(quote) in _plain(text)


def _plain(text: str) -> str:
    """Letters alone: spaces, hyphens of line ends and widths of characters do not count."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if not one.isspace() and one not in "-\u00ad\u2010\u2011")


def _names(quote: str, item: InstructedDefect) -> bool:
    process = defects()[item.defect].process if item.defect in defects() else None
    alone = Document("quote", (Block(quote),))
    found = read_defects([alone], process=process).items
    return any(one.defect == item.defect or one.kind == item.kind for one in found)
