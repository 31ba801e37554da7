"""PLY: ascii and binary, little and big endian, any vertex properties, faces of any size.

Format: Greg Turk, "The PLY Polygon File Format" (1994). Read here rather than by a library, because
the header's counts must be checked before anything is allocated, and because every vertex property
is to come back with its own name and type.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.limits import ReadLimits
from backend.io.polygons import triangulate

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
    """The vertices of a PLY file, with its faces if it has some."""
    elements, encoding, start = _parse_header(data)
    for element in elements:
        if element.name == "vertex":
            limits.check_points(element.count)
    rest = memoryview(data)[start:]
    _check_size(elements, len(rest), ascii=encoding == "ascii")
    if encoding == "ascii":
        tables = _ascii_tables(elements, bytes(rest))
    else:
        tables = _binary_tables(elements, rest, BYTE_ORDERS[encoding])
    if "vertex" not in tables:
        raise FileFormatError("the PLY header names no 'vertex' element; export points or a mesh")
    return cloud_from_columns(_columns(tables["vertex"]), _faces(tables.get("face", {})))


def _parse_header(data: bytes) -> tuple[list[Element], str, int]:
    """Elements, encoding, and where the rows begin."""
    end = data.find(b"end_header", 0, MAX_HEADER)
    newline = data.find(b"\n", end)
    if not data.startswith(b"ply") or end < 0 or newline < 0:
        raise FileFormatError("no PLY header from 'ply' to 'end_header'; export it again")
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
            case ["list", length, item, name]:
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


def _faces(table: dict[str, NDArray]) -> NDArray[np.int64] | None:
    for name in FACE_LISTS:
        if name in table and len(table[name]):
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
    """Rows whose lists differ in length, one by one: each row's place follows from the last."""
    pieces: dict[str, list[NDArray]] = {prop.name: [] for prop in element.properties}
    for _ in range(element.count):
        for prop in element.properties:
            count = 1
            if prop.length:
                (count,) = np.frombuffer(rest, order + prop.length, 1, offset)
                offset += np.dtype(prop.length).itemsize
            items = np.frombuffer(rest, order + prop.type, max(0, int(count)), offset)
            offset += items.nbytes
            pieces[prop.name].append(items)
    return _joined(element, pieces), offset


def _joined(element: Element, pieces: dict[str, list[NDArray]]) -> dict[str, NDArray]:
    table = {}
    for prop in element.properties:
        column = np.concatenate(pieces[prop.name]).astype(np.dtype(prop.type))
        if prop.length:
            table[f"#{prop.name}"] = np.array([len(piece) for piece in pieces[prop.name]])
            column = column.reshape(-1, 1)
        table[prop.name] = column
    return table


def _ascii_tables(elements: list[Element], text: bytes) -> dict[str, dict[str, NDArray]]:
    lines = [line for line in text.decode("ascii").splitlines() if line.strip()]
    tables, start = {}, 0
    for element in elements:
        rows = lines[start : start + element.count]
        if len(rows) < element.count:
            raise FileFormatError(
                f"the file ends after {len(rows)} of {element.count} "
                f"{element.name!r} lines; export it again"
            )
        start += element.count
        tables[element.name] = _ascii_table(element, rows)
    return tables


def _ascii_table(element: Element, rows: list[str]) -> dict[str, NDArray]:
    if not rows:
        return {}
    if not any(prop.length for prop in element.properties):
        row_type = element.row_type("=", [])
        return _flatten(element, np.loadtxt(rows, row_type, comments=None, ndmin=1))
    pieces: dict[str, list[NDArray]] = {prop.name: [] for prop in element.properties}
    for row in rows:
        words, at = row.split(), 0
        for prop in element.properties:
            count = 1
            if prop.length:
                count, at = int(words[at]), at + 1
            items = words[at : at + count]
            if len(items) < count:
                raise FileFormatError(f"the {element.name!r} line {row!r} is cut off")
            pieces[prop.name].append(np.array(items, dtype=prop.type))
            at += count
    return _joined(element, pieces)


def format_ply(cloud: PointCloud) -> bytes:
    """Binary little-endian PLY: double positions and normals, fields by name, triangles."""
    table = as_table(columns_from_cloud(cloud), REPLACED)
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(cloud)}"]
    for name in table.dtype.names or ():
        header.append(f"property {NAMES[table.dtype[name].str[1:]]} {name}")
    body = table.tobytes()
    if cloud.faces is not None:
        faces = np.empty(len(cloud.faces), dtype=[("#", "u1"), ("vertices", "<i4", (3,))])
        faces["#"], faces["vertices"] = 3, cloud.faces
        header.append(f"element face {len(faces)}")
        header.append("property list uchar int vertex_indices")
        body += faces.tobytes()
    return "\n".join([*header, "end_header", ""]).encode("ascii") + body
