"""OBJ: the vertices and faces of all objects as one mesh; materials and textures are left out.

Every line is understood, known as one that carries nothing needed here, or refused by its number: a
line skipped silently would shift the vertices that faces name.

Read here rather than by trimesh, which splits vertices where texture seams run (a defect would
tear there), drops files of vertices alone, and takes relative indices for absolute ones. OBJ has no
place for further values per point: fields are left out.

Format: Alias|Wavefront, "Object Files (.obj)", appendix B1 of the Advanced Visualizer's manual.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.corner_normals import normals_of_vertices
from backend.io.limits import ReadLimits
from backend.io.lines import (
    COMMENT,
    blocks_of_lines,
    check_lengths,
    line_at,
    plain_text,
    refused_line,
    without_comment,
)
from backend.io.numbers import DecimalMark, NotANumberError, OtherMarkError, floats, read_with_mark
from backend.io.polygons import triangles_of

# What a vertex line may hold: x y z, then a weight, a color, or both.
VERTEX_NUMBERS = (3, 4, 6, 7)
NORMAL_NUMBERS = (3,)
# Keywords of lines without a vertex, a normal or a face: names, groups, materials, texture,
# display, points, lines, and what belongs to free-form surfaces.
WITHOUT_MESH = frozenset(
    b"vt vp g o s mg usemtl mtllib usemap maplib p l bevel c_interp d_interp lod shadow_obj "
    b"trace_obj cstype deg bmat step parm trim hole scrv sp end con ctech stech curv curv2 "
    b"t vw csh".split()
)
# Those that stand for geometry which is not read, and what to call it.
LEFT_OUT = {
    **dict.fromkeys((b"surf", b"bzp", b"bsp", b"cdp", b"cdc", b"res"), "free-form surfaces"),
    b"call": "references to other files",
}
# The old name of faces.
OTHER_NAMES = {b"fo": b"f"}
CONTINUED = re.compile(rb"\\[ \t]*\n")
# The lines that may go on in the next; a comment or a name may end with a backslash too.
OF_NUMBERS = re.compile(rb"[ \t]*(?:v|vn|vt|vp|f|fo|l|p)[ \t]", re.IGNORECASE)

NOTHING, VERTEX, NORMAL, FACE, OTHER = range(5)
# In place of an index: a corner that names no normal, and one that names what cannot be there.
NONE, WRONG = -1, -2


def parse_obj(data: bytes, limits: ReadLimits, decimal: DecimalMark | None = None) -> PointCloud:
    """Vertices in the file's order, faces cut into triangles, normals if each vertex has one.

    Args:
        data: the file.
        limits: what is refused as too large.
        decimal: the decimal mark of its numbers; without, it is found out.

    Raises:
        FileFormatError: a line that is not understood, a face of vertices that are not there.
    """
    text = plain_text(data)
    return read_with_mark(lambda mark: _Reading(text, limits, mark).cloud(), decimal)


@dataclass(frozen=True)
class _Faces:
    """F faces of C corners in all.

    ``lengths`` (F,) corners of each, ``lines`` (F,) of the file, ``vertices`` (C,) counted from 0,
    ``normals`` (C,) counted from 0, -1 where a corner names none.
    """

    lengths: IntArray
    lines: IntArray
    vertices: IntArray
    normals: IntArray

    @classmethod
    def joined(cls, parts: Collection[_Faces]) -> _Faces:
        names = ("lengths", "lines", "vertices", "normals")
        none = [np.empty(0, np.int64)]
        return cls(*(np.concatenate([getattr(part, n) for part in parts] or none) for n in names))

    def line_of(self, wrong: BoolArray) -> int:
        """The line of the face that has the first of the ``wrong`` (C,) corners."""
        ends = np.cumsum(self.lengths)
        return int(self.lines[np.searchsorted(ends, int(np.argmax(wrong)), side="right")])


class _Reading:
    """One pass through the lines of a text, block by block."""

    def __init__(self, text: bytes, limits: ReadLimits, decimal: DecimalMark) -> None:
        self.text, self.joined = text, _joined(text)
        self.limits, self.decimal = limits, decimal
        self.rows: dict[int, list[FloatArray]] = {VERTEX: [], NORMAL: []}
        self.known = {VERTEX: 0, NORMAL: 0}
        self.faces: list[_Faces] = []
        self.left_out: dict[str, None] = {}

    def cloud(self) -> PointCloud:
        for first, block in blocks_of_lines(self.joined):
            self._take(first, block)
        points, normals = (np.concatenate([np.empty((0, 3)), *self.rows[k]]) for k in self.rows)
        self.limits.check_points(len(points))
        faces = _Faces.joined(self.faces)
        self._check_named(faces, faces.vertices, len(points), "vertex")
        self._check_named(faces, faces.normals, len(normals), "normal")
        triangles, few = triangles_of(faces.lengths, faces.vertices, self.limits)
        own, normal_notices = normals_of_vertices(
            normals, len(points), faces.vertices, faces.normals
        )
        lost = tuple(
            f"The file has {what}, which are not read and were left out." for what in self.left_out
        )
        return PointCloud(points, own, triangles, notices=(*lost, *few, *normal_notices))

    def _take(self, first: int, block: bytes) -> None:
        """The lines of ``block``, of which the first has the number ``first``."""
        lines = block.split(b"\n")
        check_lengths(first, lines)
        begins = _begins(block)
        if _is_untidy(block, begins):
            lines = [_tidied(line) for line in lines]
            begins = _begins(b"\n".join(lines))
        kinds = _kinds(begins)
        for place in np.flatnonzero(kinds == OTHER).tolist():
            self._pass_over(first + place, lines[place])
        if (kinds == FACE).any():
            self.faces.append(self._faces(first, lines, kinds))
        for kind, allowed in ((VERTEX, VERTEX_NUMBERS), (NORMAL, NORMAL_NUMBERS)):
            rows = self._rows(first, lines, kinds == kind, allowed)
            self.rows[kind].append(rows)
            self.known[kind] += len(rows)
        self.limits.check_points(max(1, self.known[VERTEX]))

    def _pass_over(self, number: int, line: bytes) -> None:
        """Account for a line of names, settings and the like."""
        keyword = line.split(None, 1)[0].lower()
        if keyword in LEFT_OUT:
            self.left_out[LEFT_OUT[keyword]] = None
        elif keyword not in WITHOUT_MESH:
            raise self._refused(
                number, "does not begin with a keyword of OBJ; correct or remove it"
            )

    def _rows(
        self, first: int, lines: list[bytes], chosen: BoolArray, allowed: tuple[int, ...]
    ) -> FloatArray:
        """(K, 3) the first three numbers of each of the ``chosen`` lines."""
        picked = list(compress(lines, chosen.tolist()))
        if not picked:
            return np.empty((0, 3))
        text = b"\n".join(picked)
        words = text.split()
        width = len(words) // len(picked)
        if width - 1 in allowed and _is_keyword_each(words, width, len(picked)):
            del words[::width]
            try:
                return floats(words, text, self.decimal).reshape(-1, width - 1)[:, :3]
            except OtherMarkError:
                raise
            except NotANumberError:
                # Below, with the number of its line.
                pass
        numbers = (first + np.flatnonzero(chosen)).tolist()
        rows = [self._row(*line, allowed) for line in zip(numbers, picked, strict=True)]
        return np.array(rows)

    def _row(self, number: int, line: bytes, allowed: tuple[int, ...]) -> FloatArray:
        words = line.split()[1:]
        if len(words) not in allowed:
            counts = " or ".join(map(str, allowed))
            advice = "write spaces between numbers" if b"," in line else "correct it"
            raise self._refused(number, f"holds {len(words)} numbers, not {counts}; {advice}")
        try:
            return floats(words, line, self.decimal)[:3]
        except OtherMarkError:
            raise
        except NotANumberError as error:
            raise self._refused(number, f"holds {error.shown}, which is not a number") from None

    def _faces(self, first: int, lines: list[bytes], kinds: IntArray) -> _Faces:
        """The faces among the lines."""
        chosen = kinds == FACE
        picked = list(compress(lines, chosen.tolist()))
        numbers = first + np.flatnonzero(chosen)
        lengths, words = _corner_words(picked)
        try:
            vertices, normals = _corners(words)
        except (ValueError, OverflowError):
            raise self._refused(
                _first_unread(numbers, picked),
                "holds words that are not vertex/texture/normal numbers; correct it",
            ) from None
        vertices = _from_zero(vertices, lengths, self._known_at(VERTEX, kinds), WRONG)
        normals = _from_zero(normals, lengths, self._known_at(NORMAL, kinds), NONE)
        return _Faces(lengths, numbers, vertices, normals)

    def _known_at(self, kind: int, kinds: IntArray) -> IntArray:
        """How many lines of ``kind`` come before each face."""
        known: IntArray = self.known[kind] + np.cumsum(kinds == kind)[kinds == FACE]
        return known

    def _check_named(self, faces: _Faces, named: IntArray, count: int, what: str) -> None:
        """Raise ``FileFormatError`` if a face names a ``what`` that is not there."""
        wrong = (named >= count) | (named == WRONG)
        if wrong.any():
            raise self._refused(
                faces.line_of(wrong),
                f"names a {what} that is not there (the file has {count} of them, the first is 1); "
                "export the mesh again",
            )

    def _refused(self, number: int, reason: str) -> FileFormatError:
        """``number`` counts joined lines, the message those of the file."""
        start, line = line_at(self.joined, number)
        return refused_line(1 + self.text.count(b"\n", 0, start), line, reason)


def _joined(text: bytes) -> bytes:
    """The text with spaces where a line of numbers goes on in the next; no place is shifted."""
    joined, end, goes_on = None, -1, False
    for mark in CONTINUED.finditer(text):
        start = text.rfind(b"\n", 0, mark.start()) + 1
        # The third line of three, whose second has no keyword, goes on with the first.
        goes_on = (goes_on and start == end) or OF_NUMBERS.match(text, start) is not None
        goes_on = goes_on and COMMENT.search(text, start, mark.start()) is None
        end = mark.end()
        if goes_on:
            joined = joined or bytearray(text)
            joined[mark.start() : end] = b" " * (end - mark.start())
    return text if joined is None else bytes(joined)


def _begins(block: bytes) -> NDArray[np.uint8]:
    """(L, 3) the first three bytes of each line, line ends and all."""
    raw = np.frombuffer(block + b"\n\n\n", np.uint8)
    starts = np.append(0, np.flatnonzero(raw[: len(block)] == ord("\n")) + 1)
    return raw[starts[:, None] + np.arange(3)]


def _is_untidy(block: bytes, begins: NDArray[np.uint8]) -> bool:
    """Whether some line is indented, in capitals, called by an old name, or ends in a comment."""
    first, second, _ = begins.T
    capital = (first >= ord("A")) & (first <= ord("Z"))
    old_name = (first == ord("f")) & (second == ord("o"))
    if (_is_blank(first) | capital | old_name).any():
        return True
    return block.count(b"#") != int((first == ord("#")).sum())


def _tidied(line: bytes) -> bytes:
    """Keyword and the rest, without what makes a line untidy."""
    keyword, *rest = without_comment(line).split(None, 1) or [b""]
    keyword = keyword.lower()
    return b" ".join([OTHER_NAMES.get(keyword, keyword), *rest])


def _kinds(begins: NDArray[np.uint8]) -> IntArray:
    """(L,) NOTHING, VERTEX, NORMAL, FACE or OTHER of each line."""
    first, second, third = begins.T
    one, two = _is_blank(second), _is_blank(third)
    v, f = first == ord("v"), first == ord("f")
    kinds = np.full(len(begins), OTHER)
    kinds[(first == ord("\n")) | (first == ord("#"))] = NOTHING
    kinds[v & (second == ord("t")) & two] = NOTHING
    kinds[v & one] = VERTEX
    kinds[v & (second == ord("n")) & two] = NORMAL
    kinds[f & one] = FACE
    return kinds


def _is_blank(characters: NDArray[np.uint8]) -> BoolArray:
    blank: BoolArray = (characters == ord(" ")) | (characters == ord("\t"))
    return blank


def _is_keyword_each(words: list[bytes], width: int, lines: int) -> bool:
    """Whether all lines have ``width`` words: each begins with the first word, no other is it."""
    return len(words) == width * lines and words[::width].count(words[0]) == lines


def _corner_words(lines: list[bytes]) -> tuple[IntArray, list[bytes]]:
    """How many corners each face has, and all corners."""
    words = b"\n".join(lines).split()
    width = len(words) // len(lines)
    if _is_keyword_each(words, width, len(lines)):
        del words[::width]
        return np.full(len(lines), width - 1), words
    each = [line.split()[1:] for line in lines]
    return np.array([len(words) for words in each]), [word for words in each for word in words]


def _corners(words: list[bytes]) -> tuple[IntArray, IntArray]:
    """Vertex and normal of each corner as they are written, 0 where there is no normal.

    Raises:
        ValueError, OverflowError: something else than 7, 7/1, 7/1/3 or 7//3.
    """
    text = b" ".join(words)
    # Python takes 1_0 for 10.
    if b"_" in text:
        raise ValueError
    slashes = {word.count(b"/") for word in words} if b"/" in text else {0}
    if len(slashes) == 1 and (parts := slashes.pop() + 1) <= 3:
        flat = text.replace(b"//", b"/0/").replace(b"/", b" ").split()
        # No corner has more numbers than slashes and one: none is empty, then.
        if len(flat) == parts * len(words):
            each = np.fromiter(map(int, flat), np.int64, len(flat)).reshape(-1, parts)
            return each[:, 0], each[:, 2] if parts == 3 else np.zeros_like(each[:, 0])
    some = np.array([_corner(word) for word in words], np.int64).reshape(-1, 2)
    return some[:, 0], some[:, 1]


def _corner(word: bytes) -> tuple[int, int]:
    vertex, *others = word.split(b"/")
    if len(others) > 2:
        raise ValueError
    _, normal = [*(int(number or 0) for number in others), 0, 0][:2]
    return int(vertex), normal


def _first_unread(numbers: IntArray, lines: list[bytes]) -> int:
    """The number of the first line whose corners cannot be read."""
    for number, line in zip(numbers.tolist(), lines, strict=True):
        try:
            _corners(line.split()[1:])
        except (ValueError, OverflowError):
            return number
    raise AssertionError("some line could not be read")


def _from_zero(written: IntArray, lengths: IntArray, known: IntArray, zero: int) -> IntArray:
    """Indices counted from 0; negative ones count back from what is ``known`` (F,) at the face."""
    if written.size and written.min() > 0:
        return written - 1
    counted = np.where(written > 0, written - 1, written + np.repeat(known, lengths))
    return np.where(written == 0, zero, np.where(counted < 0, WRONG, counted))


def format_obj(cloud: PointCloud) -> bytes:
    """Vertices, normals if known, and faces; doubles in 17 digits, which read back exactly."""
    text = io.StringIO()
    np.savetxt(text, cloud.points, fmt="v %.17g %.17g %.17g")
    if cloud.normals is not None:
        np.savetxt(text, cloud.normals, fmt="vn %.17g %.17g %.17g")
    if cloud.faces is not None:
        corner = "%d//%d" if cloud.normals is not None else "%d"
        copies = 2 if cloud.normals is not None else 1
        corners = np.repeat(cloud.faces + 1, copies, axis=1)
        np.savetxt(text, corners, fmt=f"f {corner} {corner} {corner}")
    return text.getvalue().encode("ascii")
