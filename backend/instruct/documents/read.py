"""A document in a file, by the suffix of its name."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from backend.errors import FileFormatError
from backend.extras import missing_extra
from backend.file_names import shown
from backend.instruct.documents.bounds import (
    MAX_BYTES,
    SECONDS,
    check_characters,
    check_size,
    largest_unpacked,
)
from backend.instruct.documents.characters import text_of, visible
from backend.instruct.documents.document import Block, BlockKind, Document
from backend.instruct.documents.docx import parse_docx
from backend.instruct.documents.html import parse_html
from backend.instruct.documents.lines import blocks_of_lines
from backend.instruct.documents.pdf_pages import draw_pages
from backend.instruct.documents.pdf_text import parse_pdf
from backend.io.isolation import compute_isolated
from backend.io.limits import ReadLimits


def parse_text(data: bytes) -> list[Block]:
    """The blocks of a plain text."""
    return blocks_of_lines(text_of(data))


def parse_markdown(data: bytes) -> list[Block]:
    """The blocks of a text with Markdown's signs."""
    return blocks_of_lines(text_of(data), markdown=True)


READERS: dict[str, Callable[[bytes], list[Block]]] = {
    ".docx": parse_docx,
    ".htm": parse_html,
    ".html": parse_html,
    ".md": parse_markdown,
    ".pdf": parse_pdf,
    ".txt": parse_text,
}
# Modules that reading a format needs and a plain install lacks.
NEEDED = {".pdf": "pypdf"}
# How files begin, what they are then, and the suffix by which they would be read.
BEGINNINGS: dict[bytes, tuple[str, str]] = {
    b"%PDF-": ("a PDF file", ".pdf"),
    b"PK\x03\x04": ("a zip archive, as Word's documents are", ".docx"),
    b"\xd0\xcf\x11\xe0": ("an old or an encrypted file of Office", ""),
    b"{\\rtf": ("a file in Rich Text Format", ""),
    b"\x89PNG": ("a picture", ""),
    b"\xff\xd8\xff": ("a picture", ""),
}


def read_document(path: str | Path) -> Document:
    """The document in the file at ``path``.

    It is read in a process of its own, within the bounds of ``bounds``. Characters that nobody
    sees are left out and counted.

    Raises:
        FileFormatError: the suffix is unknown, or the file is damaged, encrypted, too large, a
            scan without text, or of another format than its suffix says.
        MissingDependencyError: the package that reads PDF files is not installed.

    >>> path = folder / "notes.txt"
    >>> _ = path.write_text("No cracks are permitted.")
    >>> fs.read_document(path).blocks[0].text
    'No cracks are permitted.'
    """
    path = Path(path)
    data, suffix = _content(path)
    if suffix in NEEDED:
        _require(NEEDED[suffix])
    told, _ = _within_bounds(read_blocks, data, {"suffix": suffix})
    blocks = tuple(Block(text, BlockKind(kind), page) for text, kind, page in told["blocks"])
    return Document(shown(path.name), blocks, told["hidden"])


def page_pictures(path: str | Path) -> tuple[NDArray, ...]:
    """The first 20 pages of a PDF file as pictures (height, width, 3), uint8 RGB.

    Their longer side has 1536 pixels.

    Raises:
        FileFormatError: it is no PDF file, or a damaged, encrypted or too large one.
        MissingDependencyError: the package that draws the pages is not installed.
    """
    data, suffix = _content(Path(path))
    if suffix != ".pdf":
        raise FileFormatError(f"only the pages of PDF files are pictures, not those of {suffix}")
    _require("pypdfium2")
    _, pages = _within_bounds(draw_pages, data, {})
    return tuple(pages.values())


def read_blocks(
    data: bytes, limits: ReadLimits, suffix: str
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The blocks of a file as values that JSON can hold; what the reading process computes."""
    blocks, hidden = _shown(READERS[suffix](data))
    told = [(block.text, block.kind.value, block.page) for block in blocks]
    return {"blocks": told, "hidden": hidden}, {}


def document_of(text: str, source: str = "text") -> Document:
    r"""The document of a text that is at hand.

    Args:
        text: its lines are paragraphs, headings, bullets or rows, as in a text file.
        source: by which name evidence cites it.

    Raises:
        FileFormatError: it is empty or too long.

    >>> [block.kind.value for block in document_of("Defects\n- Cracks\n- Dents").blocks]
    ['paragraph', 'bullet', 'bullet']
    """
    data = text.encode(errors="replace")
    check_size(len(data))
    return Document(source, *_shown(parse_text(data)))


def _shown(blocks: Sequence[Block]) -> tuple[tuple[Block, ...], int]:
    """The blocks without characters that nobody sees, and how many of these there were."""
    check_characters(sum(len(block.text) for block in blocks))
    shown_blocks, hidden = [], 0
    for block in blocks:
        text, count = visible(block.text)
        hidden += count
        if text.strip():
            shown_blocks.append(replace(block, text=text))
    if not shown_blocks:
        raise FileFormatError("the document holds no text")
    return tuple(shown_blocks), hidden


def _within_bounds(
    function: Callable[..., Any], data: bytes, options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    limits = ReadLimits(max_bytes=min(largest_unpacked(len(data)), 4 * MAX_BYTES))
    return compute_isolated(function, data, limits, options, seconds=SECONDS)


def _content(path: Path) -> tuple[bytes, str]:
    """The bytes of a file and its suffix in small letters, which fit together."""
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise FileFormatError(
            f"{suffix or 'a name without suffix'} is no format of documents that is read; save it "
            f"as one of {', '.join(READERS)}"
        )
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError("this is not an ordinary file; check the path")
    check_size(status.st_size)
    with path.open("rb") as file:
        # It may have grown meanwhile.
        data = file.read(MAX_BYTES + 1)
    check_size(len(data))
    _check_beginning(data, suffix)
    return data, suffix


def _check_beginning(data: bytes, suffix: str) -> None:
    for beginning, (kind, right) in BEGINNINGS.items():
        if data.startswith(beginning) and suffix != right:
            advice = f"give it the suffix {right}" if right else "save it as .docx or .pdf"
            raise FileFormatError(f"this is {kind}, not a {suffix} file; {advice}")
    if suffix == ".pdf" and b"%PDF-" not in data[:1024]:
        raise FileFormatError("this is no PDF file; give it the suffix of what it is")
    if suffix == ".docx" and not data.startswith(b"PK"):
        raise FileFormatError("this is no Word document; give it the suffix of what it is")


def _require(module: str) -> None:
    if find_spec(module) is None:
        raise missing_extra(ModuleNotFoundError(name=module), "reading PDF files")
