"""The lines of a text file with their numbers, some at a time, so that memory stays bounded.

For readers that account for every line of a file: what is not understood is refused by its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend.errors import FileFormatError
from backend.io.text import MAX_LINE, check_text

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
BLOCK_BYTES = 1 << 20
REPLACED_BYTES = 1 << 16
QUOTED_BYTES = 80
# A number sign within 1.#QNAN begins no comment.
COMMENT = re.compile(rb"(?<!\d[.,])#.*")


def plain_text(data: bytes) -> bytes:
    r"""The text without a byte order mark, its lines ended by ``\n`` whatever ended them before.

    UTF-16 becomes UTF-8; any other encoding stays as it is.

    Raises:
        FileFormatError: there is a control character that text does not have.
    """
    text = from_utf_16(data.removeprefix(BYTE_ORDER_MARK))
    check_text(text)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text


def from_utf_16(data: bytes) -> bytes:
    """UTF-8 of a text in UTF-16, as "Unicode text" of spreadsheets is; other bytes as they are."""
    name = next((name for mark, name in UTF_16.items() if data.startswith(mark)), None)
    if name is None:
        # Without a mark: of plain letters and digits, every other byte is 0.
        zeros = [data[first:QUOTED_BYTES:2].count(0) for first in (0, 1)]
        if min(zeros) > 0 or max(zeros) < len(data[:QUOTED_BYTES]) // 2 or len(data) < 2:
            return data
        name = "utf-16-be" if zeros[0] else "utf-16-le"
    try:
        return data.decode(name).removeprefix("\ufeff").encode()
    except UnicodeError:
        raise FileFormatError("the text is UTF-16, but not all of it; it is cut off") from None


def decoded(line: bytes) -> str:
    """A line in UTF-8, or else in Latin-1, in which every byte is a letter."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def replaced(text: bytes, pattern: re.Pattern[bytes], by: bytes) -> bytes:
    """``text`` with what ``pattern`` finds within lines replaced, some lines at a time.

    Many replacements in one go would take far more memory than the text.
    """
    pieces = (pattern.sub(by, piece) for _, piece in blocks_of_lines(text, REPLACED_BYTES))
    return b"\n".join(pieces)


def blocks_of_lines(text: bytes, size: int = BLOCK_BYTES) -> Iterator[tuple[int, bytes]]:
    r"""Pieces of whole lines in order, about ``size`` bytes each, and the first line's number.

    A piece ends before the ``\n`` of its last line.
    """
    start, number = 0, 1
    while start < len(text):
        end = text.find(b"\n", min(start + size, len(text)))
        end = len(text) if end < 0 else end
        yield number, text[start:end]
        number += text.count(b"\n", start, end) + 1
        start = end + 1


def without_comment(line: bytes) -> bytes:
    """The line as far as a ``#``."""
    return COMMENT.sub(b"", line) if b"#" in line else line


def check_lengths(number: int, lines: list[bytes]) -> None:
    """Raise ``FileFormatError`` if a line, the first of which is ``number``, is overlong."""
    if max(map(len, lines)) > MAX_LINE:
        long = next(place for place, line in enumerate(lines) if len(line) > MAX_LINE)
        raise FileFormatError(
            f"a line has more than {MAX_LINE} bytes: line {number + long}; "
            "text formats need one point or face a line"
        )


def refused_line(number: int, line: bytes, reason: str) -> FileFormatError:
    """The error that quotes a line, counted from 1; ``reason`` goes on after it."""
    quoted = line.strip()[:QUOTED_BYTES].decode("utf-8", "replace")
    return FileFormatError(f"line {number}, {quoted!r}, {reason}")


def line_at(text: bytes, number: int) -> tuple[int, bytes]:
    """Where line ``number``, counted from 1, starts, and the line; slow, for messages."""
    start = 0
    for _ in range(number - 1):
        start = text.index(b"\n", start) + 1
    return start, text[start:].split(b"\n", 1)[0]
