"""HTML: headings, paragraphs, items of lists and rows of tables."""

from __future__ import annotations

import codecs
import re
from html.parser import HTMLParser

from backend.instruct.documents.characters import text_of
from backend.instruct.documents.document import Block, BlockKind
from backend.instruct.documents.lines import row_of

CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?([\w-]+)", re.I)
HEAD_BYTES = 2048
UNREAD = {"script", "style", "template", "title", "noscript"}
HEADINGS = {f"h{level}" for level in range(1, 7)}
# Elements within a line; all others begin a new one.
INLINE = (
    *("a", "abbr", "b", "bdi", "bdo", "button", "cite", "code", "data", "del", "dfn", "em", "font"),
    *("i", "img", "input", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span"),
    *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
)


def parse_html(data: bytes) -> list[Block]:
    """The blocks of an HTML page; nothing that it refers to is loaded."""
    parser = _Blocks()
    parser.feed(_text(data))
    parser.close()
    parser.end_block()
    return parser.blocks


def _text(data: bytes) -> str:
    named = CHARSET.search(data[:HEAD_BYTES])
    if named:
        try:
            name = codecs.lookup(named[1].decode("ascii")).name
            # Browsers take these for Windows' encoding too.
            return data.decode("cp1252" if name in ("iso8859-1", "ascii") else name)
        except (LookupError, UnicodeError):
            pass
    return text_of(data)


class _Blocks(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.kind = BlockKind.PARAGRAPH
        self.words: list[str] = []
        # Of the row that is open, if one is.
        self.cells: list[str] | None = None
        self.in_cell = False
        self.unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNREAD:
            self.unread += 1
        elif tag in ("td", "th") and self.cells is not None:
            self._end_cell()
            self.in_cell = True
        elif tag == "tr":
            self.end_block()
            self.cells = []
        elif self.cells is not None:
            # Paragraphs and lists in a cell are parts of its text.
            self.words.append("" if tag in INLINE else " ")
        elif tag not in INLINE:
            self.end_block()
            if tag in HEADINGS:
                self.kind = BlockKind.HEADING
            elif tag == "li":
                self.kind = BlockKind.BULLET

    def handle_endtag(self, tag: str) -> None:
        if tag in UNREAD:
            self.unread = max(0, self.unread - 1)
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table") or (self.cells is None and tag not in INLINE):
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.words.append(data)

    def _end_cell(self) -> None:
        """Keep the open cell; its end need not be written."""
        if self.cells is not None and self.in_cell:
            self.cells.append("".join(self.words))
        if self.cells is not None:
            self.words, self.in_cell = [], False

    def end_block(self) -> None:
        """Keep what was read since the last block as one."""
        self._end_cell()
        if self.cells is None:
            text = " ".join("".join(self.words).split())
        else:
            text, self.kind = row_of(self.cells), BlockKind.ROW
        if text.strip(" |"):
            self.blocks.append(Block(text, self.kind))
        self.words, self.cells, self.kind = [], None, BlockKind.PARAGRAPH
