"""The header of a PCD file, held against the size of the file before anything else is done.

Format: the Point Cloud Library's PCD 0.7, and what older and other programs write: COLUMNS for
FIELDS (0.5), no COUNT, no HEIGHT, no POINTS, no VIEWPOINT, fields of COUNT 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.errors import FileFormatError
from backend.io.limits import check_columns
from backend.io.text import check_text

MAX_HEADER = 1 << 16
KEYS = (
    *("VERSION", "FIELDS", "COLUMNS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT"),
    *("VIEWPOINT", "POINTS", "DATA"),
)
ENCODINGS = ("ascii", "binary", "binary_compressed")
TYPES = {
    **{("F", size): f"<f{size}" for size in (2, 4, 8)},
    **{(kind, size): f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
}
PADDING = "_"


@dataclass(frozen=True)
class Field:
    """A field of a point: ``count`` numbers of one type."""

    name: str
    dtype: np.dtype
    count: int

    @property
    def size(self) -> int:
        """Bytes in a point."""
        return self.dtype.itemsize * self.count


@dataclass(frozen=True)
class PcdHeader:
    """What a header promises.

    Attributes:
        fields: with padding, in order.
        width: columns of an organised cloud, else the number of points.
        height: rows of an organised cloud, else 1.
        encoding: one of ``ENCODINGS``.
    """

    fields: tuple[Field, ...]
    width: int
    height: int
    encoding: str

    @property
    def points(self) -> int:
        """How many there are."""
        return self.width * self.height

    @property
    def row(self) -> int:
        """Bytes of a point."""
        return sum(field.size for field in self.fields)

    @property
    def numbers(self) -> int:
        """Numbers of a point."""
        return sum(field.count for field in self.fields)

    def named(self) -> Iterator[tuple[int, Field]]:
        """Number and field of all that are no padding."""
        for index, field in enumerate(self.fields):
            if field.name != PADDING and field.count > 0:
                yield index, field


def read_header(data: bytes) -> tuple[PcdHeader, bytes]:
    """The header, and the bytes after it.

    Raises:
        FileFormatError: there is none, or it contradicts itself; it quotes the line.
    """
    lines, body = _lines(data)
    if "DATA" not in lines:
        raise FileFormatError("no PCD header that ends with a DATA line; export it again")
    encoding = lines["DATA"][0].lower() if lines["DATA"] else ""
    if encoding not in ENCODINGS:
        raise FileFormatError(
            f"unknown DATA {encoding!r}; export it as one of {', '.join(ENCODINGS)}"
        )
    width, height = _size(lines)
    return PcdHeader(_fields(lines), width, height, encoding), body


def _lines(data: bytes) -> tuple[dict[str, list[str]], bytes]:
    """The words behind each key, up to the DATA line, and what follows it."""
    found: dict[str, list[str]] = {}
    start = 0
    while "DATA" not in found and start < min(len(data), MAX_HEADER):
        end = data.find(b"\n", start, start + MAX_HEADER)
        end = len(data) if end < 0 else end
        line = data[start:end]
        check_text(line)
        start = end + 1
        words = line.decode("latin-1").split()
        if not words or words[0].startswith("#"):
            continue
        key = words[0].upper()
        if key not in KEYS:
            raise FileFormatError(
                f"the line {' '.join(words)[:80]!r} does not belong to a PCD header; remove it"
            )
        if key in found:
            raise FileFormatError(f"the PCD header has {key} twice; remove one")
        found[key] = words[1:]
    return found, data[start:]


def _size(lines: dict[str, list[str]]) -> tuple[int, int]:
    """Width and height, of which a file may leave out what follows from the others."""
    points = _count(lines, "POINTS") if "POINTS" in lines else None
    height = _count(lines, "HEIGHT") if "HEIGHT" in lines else 1
    if "WIDTH" not in lines and (points is None or height != 1):
        raise FileFormatError("the PCD header has no WIDTH; export it again")
    width = _count(lines, "WIDTH") if "WIDTH" in lines else points or 0
    if points is not None and width * height != points:
        raise FileFormatError(
            f"WIDTH {width} x HEIGHT {height} is not POINTS {points}; correct the header"
        )
    return width, height


def _count(lines: dict[str, list[str]], key: str) -> int:
    words = lines[key]
    if len(words) != 1 or not words[0].isdecimal():
        raise FileFormatError(
            f"the line {' '.join([key, *words])[:80]!r} needs one whole number; correct it"
        )
    return int(words[0][:20])


def _fields(lines: dict[str, list[str]]) -> tuple[Field, ...]:
    names = lines.get("FIELDS", lines.get("COLUMNS"))
    if not names or "SIZE" not in lines or "TYPE" not in lines:
        raise FileFormatError("the PCD header lacks FIELDS, SIZE or TYPE; export it again")
    sizes, kinds = lines["SIZE"], lines["TYPE"]
    counts = lines.get("COUNT") or ["1"] * len(names)
    lengths = {len(names), len(sizes), len(kinds), len(counts)}
    if len(lengths) != 1:
        raise FileFormatError(
            f"FIELDS, SIZE, TYPE and COUNT name {sorted(lengths)} columns; they must agree"
        )
    check_columns(len(names))
    fields = tuple(map(_field, names, sizes, kinds, counts))
    check_columns(sum(field.count for field in fields))
    named = [field.name for field in fields if field.name != PADDING]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise FileFormatError(f"FIELDS has {twice!r} twice; rename one")
    return fields


def _field(name: str, size: str, kind: str, count: str) -> Field:
    if not count.isdecimal() or not size.isdecimal():
        raise FileFormatError(
            f"the field {name!r} has SIZE {size[:20]!r} and COUNT {count[:20]!r}; both must be "
            "whole numbers"
        )
    code = TYPES.get((kind.upper(), int(size[:20])))
    if code is None and name != PADDING:
        raise FileFormatError(
            f"the field {name!r} has TYPE {kind[:20]!r} and SIZE {size[:20]!r}; known are F of 2, "
            "4 or 8 bytes, and I and U of 1, 2, 4 or 8"
        )
    return Field(name, np.dtype(code or f"V{min(int(size[:20]), MAX_HEADER)}"), int(count[:20]))


def packed_dtype(header: PcdHeader) -> np.dtype:
    """A point as binary files have it; fields are named by their numbers."""
    return np.dtype([(str(n), f.dtype, (f.count,)) for n, f in enumerate(header.fields)])


def columns_of(header: PcdHeader, values: dict[int, NDArray]) -> dict[str, NDArray]:
    """The fields by their names, (N,) or for a COUNT above 1 (N, C).

    Args:
        header: of the file.
        values: (N, C) by the number of the field, without padding.
    """
    columns = {}
    for index, field in header.named():
        array = values[index]
        columns[field.name] = array[:, 0] if field.count == 1 else array
    return columns
