"""The rows of ascii PLY files: one row a line, all numbers passed through doubles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray, IntArray
from backend.errors import FileFormatError
from backend.io.lines import blocks_of_lines, plain_text, refused_line
from backend.io.numbers import DecimalMark, NotANumberError, OtherMarkError, floats
from backend.io.ply_header import Element

Table = dict[str, NDArray]


def ascii_tables(
    elements: Sequence[Element], body: bytes, header_lines: int, decimal: DecimalMark
) -> tuple[dict[str, Table], tuple[str, ...]]:
    """The columns of each element by their names, and the notices for the user.

    Of a list, ``#name`` holds the lengths and ``name`` (L, 1) the items of all rows.

    Raises:
        FileFormatError: a row that is not what the header promises, or too few rows.
    """
    rows = _Rows.of(plain_text(body), header_lines, decimal)
    tables = {element.name: rows.take(element) for element in elements}
    left = len(rows.words) - rows.line
    notice = f"Lines behind the rows that the header promises were left out: {left}."
    return tables, (notice,) if left else ()


class _Rows:
    """The lines with something on them, taken element by element.

    ``numbers`` (W,) of all lines, ``words`` (L,) how many each line has.
    """

    def __init__(
        self, text: bytes, header_lines: int, numbers: FloatArray, words: IntArray
    ) -> None:
        self.text, self.header_lines = text, header_lines
        self.numbers, self.words = numbers, words
        self.line, self.place = 0, 0

    @classmethod
    def of(cls, text: bytes, header_lines: int, decimal: DecimalMark) -> _Rows:
        numbers, words = [np.empty(0)], [np.empty(0, np.int64)]
        for first, block in blocks_of_lines(text):
            numbers.append(_numbers(block, header_lines + first, decimal))
            words.append(_words_per_line(block))
        counts = np.concatenate(words)
        return cls(text, header_lines, np.concatenate(numbers), counts[counts > 0])

    def take(self, element: Element) -> Table:
        """The columns of the next lines, one for each of the element's rows."""
        words = self.words[self.line : self.line + element.count]
        total = int(words.sum())
        flat = self.numbers[self.place : self.place + total]
        table = self._columns(element, flat, words)
        # Not before the rows that are there were looked at: all may stand on one line.
        if len(words) < element.count:
            raise FileFormatError(
                f"the file ends after {len(words)} of {element.count} {element.name!r} lines; "
                "it is cut off"
            )
        self.line += element.count
        self.place += total
        return table

    def _columns(self, element: Element, flat: FloatArray, words: IntArray) -> Table:
        ends = np.cumsum(words)
        at = ends - words
        table: Table = {}
        for prop in element.properties:
            count = np.ones(len(at), np.int64)
            if prop.length:
                count = self._typed(flat[self._within(at, count, ends)], "i8", count)
                table[f"#{prop.name}"] = count = np.maximum(count, 0)
                at = at + 1
            items = self._typed(flat[self._within(at, count, ends)], prop.type, count)
            table[prop.name] = items.reshape(-1, 1) if prop.length else items
            at = at + count
        if (at != ends).any():
            row = int(np.argmax(at != ends))
            raise self._refused(row, f"holds {words[row]} numbers, more than the header promises")
        return table

    def _within(self, at: IntArray, count: IntArray, ends: IntArray) -> IntArray:
        """Where the next ``count`` numbers of each line are, if the line has them."""
        # Not by a sum, which a huge count would make overflow.
        short = count > ends - at
        if short.any():
            raise self._refused(
                int(np.argmax(short)), "holds fewer numbers than the header promises"
            )
        return item_places(at, count, 1)

    def _typed(self, numbers: FloatArray, kind: str, count: IntArray) -> NDArray:
        """The numbers, ``count`` of each row, in the type that the header promises."""
        with np.errstate(invalid="ignore", over="ignore"):
            typed = numbers.astype(kind)
        if typed.dtype.kind in "iu" and (typed != numbers).any():
            wrong = int(np.argmax(typed != numbers))
            row = int(np.searchsorted(np.cumsum(count), wrong, side="right"))
            raise self._refused(
                row, f"holds {numbers[wrong]:g}, where the header promises a whole number"
            )
        return typed

    def _refused(self, row: int, reason: str) -> FileFormatError:
        """The error about the row at ``row`` of those that are taken."""
        lines = (pair for pair in enumerate(self.text.split(b"\n"), 1) if pair[1].strip())
        number, line = next(pair for at, pair in enumerate(lines) if at == self.line + row)
        return refused_line(self.header_lines + number, line, f"{reason}; export it again")


def _numbers(block: bytes, first: int, decimal: DecimalMark) -> FloatArray:
    """The numbers of the lines, of which the one numbered ``first`` in the file comes first."""
    try:
        return floats(block.split(), block, decimal)
    except OtherMarkError:
        raise
    except NotANumberError as error:
        number, line = next(
            pair for pair in enumerate(block.split(b"\n"), first) if error.word in pair[1].split()
        )
        reason = f"holds {error.shown}, which is not a number; export it again"
        raise refused_line(number, line, reason) from None


def _words_per_line(block: bytes) -> IntArray:
    raw = np.frombuffer(block + b"\n", np.uint8)
    blank = raw <= ord(" ")
    begins = ~blank
    begins[1:] &= blank[:-1]
    starts = np.append(0, np.flatnonzero(raw == ord("\n"))[:-1] + 1)
    return np.add.reduceat(begins, starts, dtype=np.int64)


def item_places(start: IntArray, count: IntArray, size: int) -> IntArray:
    """Where every item of lists (N,) is that begin at ``start`` and have ``count`` items."""
    places = np.arange(count.sum())
    places -= np.repeat(np.cumsum(count) - count, count)
    places *= size
    places += np.repeat(start, count)
    return places
