"""Blocks out of lines of text, with or without Markdown's signs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from backend.instruct.documents.document import Block, BlockKind

BULLET = re.compile(r"\s*(?:[-*+•‣▪●○◦·–—■□➢]|\(?\d{1,2}[.)]|\(?[a-z][.)]|[（(]\d{1,2}[)）])\s+")
# Chinese lists are numbered without a space: 1、 and ①.
CHINESE_BULLET = re.compile(r"\s*(?:\d{1,2}、|[①-⑳])\s*")
HEADING = re.compile(r" {0,3}#{1,6}\s+(.*?)\s*#*\s*")
UNDERLINE = re.compile(r" {0,3}(?:={3,}|-{3,})\s*")
RULE = re.compile(r"[\s|:+=-]*[-=]{3}[\s|:+=-]*")
FENCE = re.compile(r"\s*(?:```|~~~)")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
EMPHASIS = re.compile(r"(\*\*|__|(?<!`)`(?!`))(?=\S)(.+?)(?<=\S)\1")
# Lines as wide as this, in letters of a Western width, are taken for wrapped ones.
WRAPPED = 50
NEARLY_FULL = 0.7
# "Guss- und" goes on with its hyphen.
SUSPENDED = ("und ", "oder ", "bis ", "and ", "or ", "to ")


def blocks_of_lines(text: str, page: int | None = None, markdown: bool = False) -> list[Block]:
    """The blocks of a text.

    An empty line ends a block. So does a line end, unless the line is as wide as the text is or the
    next one begins with a small letter: then the line is wrapped, and its words are joined.
    """
    if markdown:
        text = EMPHASIS.sub(r"\2", LINK.sub(r"\1", COMMENT.sub("", text)))
    found: list[Block] = []
    for lines in _paragraphs(text):
        found += _blocks_of_paragraph(lines, page)
    return found


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Lines between empty ones."""
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            lines.append(line.expandtabs(1) if "\t" not in line.strip() else line)
        elif lines:
            yield lines
            lines = []


def _blocks_of_paragraph(lines: list[str], page: int | None) -> Iterator[Block]:
    width = max(map(_width, lines))
    text, kind, last = "", BlockKind.PARAGRAPH, ""
    for line in lines:
        if FENCE.match(line):
            continue
        if text and UNDERLINE.fullmatch(line) and kind is BlockKind.PARAGRAPH:
            yield Block(text, BlockKind.HEADING, page)
            text = ""
            continue
        if RULE.fullmatch(line):
            continue
        words, of_line = _told_apart(line)
        if text and of_line is BlockKind.PARAGRAPH and _goes_on(last, words, kind, width):
            text = joined(text, words)
        else:
            if text:
                yield Block(text, kind, page)
            text, kind = words, of_line
        last = line
    if text:
        yield Block(text, kind, page)


def _told_apart(line: str) -> tuple[str, BlockKind]:
    """A line without its sign, and the kind of block that it begins."""
    if heading := HEADING.fullmatch(line):
        return heading[1], BlockKind.HEADING
    cells = re.split(r"\t+" if "\t" in line.strip() else r"\|", line.strip().strip("|"))
    if len(cells) > 1:
        return row_of(cells), BlockKind.ROW
    for sign in (BULLET, CHINESE_BULLET):
        if found := sign.match(line):
            return _words(line[found.end() :].lstrip("> ")), BlockKind.BULLET
    return _words(re.sub(r"^\s*>+\s?", "", line)), BlockKind.PARAGRAPH


def row_of(cells: list[str]) -> str:
    """The text of a row of a table.

    >>> row_of(["scratch ", " 0.2 mm"])
    'scratch | 0.2 mm'
    """
    return " | ".join(map(_words, cells))


def _words(text: str) -> str:
    return " ".join(text.split())


def _goes_on(last: str, words: str, kind: BlockKind, width: int) -> bool:
    """Whether ``words`` belong to the line before, ``last``."""
    if kind in (BlockKind.HEADING, BlockKind.ROW):
        return False
    if words[:1].islower():
        return True
    full = width >= WRAPPED and _width(last) >= NEARLY_FULL * width
    return full and not last.rstrip().endswith((":", "：", ";", "；"))


def _width(line: str) -> int:
    """In letters of a Western width; a Chinese one takes two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in line.strip())


def joined(text: str, more: str) -> str:
    """Two lines as one, without the hyphen of a word that was parted.

    >>> joined("no scrat-", "ches")
    'no scratches'
    """
    if text.endswith("-") and more[:1].islower() and not more.startswith(SUSPENDED):
        return text[:-1] + more
    wide = text[-1:] + more[:1]
    between = "" if all(unicodedata.east_asian_width(letter) in "WF" for letter in wide) else " "
    return text + between + more
