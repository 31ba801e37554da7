"""PLY: ascii and binary, little and big endian, any vertex properties, faces of any size, strips.

Format: Greg Turk, "The PLY Polygon File Format" (1994). Read here rather than by a library, because
the header's counts must be checked before anything is allocated, and because every vertex property
is to come back with its own name and type.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.arrays import IntArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.ascii_ply import Table, ascii_tables, item_places
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.limits import ReadLimits, check_columns
from backend.io.lines import BYTE_ORDER_MARK, from_utf_16
from backend.io.numbers import DecimalMark, read_with_mark
from backend.io.ply_header import BYTE_ORDERS, TYPES, Element, PlyHeader, parse_header
from backend.io.polygons import RESTART, triangles_of, triangles_of_strips
from backend.io.text import format_rows

NAMES = {code: name for name, code in reversed(TYPES.items())}
REPLACED = {"b1": "u1", "i8": "i4", "u8": "u4", "f2": "f4"}
# What the list of a face's vertices is called; else it is the only list of whole numbers.
FACE_LISTS = ("vertex_indices", "vertex_index")


def parse_ply(data: bytes, limits: ReadLimits, decimal: DecimalMark | None = None) -> PointCloud:
    """The vertices of a PLY file, with its faces and strips as triangles if it has some.

    Lists of other lengths than the first, as of a mesh with triangles and quads, are found one by
    one: about half a second a million.

    Args:
        data: the file.
        limits: what is refused as too large.
        decimal: the decimal mark of an ascii file's numbers; without, it is found out.

    Raises:
        FileFormatError: a header or rows that are not PLY, or not what the header promises.
    """
    data = from_utf_16(data.removeprefix(BYTE_ORDER_MARK))
    header = parse_header(data)
    _check_elements(header.elements, limits)
    _check_size(header, len(data) - header.size)
    if header.encoding == "ascii":
        return read_with_mark(lambda mark: _parse_ascii(data, header, limits, mark), decimal)
    rest = memoryview(data)[header.size :]
    tables, end = _binary_tables(header.elements, rest, BYTE_ORDERS[header.encoding])
    # Some programs end a file with a line end or zeros.
    spare = len(bytes(rest[end:]).strip(b"\0 \t\r\n"))
    notice = f"{len(rest) - end} bytes behind the rows that the header promises were left out."
    return _cloud(tables, limits, (notice,) if spare else ())


def _parse_ascii(
    data: bytes, header: PlyHeader, limits: ReadLimits, decimal: DecimalMark
) -> PointCloud:
    body = data[header.size :]
    tables, notices = ascii_tables(header.elements, body, header.lines, decimal)
    return _cloud(tables, limits, notices)


def _cloud(tables: dict[str, Table], limits: ReadLimits, notices: tuple[str, ...]) -> PointCloud:
    vertices = {name: column for name, column in tables["vertex"].items() if column.ndim == 1}
    cloud = cloud_from_columns(vertices)
    faces, face_notices = _faces(tables, limits)
    wrong = faces[(faces < 0) | (faces >= len(cloud))]
    if wrong.size:
        raise FileFormatError(
            f"a face names vertex {wrong[0]}, but the file has {len(cloud)}, from 0 on; "
            "export the mesh again"
        )
    return replace(cloud, faces=faces, notices=(*notices, *face_notices))


def _check_elements(elements: list[Element], limits: ReadLimits) -> None:
    names = [element.name for element in elements]
    if names.count("vertex") != 1 or len(set(names)) != len(names):
        raise FileFormatError(
            f"the PLY header names {', '.join(names[:9]) or 'nothing'}; there must be one 'vertex' "
            "element, and no other twice; export points or a mesh"
        )
    for element in elements:
        check_columns(len(element.properties))
        properties = [prop.name for prop in element.properties]
        twice = [name for name in properties if properties.count(name) > 1]
        if twice:
            raise FileFormatError(
                f"the PLY header gives {element.name!r} the property {twice[0]!r} twice; "
                "export it again"
            )
        if element.name == "vertex":
            limits.check_points(element.count)
        limits.check_faces(element.count)


def _check_size(header: PlyHeader, available: int) -> None:
    """Refuse counts that the file cannot hold, before anything is allocated for them."""
    ascii = header.encoding == "ascii"
    for element in header.elements:
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


def _faces(tables: dict[str, Table], limits: ReadLimits) -> tuple[IntArray, tuple[str, ...]]:
    """(M, 3) triangles of the faces and strips, and the notices for the user."""
    triangles, notices = [np.empty((0, 3), np.int64)], []
    for element in ("face", "tristrips"):
        table = tables.get(element, {})
        name = _face_list(table)
        if name is None:
            if any(len(column) for column in table.values()):
                notices.append(f"The {element!r} rows name no vertices and were left out.")
            continue
        lengths, corners = table[f"#{name}"], table[name]
        limits.check_faces(int(np.maximum(lengths - 2, 0).sum()))
        if element == "face":
            found, few = triangles_of(lengths, corners, limits)
            notices.extend(few)
        else:
            found = triangles_of_strips(lengths, _with_restarts(corners))
        if found is not None:
            triangles.append(found)
    return np.concatenate(triangles), tuple(notices)


def _face_list(table: Table) -> str | None:
    """The name of the list of vertices among an element's columns."""
    lists = [name for name in table if f"#{name}" in table and table[name].dtype.kind in "iu"]
    known = [name for name in lists if name.lower() in FACE_LISTS]
    return next(iter(known or (lists if len(lists) == 1 else [])), None)


