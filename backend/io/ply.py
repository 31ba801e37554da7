"""PLY: ascii and binary, little and big endian, any vertex properties, faces of any size.

Format: Greg Turk, "The PLY Polygon File Format" (1994). Read here rather than by a library, because
the header's counts must be checked before anything is allocated, and because every vertex property
is to come back with its own name and type.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.limits import ReadLimits, check_columns
from backend.io.polygons import triangulate
from backend.io.text import check_text, format_rows, lines_of

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8",
}  # fmt: skip
NAMES = {code: name for name, code in reversed(TYPES.items())}
REPLACED = {"b1": "u1", "i8": "i4", "u8": "u4", "f2": "f4"}
BYTE_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
FACE_LISTS = ("vertex_indices", "vertex_index")
MAX_HEADER = 1 << 20


@dataclass(frozen=True)
class Property:
    """``length`` is the type of a list's length, or None where the property is a single number."""

    name: str
    type: str
    length: str | None = None


@dataclass(frozen=True)
class Element:
    """``count`` rows of ``properties``."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)

    def row_type(self, order: str, lengths: list[int]) -> np.dtype[np.void]:
        """The type of a row whose lists have the given ``lengths``."""
        remaining = iter(lengths)
        parts: list[tuple] = []
        for prop in self.properties:
            if prop.length is None:
                parts.append((prop.name, order + prop.type))
            else:
                parts.append((f"#{prop.name}", order + prop.length))
                parts.append((prop.name, order + prop.type, (next(remaining),)))
        return np.dtype(parts)


def parse_ply(data: bytes, limits: ReadLimits) -> PointCloud:
    """The vertices of a PLY file, with its faces if it has some.

    Lists of other lengths than the first, as of a mesh with triangles and quads, are found one by
    one: about half a second a million.
    """
    elements, encoding, start = _parse_header(data)
    _check_elements(elements, limits)
    rest = memoryview(data)[start:]
    _check_size(elements, len(rest), ascii=encoding == "ascii")
    if encoding == "ascii":
        tables = _ascii_tables(elements, data[start:])
    else:
        tables = _binary_tables(elements, rest, BYTE_ORDERS[encoding])
    faces = _faces(tables.get("face", {}), limits)
    return cloud_from_columns(_columns(tables["vertex"]), faces)


def _check_elements(elements: list[Element], limits: ReadLimits) -> None:
    names = [element.name for element in elements]
    if names.count("vertex") != 1 or len(set(names)) != len(names):
        raise FileFormatError(
            f"the PLY header names {', '.join(names[:9]) or 'nothing'}; there must be one 'vertex' "
            "element, and no other twice; export points or a mesh"
        )
    for element in elements:
        check_columns(len(element.properties))
        if element.name == "vertex":
            limits.check_points(element.count)
        limits.check_faces(element.count)


def _parse_header(data: bytes) -> tuple[list[Element], str, int]:
    """Elements, encoding, and where the rows begin."""
    end = data.find(b"end_header", 0, MAX_HEADER)
    newline = data.find(b"\n", end)
    if not data.startswith(b"ply") or end < 0 or newline < 0:
        raise FileFormatError("no PLY header from 'ply' to 'end_header'; export it again")
    check_text(data[:end])
    encoding, elements = "", []
    for line in data[:end].decode("ascii", "replace").splitlines():
        match line.split():
            case ["format", name, _]:
                encoding = name
            case ["element", name, count]:
                elements.append(Element(name, _count(count, line)))
            case ["property", *words] if elements:
                elements[-1].properties.append(_parse_property(words, line))
    if encoding not in BYTE_ORDERS:
        raise FileFormatError(f"PLY format {encoding!r} is none of {', '.join(BYTE_ORDERS)}")
    return elements, encoding, newline + 1


def _parse_property(words: list[str], line: str) -> Property:
    try:
        match words:
            case ["list", length, item, name] if TYPES[length][0] != "f":
                return Property(name, TYPES[item], TYPES[length])
            case [item, name]:
                return Property(name, TYPES[item])
    except KeyError as error:
        raise FileFormatError(f"unknown PLY type {error} in {line!r}") from error
    raise FileFormatError(f"cannot read the PLY header line {line!r}")


def _count(text: str, line: str) -> int:
    if not text.isdecimal():
        raise FileFormatError(f"PLY header line {line!r} needs a count of 0 or more")
    return int(text)


def _check_size(elements: list[Element], available: int, *, ascii: bool) -> None:
    """Refuse counts that the file cannot hold, before anything is allocated for them."""
    for element in elements:
        row = sum(
            2 if ascii else np.dtype(prop.length or prop.type).itemsize
            for prop in element.properties
        )
        # The last number of an ascii file needs no separator.
        if element.count * row > available + 1:
            raise FileFormatError(
                f"the header promises {element.count} of {element.name!r}, at least "
                f"{element.count * row} bytes, but {available} follow; the file is cut off"
            )


def _columns(table: dict[str, NDArray]) -> dict[str, NDArray]:
    return {name: column for name, column in table.items() if column.ndim == 1}


def _faces(table: dict[str, NDArray], limits: ReadLimits) -> NDArray[np.int64] | None:
    for name in FACE_LISTS:
        if f"#{name}" in table and len(table[name]):
            limits.check_faces(int(np.maximum(table[f"#{name}"] - 2, 0).sum()))
            return triangulate(table[f"#{name}"], table[name])
    return None


def _binary_tables(
    elements: list[Element], rest: memoryview, order: str
) -> dict[str, dict[str, NDArray]]:
    tables, offset = {}, 0
    for element in elements:
        rows = _uniform_rows(element, rest, offset, order)
        if rows is not None:
            offset += rows.nbytes
            tables[element.name] = _flatten(element, rows)
        else:
            tables[element.name], offset = _ragged_rows(element, rest, offset, order)
    return tables


def _uniform_rows(
    element: Element, rest: memoryview, offset: int, order: str
) -> NDArray[np.void] | None:
    """All rows at once if every list is as long as in the first row, as in a triangle mesh."""
    if element.count == 0:
        return np.empty(0, element.row_type(order, [0] * len(element.properties)))
    row_type = element.row_type(order, _first_lengths(element, rest, offset, order))
    if row_type.itemsize * element.count > len(rest) - offset:
        if any(prop.length for prop in element.properties):
            return None
        raise FileFormatError(f"the file ends within its {element.count} of {element.name!r}")
    rows = np.frombuffer(rest, row_type, element.count, offset)
    for prop in element.properties:
        if prop.length and (rows[f"#{prop.name}"] != rows[f"#{prop.name}"][0]).any():
            return None
    return rows


def _first_lengths(element: Element, rest: memoryview, offset: int, order: str) -> list[int]:
    lengths = []
    for prop in element.properties:
        size = np.dtype(prop.type).itemsize
        if prop.length:
            (length,) = np.frombuffer(rest, order + prop.length, 1, offset)
            lengths.append(max(0, int(length)))
            size = np.dtype(prop.length).itemsize + size * lengths[-1]
        offset += size
    return lengths


def _flatten(element: Element, rows: NDArray[np.void]) -> dict[str, NDArray]:
    """Columns by name; of a list, ``#name`` holds the lengths and ``name`` (L, 1) the items."""
    table = {}
    for prop in element.properties:
        column = rows[prop.name].astype(np.dtype(prop.type))
        if prop.length:
            table[f"#{prop.name}"] = rows[f"#{prop.name}"].astype(np.int64)
            column = column.reshape(-1, 1)
        table[prop.name] = column
    return table


