"""The ascii form of STL: keywords in any case, in lines or not, any number of solids.

All text is accounted for. Between ``solid`` and ``endsolid`` there are facets and comments; a line
of anything else is refused. Text outside of solids is left out, and a notice says so.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits
from backend.io.lines import blocks_of_lines, plain_text, refused_line, without_comment
from backend.io.numbers import (
    DecimalMark,
    NotANumberError,
    OtherMarkError,
    floats,
    read_with_mark,
)
from backend.io.polygons import triangles_of

BEGINNING = 1 << 16
ASCII = re.compile(rb"(?:\A|[\r\n])[ \t]*(?:facet[ \t]|end[ \t]*solid)", re.IGNORECASE)
# A line that begins or ends a solid, with its name.
MARK = re.compile(rb"[ \t]*(end[ \t]*)?solid[^\n]*", re.IGNORECASE)
OF_FACET = re.compile(
    rb"^[ \t]*(?:facet|outer|vertex|endloop|endfacet)\b", re.IGNORECASE | re.MULTILINE
)
# Behind the last line; some programs for DOS end a text with the first of them.
TRAILING = b"\x1a \t\r\n"
# The words of a triangle, "-" for a number.
WORDS = (
    b"facet normal - - - outer loop vertex - - - vertex - - - vertex - - - endloop endfacet".split()
)
KEYWORDS = {place: word for place, word in enumerate(WORDS) if word != b"-"}
NUMBERS = [place for place, word in enumerate(WORDS) if word == b"-"][3:]


def is_ascii_stl(data: bytes) -> bool:
    """Whether there is a facet, or the end of a solid, in the form of text."""
    return ASCII.search(data, 0, BEGINNING) is not None


def parse_ascii_stl(
    data: bytes, limits: ReadLimits, decimal: DecimalMark | None = None
) -> PointCloud:
    """The corners (3 F, 3) of all solids' faces, cut into triangles, one after another.

    Raises:
        FileFormatError: a line that is not understood, or no end of the last solid.
    """
    text = plain_text(data.rstrip(TRAILING))
    return read_with_mark(lambda mark: _parse(text, limits, mark), decimal)


def _parse(text: bytes, limits: ReadLimits, decimal: DecimalMark) -> PointCloud:
    corners, spare = [np.empty((0, 3))], 0
    for start, end, inside in _parts(text):
        if inside or OF_FACET.search(text, start, end):
            found = _triangles(text[start:end], decimal)
            if found is None:
                found = _polygons(text, start, end, limits, decimal)
            corners.append(found)
        else:
            spare += sum(map(_says_something, text[start:end].split(b"\n")))
    if inside:
        raise FileFormatError("the ascii STL file has no 'endsolid' at its end: it is cut off")
    notice = f"Lines of text outside of the solids were left out: {spare}."
    return PointCloud(np.concatenate(corners), notices=(notice,) if spare else ())


def _parts(text: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each part between marks starts and ends, and whether it is inside of a solid."""
    start, inside = 0, False
    for mark in _marks(text):
        yield start, mark.start(), inside
        start, inside = mark.end(), mark.group(1) is None
    yield start, len(text), inside


def _marks(text: bytes) -> Iterator[re.Match[bytes]]:
    """The lines that begin or end a solid; to look for the word first is thrice as fast."""
    lowered, end = text.lower(), 0
    while (place := lowered.find(b"solid", end)) >= 0:
        start = max(end, text.rfind(b"\n", end, place) + 1)
        mark = MARK.match(text, start)
        if mark is not None:
            yield mark
        end = text.find(b"\n", place)
        if end < 0:
            return


def _says_something(line: bytes) -> bool:
    return without_comment(line).strip() != b""


def _triangles(text: bytes, decimal: DecimalMark) -> FloatArray | None:
    """(3 F, 3) the corners if there are triangles and nothing else, as nearly always; or None."""
    corners = [np.empty((0, 9))]
    words: list[bytes] = []
    for _, block in blocks_of_lines(text):
        piece = b" ".join([*words, block.lower()])
        words = piece.split()
        faces = len(words) // len(WORDS)
        whole, words = words[: faces * len(WORDS)], words[faces * len(WORDS) :]
        if any(whole[at :: len(WORDS)].count(word) != faces for at, word in KEYWORDS.items()):
            return None
        try:
            columns = [floats(whole[at :: len(WORDS)], piece, decimal) for at in NUMBERS]
        except OtherMarkError:
            raise
        except NotANumberError:
            return None
        corners.append(np.stack(columns, axis=1))
    return None if words else np.concatenate(corners).reshape(-1, 3)


def _polygons(
    text: bytes, start: int, end: int, limits: ReadLimits, decimal: DecimalMark
) -> FloatArray:
    """(3 F, 3) the corners of the triangles that the facets are cut into, line by line.

    Raises:
        FileFormatError: a line that is none of a facet, or a facet that does not end.
    """
    numbers, lengths = array("d"), array("q")
    count, opened, first = None, 0, 1 + text.count(b"\n", 0, start)
    lines = text[start:end].split(b"\n")
    for number, line in enumerate(lines, first):
        keyword, *words = without_comment(line).split() or [b""]
        keyword = keyword.lower()
        if keyword == b"facet" and count is None:
            count, opened = 0, number
        elif keyword == b"vertex" and count is not None:
            numbers.extend(_corner(words, number, line, decimal))
            count += 1
        elif keyword == b"endfacet" and count is not None and count >= 3:
            lengths.append(count)
            count = None
        elif keyword not in (b"", b"outer", b"endloop"):
            raise refused_line(number, line, "is not what a facet has here; export the mesh again")
    if count is not None:
        raise refused_line(opened, lines[opened - first], "does not end; the file is cut off")
    faces, _ = triangles_of(np.array(lengths, np.int64), np.arange(len(numbers) // 3), limits)
    return np.array(numbers).reshape(-1, 3)[[] if faces is None else faces.reshape(-1)]


def _corner(words: list[bytes], number: int, line: bytes, decimal: DecimalMark) -> FloatArray:
    if len(words) != 3:
        advice = "write spaces between numbers" if b"," in line else "correct it"
        raise refused_line(number, line, f"holds {len(words)} numbers, not 3; {advice}")
    try:
        return floats(words, line, decimal)
    except OtherMarkError:
        raise
    except NotANumberError as error:
        raise refused_line(number, line, f"holds {error.shown}, which is not a number") from None