def _with_restarts(corners: NDArray) -> IntArray:
    """Corners whose mark of a new strip is ``RESTART``, which is -1, in unsigned numbers too."""
    wide = corners.astype(np.int64)
    if corners.dtype.kind == "u":
        wide[corners == np.iinfo(corners.dtype).max] = RESTART
    return wide


def _binary_tables(
    elements: list[Element], rest: memoryview, order: str
) -> tuple[dict[str, Table], int]:
    """The columns of each element, see ``ascii_tables``, and where the last row ends."""
    tables, offset = {}, 0
    for element in elements:
        rows = _uniform_rows(element, rest, offset, order)
        if rows is not None:
            offset += rows.nbytes
            tables[element.name] = _flatten(element, rows)
        else:
            tables[element.name], offset = _ragged_rows(element, rest, offset, order)
    return tables, offset


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
        raise FileFormatError(
            f"the file ends within its {element.count} rows of {element.name!r}; it is cut off"
        )
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
            size = np.dtype(prop.length).itemsize
            if offset + size > len(rest):
                raise FileFormatError(
                    f"the file ends before the first row of {element.name!r}; it is cut off"
                )
            (length,) = np.frombuffer(rest, order + prop.length, 1, offset)
            lengths.append(max(0, int(length)))
            size = np.dtype(prop.length).itemsize + size * lengths[-1]
        offset += size
    return lengths


def _flatten(element: Element, rows: NDArray[np.void]) -> Table:
    """Columns by name; of a list, ``#name`` holds the lengths and ``name`` (L, 1) the items."""
    table = {}
    for prop in element.properties:
        column = rows[prop.name].astype(np.dtype(prop.type))
        if prop.length:
            table[f"#{prop.name}"] = rows[f"#{prop.name}"].astype(np.int64)
            column = column.reshape(-1, 1)
        table[prop.name] = column
    return table


def _ragged_rows(element: Element, rest: memoryview, offset: int, order: str) -> tuple[Table, int]:
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
            items = _gathered(raw, item_places(at, count, size), order + prop.type)
            table[f"#{prop.name}"], table[prop.name] = count, items.reshape(-1, 1)
            at = at + count * size
        else:
            table[prop.name] = _gathered(raw, at, order + prop.type)
            at = at + size
    return table, end


def _row_places(
    element: Element, rest: memoryview, offset: int, order: str
) -> tuple[IntArray, list[IntArray], int]:
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


def _gathered(raw: NDArray[np.uint8], places: IntArray, kind: str) -> NDArray:
    """Numbers of type ``kind`` from any places of the bytes."""
    items = np.empty((len(places), np.dtype(kind).itemsize), np.uint8)
    for byte in range(items.shape[1]):
        items[:, byte] = raw[places + byte]
    numbers = items.view(kind).reshape(-1)
    return numbers.astype(numbers.dtype.newbyteorder("="))


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
        raise FileFormatError(
            f"unknown PLY encoding {encoding!r}; known are {', '.join(BYTE_ORDERS)}"
        )
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


def _face_rows(faces: IntArray) -> NDArray[np.void]:
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
