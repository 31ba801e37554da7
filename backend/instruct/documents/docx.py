"""Word's documents: a zip archive of XML, read by the standard library alone.

Nothing outside the archive is opened. A document type, which could define entities that expand to
gigabytes or name other files, is refused; Word writes none.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from xml.parsers import expat

from backend.errors import FileFormatError
from backend.instruct.documents.bounds import largest_unpacked
from backend.instruct.documents.document import Block, BlockKind
from backend.instruct.documents.lines import row_of

MAIN = "word/document.xml"
# Text that stands below the pages.
NOTES = ("word/footnotes.xml", "word/endnotes.xml")
STYLES = "word/styles.xml"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT_WORD = "http://purl.oclc.org/ooxml/wordprocessingml/main"
COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
ENCRYPTED = 0x1


def parse_docx(data: bytes) -> list[Block]:
    """The blocks of a Word document: its paragraphs, tables, footnotes and endnotes.

    Raises:
        FileFormatError: it is damaged, encrypted, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(archive, len(data))
            styles = _Styles()
            if STYLES in archive.namelist():
                _parse(_read(archive, STYLES, len(data)), styles)
            body = _Body(styles)
            for name in (MAIN, *NOTES):
                if name in archive.namelist():
                    _parse(_read(archive, name, len(data)), body)
            return body.blocks
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FileFormatError("the .docx file is damaged or cut off; save it again") from error


def _check(archive: zipfile.ZipFile, size: int) -> None:
    names = archive.namelist()
    if MAIN not in names:
        kinds = {"xl/": "an Excel workbook", "ppt/": "a PowerPoint file", "content.xml": "ODF"}
        is_it = next(
            (kind for start, kind in kinds.items() for n in names if n.startswith(start)), ""
        )
        raise FileFormatError(
            f"this is {is_it or 'a zip archive'}, not a Word document; save it as .docx or .pdf"
        )
    if any(entry.flag_bits & ENCRYPTED for entry in archive.infolist()):
        raise FileFormatError("the document is encrypted; save it without a password")
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > largest_unpacked(size):
        raise _too_much(size)


def _too_much(size: int) -> FileFormatError:
    return FileFormatError(
        f"the .docx file of {size} bytes unpacks to more than {largest_unpacked(size)}, which no "
        "text does; save it again without embedded files"
    )


def _read(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """A file of the archive; what its header says of its size need not be true."""
    with archive.open(name) as file:
        content = file.read(largest_unpacked(size) + 1)
    if len(content) > largest_unpacked(size):
        raise _too_much(size)
    return content


class _Elements:
    """Is told of each element of Word's own, by its name without namespace."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def characters(self, text: str) -> None:
        """Text in the element that began last."""


def _parse(content: bytes, elements: _Elements) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise FileFormatError(
            "the .docx file defines entities of XML, which Word never does; it is not read"
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        if tag := _own(name):
            elements.start(tag, {_own(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        if tag := _own(name):
            elements.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = elements.characters
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise FileFormatError("the .docx file is damaged or cut off; save it again") from error


def _own(name: str) -> str:
    """The name of one of Word's elements or attributes; of any other, an empty one."""
    space, _, tag = name.rpartition(" ")
    if space == COMPATIBILITY and tag == "Fallback":
        return tag
    return tag if space in (WORD, STRICT_WORD) else ""


class _Styles(_Elements):
    """Which styles are headings: their identifiers differ by language, their names do not."""

    def __init__(self) -> None:
        self.headings: set[str] = set()
        self.bullets: set[str] = set()
        self._style = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        value = attributes.get("val", "").lower()
        if tag == "style":
            self._style = attributes.get("styleId", "")
        elif tag == "name" and (value.startswith("heading ") or value in ("title", "subtitle")):
            self.headings.add(self._style)
        elif tag == "name" and value.startswith(("list bullet", "list number")):
            self.bullets.add(self._style)


class _Body(_Elements):
    """The text of paragraphs and tables."""

    def __init__(self, styles: _Styles) -> None:
        self.blocks: list[Block] = []
        self.styles = styles
        self.kind = BlockKind.PARAGRAPH
        self.words: list[str] = []
        # The cells of the rows that are open, the outermost first: a cell may hold a table.
        self.rows: list[list[str]] = []
        self.reading = False
        # Within what stands there twice, or has been moved elsewhere.
        self.left_out = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("Fallback", "moveFrom"):
            self.left_out += 1
        elif tag == "t":
            self.reading = not self.left_out
        elif tag in ("tab", "br", "cr"):
            self.words.append(" ")
        elif tag == "noBreakHyphen":
            self.words.append("-")
        elif tag == "pStyle":
            style = attributes.get("val", "")
            if style in self.styles.headings:
                self.kind = BlockKind.HEADING
            elif style in self.styles.bullets:
                self.kind = BlockKind.BULLET
        elif tag == "numPr" and self.kind is BlockKind.PARAGRAPH:
            self.kind = BlockKind.BULLET
        elif tag == "tr":
            self.rows.append([])
        elif tag == "tc" and self.rows:
            self.rows[-1].append("")

    def end(self, tag: str) -> None:
        if tag in ("Fallback", "moveFrom"):
            self.left_out -= 1
        elif tag == "t":
            self.reading = False
        elif tag == "p":
            self._end_paragraph()
        elif tag == "tr" and self.rows:
            text = row_of(self.rows.pop())
            if self.rows and self.rows[-1]:
                self.rows[-1][-1] += f" {text}"
            elif text.strip(" |"):
                self.blocks.append(Block(text, BlockKind.ROW))

    def characters(self, text: str) -> None:
        if self.reading:
            self.words.append(text)

    def _end_paragraph(self) -> None:
        text = " ".join("".join(self.words).split())
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += f" {text}"
        elif text:
            self.blocks.append(Block(text, self.kind))
        self.words, self.kind = [], BlockKind.PARAGRAPH