def _ragged_rows(
    element: Element, rest: memoryview, offset: int, order: str
) -> tuple[dict[str, NDArray], int]:
    """Rows whose lists differ in length, and where they end; a row's place follows from the last.

    Only the places are found row by row; what is there is gathered for all rows at once.
    """
    at, lengths, end = _row_places(element, rest, offset, order)
    raw = np.frombuffer(rest, np.uint8)
    table = {}
    for prop in element.properties:
        size = np.dtype(prop.type).itemsize
        if prop.length:
            count = lengths.pop(0)
            at = at + np.dtype(prop.length).itemsize
            items = _gathered(raw, _item_places(at, count, size), order + prop.type)
            table[f"#{prop.name}"], table[prop.name] = count, items.reshape(-1, 1)
            at = at + count * size
        else:
            table[prop.name] = _gathered(raw, at, order + prop.type)
            at = at + size
    return table, end


def _row_places(
    element: Element, rest: memoryview, offset: int, order: str
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]], int]:
    """Where each row begins (N,), the lengths (N,) of each of its lists, where the last row ends.

    Raises:
        FileFormatError: beyond the end of the file.
    """
    lists, tail = _list_steps(element, order)
    starts = array("q")
    try:
        for _ in range(element.count):
            starts.append(offset)
            for skip, length, size, lengths in lists:
                (count,) = length.unpack_from(rest, offset + skip)
                count = max(0, count)
                lengths.append(count)
                offset += skip + length.size + count * size
            offset += tail
    except struct.error:
        offset = len(rest) + 1
    if offset > len(rest):
        raise FileFormatError(
            f"row {len(starts)} of {element.count} {element.name!r} goes on beyond the end; "
            "the file is cut off"
        )
    return np.array(starts), [np.array(step[3]) for step in lists], offset


