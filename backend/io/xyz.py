"""Plain text: a point a line, separated by spaces, tabs, commas or semicolons.

A line of names may come first, with or without ``#`` or ``//`` before it, as CloudCompare's
``//X Y Z``; CloudCompare's count of the points may follow it. Names make further columns fields of
that name. All numbers are read as doubles: a field's values survive a round trip, not its type.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import (
    NORMAL,
    PCL_NORMAL,
    POSITION,
    as_table,
    cloud_from_columns,
    columns_from_cloud,
)
from backend.io.limits import ReadLimits, check_columns
from backend.io.text import lines_of

COMMENTS = ("#", "//")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Text holds few digits: further columns are taken for normals when as nearly unit as this.
NORMAL_TOLERANCE = 0.01
# Names that are known in any case: CloudCompare writes X, Y, Z and Nx, Ny, Nz.
KNOWN = {*POSITION, *NORMAL, *PCL_NORMAL}


def parse_xyz(data: bytes, limits: ReadLimits) -> PointCloud:
    """Columns by the names of a first line; without, x y z, then nx ny nz if they are unit vectors.

    Without names, further columns become ``column_3`` and on.

    Raises:
        FileFormatError: lines of different lengths, something else than numbers, or another count
            of lines than the file says it has.
    """
    lines = (line.decode("utf-8") for line in lines_of(data.removeprefix(BYTE_ORDER_MARK)))
    names, count, first = _read_heads(lines)
    separator = _separator(first)
    try:
        table = np.loadtxt(_rows(first, lines, limits), delimiter=separator, ndmin=2)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"every line must hold the same count of numbers: {error}") from error
    if count is not None and count != len(table):
        raise FileFormatError(
            f"the file says that it has {count} points, but holds {len(table)}; it is cut off"
        )
    if names is None:
        return _unnamed(table)
    if len(names) != table.shape[1] or len(set(names)) != len(names):
        raise FileFormatError(
            f"the names {', '.join(names)[:80]!r} must name {table.shape[1]} columns, each once; "
            "correct or remove them"
        )
    check_columns(len(names))
    return cloud_from_columns(dict(zip(names, table.T, strict=True)))


def _read_heads(lines: Iterator[str]) -> tuple[list[str] | None, int | None, str]:
    """The last line of names with x, y and z, the count of points, both if any, and the first row.

    Raises:
        FileFormatError: a line that is neither of these nor a comment.
    """
    names, count = None, None
    for line in lines:
        words = _words(line)
        if set(POSITION) <= set(words):
            names = words
        elif line.isdecimal() and count is None:
            count = int(line)
        elif _is_row(line):
            return names, count, line
        elif not line.startswith(COMMENTS):
            raise FileFormatError(
                f"the line {line[:80]!r} holds neither numbers nor names with x, y and z"
            )
    raise FileFormatError("the file holds no points; export the scan again")


def _words(line: str) -> list[str]:
    """Names without marks, quotes and inner spaces, those that are known in lower case."""
    text = line.lstrip("#/ \t").rstrip(",; \t")
    separator = next((mark for mark in ";,\t" if mark in text), None)
    words = ["_".join(word.strip().strip("\"'").split()) for word in text.split(separator)]
    return [word.lower() if word.lower() in KNOWN else word for word in words]


def _is_row(line: str) -> bool:
    try:
        float(line.replace(",", " ").replace(";", " ").split()[0])
    except (ValueError, IndexError):
        return False
    return True


def _separator(line: str) -> str | None:
    """What is between the numbers of a line: ``";"``, ``","``, or None for space.

    Raises:
        FileFormatError: both, so that a comma may be decimal.
    """
    if ";" in line and "," in line:
        raise FileFormatError(
            f"the line {line[:80]!r} has both ';' and ','; write decimals with a point"
        )
    return next((mark for mark in ";," if mark in line), None)


def _rows(first: str, lines: Iterator[str], limits: ReadLimits) -> Iterator[str]:
    """The lines of numbers, without a separator at their ends."""
    yield first.rstrip(",; \t")
    count = 1
    for line in lines:
        if line.startswith(COMMENTS):
            continue
        count += 1
        if count > limits.max_points:
            limits.check_points(count)
        yield line.rstrip(",; \t")


def _unnamed(table: NDArray[np.float64]) -> PointCloud:
    if table.shape[1] < 3:
        raise FileFormatError(f"lines hold {table.shape[1]} numbers; at least x y z are needed")
    normals, others = None, 3
    if table.shape[1] >= 6 and _are_unit(table[:, 3:6]):
        normals, others = table[:, 3:6], 6
    fields = {f"column_{index}": table[:, index] for index in range(others, table.shape[1])}
    return PointCloud(table[:, :3], normals, fields=fields)


def _are_unit(vectors: NDArray[np.float64]) -> bool:
    return bool((np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < NORMAL_TOLERANCE).all())


def format_xyz(cloud: PointCloud) -> bytes:
    """Positions, normals if known, and fields, in 17 digits, which read back exactly.

    Where there are fields, a first line ``# x y z ...`` names the columns.
    """
    return _format(cloud, " ", "# " if cloud.fields else None)


def format_asc(cloud: PointCloud) -> bytes:
    """As ``format_xyz``, but the names are marked by ``//``, as CloudCompare has it."""
    return _format(cloud, " ", "//" if cloud.fields else None)


def format_csv(cloud: PointCloud) -> bytes:
    """As ``format_xyz``, separated by commas, with a first line of names in any case."""
    return _format(cloud, ",", "")


def _format(cloud: PointCloud, separator: str, mark: str | None) -> bytes:
    """Rows of text; ``mark`` stands before the line of names, None leaves the line out.

    Raises:
        FileFormatError: a field that is not of numbers, or of whole numbers too large for a double.
    """
    columns = columns_from_cloud(cloud)
    for name in columns:
        if "," in name or ";" in name:
            raise FileFormatError(f"a field's name must have no ',' or ';' in text: {name!r}")
    replaced = dict.fromkeys(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"), "f8")
    table = as_table(columns, replaced | dict.fromkeys(("f2", "f4"), "f8"))
    text = io.StringIO()
    if mark is not None:
        text.write(mark + separator.join(columns) + "\n")
    np.savetxt(text, table.view(np.float64).reshape(len(table), -1), "%.17g", separator)
    return text.getvalue().encode("ascii")
