"""A document: blocks of plain text, which evidence cites by number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block is; a row of a table has `` | `` between its cells."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLET = "bullet"
    ROW = "row"


@dataclass(frozen=True)
class Block:
    """A piece of a document that is read as one.

    Attributes:
        text: plain text, as it stands in the document, without the bullet's sign.
        kind: what it is.
        page: from 1; None where the format has no pages.
    """

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    page: int | None = None


@dataclass(frozen=True)
class Document:
    r"""A document's text.

    Attributes:
        source: its file's name without folders.
        blocks: in reading order; the number of a block is its place in the tuple.
        hidden: how many characters that nobody sees were left out, such as those of no width.

    >>> _ = (folder / "pump.md").write_text("# Pump\n\nCracks are not permitted.")
    >>> document = fs.read_document(folder / "pump.md")
    >>> [(block.kind.value, block.text) for block in document.blocks]
    [('heading', 'Pump'), ('paragraph', 'Cracks are not permitted.')]
    """

    source: str
    blocks: tuple[Block, ...]
    hidden: int = 0
