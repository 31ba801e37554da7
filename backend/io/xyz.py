"""Plain text: a point a line, its numbers separated by blanks, tabs, commas or semicolons.

A line of names may come first, with or without ``#`` or ``//`` before it, as CloudCompare's
``//X Y Z``; CloudCompare's count of the points may follow it, as PTS begins with one. Names make
further columns fields of that name. All numbers are read as doubles: a field's values survive a
round trip, not its type. How decimals are written is found out; see ``dialect``. A PTX file is
known by its head.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.intake import TextFormat
from backend.io.column_names import ColumnNames, column_names
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.dialect import Reading, find_reading, first_misfit
from backend.io.limits import ReadLimits, check_columns
from backend.io.lines import (
    blocks_of_lines,
    check_lengths,
    decoded,
    plain_text,
    refused_line,
    replaced,
)
from backend.io.numbers import COMMAS_READ, without_fortran_exponents
from backend.io.ptx import VALUES, is_ptx, parse_ptx
from backend.io.text import MAX_LINE, NOT_A_NUMBER

COMMENTS = (b"#", b"//")
COMMENT = re.compile(rb"(?://|#)[^\n]*")
# A line of numbers begins so, whatever its decimals are.
ROW = re.compile(
    rb"\"?[-+]?(?:[.,]?\d[\d.,]*(?:[dDeE][-+]?\d+)?|nan|inf(?:inity)?)\"?(?:[\s,;]|$)",
    re.IGNORECASE,
)
NUMBER_LIKE = re.compile(rb"\"?[-+]?[.,]?\d")
# Blanks and delimiters at the end of a row.
ENDS = re.compile(rb"[,; \t]+(?=\n|$)")
# A closing quote, and what parts the cells.
QUOTE_END = re.compile(rb"\"[ \t]*([,;\t])")
SAMPLE_ROWS = 1000
# Text holds few digits: further columns are taken for normals when as nearly unit as this.
NORMAL_TOLERANCE = 0.01


def parse_xyz(
    data: bytes, limits: ReadLimits, decimal: str | None = None, delimiter: str | None = None
) -> PointCloud:
    """Columns by the names of a first line; without, x y z, then nx ny nz if they are unit vectors.

    Without names, further columns become ``column_3`` and on.

    Args:
        data: the file.
        limits: what is refused as too large.
        decimal: ``"."`` or ``","``; found out if None.
        delimiter: as in ``TextFormat``; found out if None.

    Raises:
        FileFormatError: lines of different lengths, something else than numbers, numbers that can
            be read in several ways, or fewer points than the file says it has.
    """
    text = plain_text(data)
    if is_ptx(text):
        return parse_ptx(text, limits)
    head = _read_head(text)
    rows = _rows(text[head.size :], limits)
    known = TextFormat(decimal, delimiter)
    if known.delimiter is not None and rows.count(b'"') < text.count(b'"'):
        known = replace(known, delimiter=None)  # the quotes have separated the cells
    table, reading = _table(rows, head, known)
    notices = head.notices + ((COMMAS_READ,) if reading.decimal == "," else ())
    if head.count is not None:
        notices += _counted(head.count, len(table))
    cloud = _named(table, head.names) if head.names else _unnamed(table)
    return replace(cloud, notices=notices)


def parse_pts(
    data: bytes, limits: ReadLimits, decimal: str | None = None, delimiter: str | None = None
) -> PointCloud:
    """As ``parse_xyz``; further columns without names are intensity, red, green and blue."""
    cloud = parse_xyz(data, limits, decimal, delimiter)
    names = VALUES.get(3 + len(cloud.fields), ())
    unnamed = all(name.startswith("column_") for name in cloud.fields)
    if cloud.normals is not None or not names or not unnamed:
        return cloud
    return replace(cloud, fields=dict(zip(names, cloud.fields.values(), strict=True)))


@dataclass(frozen=True)
class _Head:
    """What comes before the rows of numbers.

    Attributes:
        size: its bytes.
        lines: how many lines they are.
        names: of the columns, if it has them.
        count: of the points, if it says so.
        notices: about lines that are none of these.
    """

    size: int
    lines: int
    names: ColumnNames | None
    count: int | None
    notices: tuple[str, ...]


def _read_head(text: bytes) -> _Head:
    """What is before the first row.

    Raises:
        FileFormatError: a line that looks like numbers and is no row, or there are no rows.
    """
    names, count, start, number = None, None, 0, 0
    skipped: list[bytes] = []
    while start < len(text):
        end = text.find(b"\n", start)
        end = len(text) if end < 0 else end
        line = NOT_A_NUMBER.sub(b"nan", text[start:end].strip())
        number += 1
        check_lengths(number, [line])
        found = column_names(decoded(line))
        if found is not None:
            names = found
        elif line.isdigit() and count is None:
            count = int(line)
        elif ROW.match(line):
            _check_skipped(skipped, line, names)
            return _Head(start, number - 1, names, count, _skipped_in_words(skipped))
        elif NUMBER_LIKE.match(line):
            raise refused_line(number, line, "begins like numbers, but is no row of them; mend it")
        elif line and not line.startswith(COMMENTS):
            skipped.append(line)
        start = end + 1
    raise FileFormatError("the file holds no points; export the scan again")


def _check_skipped(skipped: Sequence[bytes], row: bytes, names: ColumnNames | None) -> None:
    """Refuse names of as many columns as the row has, none of them x, y and z.

    Blanks part the words of any prose, so that they do not count.
    """
    if names is not None or not skipped:
        return
    last = skipped[-1]
    mark = next((mark for mark in (b";", b",", b"\t") if mark in last), b"")
    if mark and last.count(mark) == row.count(mark) >= 2 and not re.search(rb"[:=]", last):
        raise FileFormatError(
            f"the line {decoded(last)[:80]!r} names columns, but none of them x, y and z; name "
            "them, or put # before the line"
        )


def _skipped_in_words(skipped: Sequence[bytes]) -> tuple[str, ...]:
    if not skipped:
        return ()
    first = repr(decoded(skipped[0])[:80])
    if len(skipped) == 1:
        notice = f"The line {first} neither holds numbers nor names columns, and was skipped."
    else:
        notice = (
            f"{len(skipped)} lines before the points neither hold numbers nor name columns, and "
            f"were skipped; the first is {first}."
        )
    return (notice,)


def _rows(body: bytes, limits: ReadLimits) -> bytes:
    """The rows, without comments, quotes and delimiters at their ends; a line stays a line.

    Raises:
        FileFormatError: a line is too long, or there are too many.
    """
    breaks = np.flatnonzero(np.frombuffer(body, np.uint8) == ord("\n"))
    if np.diff(breaks, prepend=-1, append=len(body)).max() > MAX_LINE:
        for number, block in blocks_of_lines(body):
            check_lengths(number, block.split(b"\n"))
    if b"(" in body or b"#" in body:
        body = replaced(body, NOT_A_NUMBER, b"nan")
    if b"#" in body or b"//" in body:
        body = replaced(body, COMMENT, b"")
    if b'"' in body:
        body = _unquoted(body)
    if any(mark + b"\n" in body or body.endswith(mark) for mark in (b",", b";", b" ", b"\t")):
        body = replaced(body, ENDS, b"")
    if len(breaks) >= limits.max_points:
        limits.check_points(sum(1 for _ in _lines(body)))
    return body


def _unquoted(body: bytes) -> bytes:
    """Quoted cells as they are, separated by semicolons, since they may have commas in them."""
    mark = QUOTE_END.search(body)
    if mark is None:
        return body.replace(b'"', b"")
    lines = body.decode("latin-1").split("\n")
    cells = csv.reader(lines, delimiter=mark.group(1).decode(), skipinitialspace=True)
    return "\n".join(";".join(row) for row in cells).encode("latin-1")


def _lines(rows: bytes) -> Iterator[tuple[int, str]]:
    """Each row that is not blank, with the number of its line, counted from 0."""
    number = 0
    for _, block in blocks_of_lines(rows):
        for line in block.decode("latin-1").split("\n"):
            if stripped := line.strip():
                yield number, stripped
            number += 1


def _table(rows: bytes, head: _Head, known: TextFormat) -> tuple[FloatArray, Reading]:
    """The numbers (N, C) and how they are written, which the first rows tell, or else all.

    Raises:
        FileFormatError: it names the line that is not like those before.
    """
    columns = len(head.names.names) if head.names else None
    first = [row for _, row in islice(_lines(rows), SAMPLE_ROWS)]
    with contextlib.suppress(FileFormatError):
        reading = find_reading(first, columns, known)
        return _loaded(rows, reading), reading
    # Looked for only here, so that other files are not slowed.
    if (usual := without_fortran_exponents(rows)) is not None:
        return _table(usual, head, known)
    numbered = list(_lines(rows))
    every = [row for _, row in numbered]
    try:
        reading = find_reading(every, columns, known)
        return _loaded(rows, reading), reading
    except FileFormatError:
        misfit = first_misfit(every, known)
        if misfit is None:
            raise
    at, count = misfit
    number, row = numbered[at]
    raise refused_line(
        head.lines + number + 1,
        row.encode("latin-1"),
        f"is no row of {count} numbers, as the first is; mend it, or say how numbers are written "
        "by --decimal and --delimiter",
    )


def _loaded(rows: bytes, reading: Reading) -> FloatArray:
    """The numbers (N, C) of ``rows``, read as ``reading`` says.

    Raises:
        FileFormatError: a row cannot be.
    """
    mixed = FileFormatError("the rows are not all alike; export them again")
    # Where a comma is a decimal mark, a wrong row could turn into a right one.
    doubtful = reading.decimal == "," and (reading.in_pairs or b"." in rows)
    if doubtful and reading.columns(row for _, row in _lines(rows)) is None:
        raise mixed
    plain = io.BytesIO(reading.plain(rows))
    try:
        table: FloatArray = np.loadtxt(plain, delimiter=reading.mark, comments=None, ndmin=2)
    except ValueError:
        raise mixed from None
    return table


def _counted(promised: int, found: int) -> tuple[str, ...]:
    """What to tell where a file has more points than it says.

    Raises:
        FileFormatError: it has fewer.
    """
    if found < promised:
        raise FileFormatError(
            f"the file says that it has {promised} points, but holds {found}; it is cut off"
        )
    if found == promised:
        return ()
    return (f"The file says that it has {promised} points, but holds {found}; all were read.",)


def _named(table: FloatArray, named: ColumnNames) -> PointCloud:
    names = named.names
    if len(names) != table.shape[1] or len(set(names)) != len(names):
        if named.commented and len(names) != table.shape[1]:
            return _unnamed(table)  # a sentence about x, y and z
        raise FileFormatError(
            f"the names {', '.join(names)[:80]!r} must name {table.shape[1]} columns, each once; "
            "correct or remove them"
        )
    check_columns(len(names))
    cloud = cloud_from_columns(dict(zip(names, table.T, strict=True)))
    return replace(cloud, unit=named.unit)


def _unnamed(table: FloatArray) -> PointCloud:
    normals, others = None, 3
    if table.shape[1] >= 6 and _are_unit(table[:, 3:6]):
        normals, others = table[:, 3:6], 6
    fields = {f"column_{index}": table[:, index] for index in range(others, table.shape[1])}
    return PointCloud(table[:, :3], normals, fields=fields)


def _are_unit(vectors: FloatArray) -> bool:
    """Whether the vectors (N, 3) are unit, those that are not known aside."""
    length = np.linalg.norm(vectors, axis=1)
    known = np.isfinite(length)
    return bool(known.any() and (np.abs(length[known] - 1.0) < NORMAL_TOLERANCE).all())


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