def _list_steps(
    element: Element, order: str
) -> tuple[list[tuple[int, struct.Struct, int, array[int]]], int]:
    """For each list of a row, in order, and then the bytes after the last of them.

    A list's entry: the bytes before its length, how to read that, the bytes of an item, and a place
    for the lengths.
    """
    steps: list[tuple[int, struct.Struct, int, array[int]]] = []
    skip = 0
    for prop in element.properties:
        size = np.dtype(prop.type).itemsize
        if prop.length:
            length = struct.Struct(order + np.dtype(prop.length).char)
            steps.append((skip, length, size, array("q")))
            skip = 0
        else:
            skip += size
    return steps, skip


def _item_places(
    start: NDArray[np.int64], count: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Where every item of lists (N,) is that begin at ``start`` and have ``count`` items."""
    places = np.arange(count.sum())
    places -= np.repeat(np.cumsum(count) - count, count)
    places *= size
    places += np.repeat(start, count)
    return places


def _gathered(raw: NDArray[np.uint8], places: NDArray[np.int64], kind: str) -> NDArray:
    """Numbers of type ``kind`` from any places of the bytes."""
    items = np.empty((len(places), np.dtype(kind).itemsize), np.uint8)
    for byte in range(items.shape[1]):
        items[:, byte] = raw[places + byte]
    numbers = items.view(kind).reshape(-1)
    return numbers.astype(numbers.dtype.newbyteorder("="))


def _ascii_tables(elements: list[Element], text: bytes) -> dict[str, dict[str, NDArray]]:
    lines = (line.decode("ascii") for line in lines_of(text))
    return {element.name: _ascii_table(element, lines) for element in elements}


def _ascii_table(element: Element, lines: Iterator[str]) -> dict[str, NDArray]:
    if element.count == 0:
        return {}
    rows = islice(lines, element.count)
    if any(prop.length for prop in element.properties):
        return _ascii_lists(element, rows)
    first = next(rows, None)
    row_type = element.row_type("=", [])
    table = np.empty(0, row_type)
    if first is not None:
        table = np.loadtxt(chain([first], rows), row_type, comments=None, ndmin=1)
    _check_lines(element, len(table))
    return _flatten(element, table)


def _check_lines(element: Element, found: int) -> None:
    if found < element.count:
        raise FileFormatError(
            f"the file ends after {found} of {element.count} {element.name!r} lines; "
            "export it again"
        )


def _ascii_lists(element: Element, rows: Iterator[str]) -> dict[str, NDArray]:
    """Lines with lists, each of its own length; all numbers pass through doubles."""
    numbers, words = array("d"), array("q")
    for row in rows:
        values = row.split()
        numbers.extend(map(float, values))
        words.append(len(values))
    _check_lines(element, len(words))
    flat, ends = np.array(numbers), np.cumsum(np.array(words))
    at = ends - np.array(words)
    table = {}
    for prop in element.properties:
        count = np.ones(len(at), np.int64)
        if prop.length:
            count = _typed(_within(flat, at, count, ends, element), "i8")
            table[f"#{prop.name}"] = count = np.maximum(count, 0)
            at = at + 1
        items = _typed(_within(flat, at, count, ends, element), prop.type)
        table[prop.name] = items.reshape(-1, 1) if prop.length else items
        at = at + count
    return table


def _within(
    flat: NDArray[np.float64],
    at: NDArray[np.int64],
    count: NDArray[np.int64],
    ends: NDArray[np.int64],
    element: Element,
) -> NDArray[np.float64]:
    """The next ``count`` numbers of each line, if the line has so many."""
    # Not by a sum, which a huge count would make overflow.
    short = count > ends - at
    if short.any():
        raise FileFormatError(f"line {int(np.argmax(short)) + 1} of {element.name!r} is cut off")
    return flat[_item_places(at, count, 1)]


def _typed(numbers: NDArray[np.float64], kind: str) -> NDArray:
    """The numbers in the type that the header promises.

    Raises:
        FileFormatError: one is not whole, or too large, where whole numbers are promised.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        typed = numbers.astype(kind)
    if typed.dtype.kind in "iu" and (typed != numbers).any():
        wrong = numbers[typed != numbers][0]
        raise FileFormatError(f"{wrong} is no whole number of the type that the PLY header says")
    return typed


def format_ply(cloud: PointCloud, encoding: str = "binary_little_endian") -> bytes:
    """PLY with double positions and normals, fields by name, triangles.

    Args:
        cloud: what to write.
        encoding: ``"binary_little_endian"``, ``"binary_big_endian"``, or ``"ascii"`` in as many
            digits as read back exactly.

    Raises:
        FileFormatError: an unknown encoding, or a field that is not of numbers.
    """
    if encoding not in BYTE_ORDERS:
        raise FileFormatError(f"PLY encoding {encoding!r} is none of {', '.join(BYTE_ORDERS)}")
    table = as_table(columns_from_cloud(cloud), REPLACED)
    check_columns(len(table.dtype.names or ()))
    header = ["ply", f"format {encoding} 1.0", f"element vertex {len(cloud)}"]
    for name in table.dtype.names or ():
        header.append(f"property {NAMES[table.dtype[name].str[1:]]} {name}")
    body = _rows(table, encoding)
    if cloud.faces is not None:
        header.append(f"element face {len(cloud.faces)}")
        header.append("property list uchar int vertex_indices")
        body += _rows(_face_rows(cloud.faces), encoding)
    return "\n".join([*header, "end_header", ""]).encode("ascii") + body


def _face_rows(faces: NDArray[np.int64]) -> NDArray[np.void]:
    rows = np.empty(len(faces), dtype=[("#", "u1"), *((corner, "<i4") for corner in "abc")])
    rows["#"] = 3
    for corner, indices in zip("abc", faces.T, strict=True):
        rows[corner] = indices
    return rows


def _rows(table: NDArray[np.void], encoding: str) -> bytes:
    if encoding == "ascii":
        return format_rows(table)
    order: Literal["<", ">"] = "<" if encoding == "binary_little_endian" else ">"
    return table.astype(table.dtype.newbyteorder(order), copy=False).tobytes()
