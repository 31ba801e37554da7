"""PTX and PTS, Leica's text formats of scans.

A PTX file holds scans of a scanner one after another: columns and rows, where the scanner stood (4
lines), the transform to a common frame (4 lines, row vectors), then a line a point, column by
column: x, y, z in the scanner's frame, intensity and perhaps red, green and blue. A direction that
gave no echo is at (0, 0, 0). Points are read in the common frame, as CloudCompare and PDAL do; a
file of one scan is organised. PTS is a count, then x, y, z, and perhaps the same further columns.
"""

from __future__ import annotations

import io
import re

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits
from backend.io.lines import line_at, plain_text, refused_line
from backend.io.measured import empty_zeros
from backend.io.numbers import floats, without_fortran_exponents
from backend.io.organised import IMAGE, PIXEL

NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[dDeE][-+]?\d+)?"
NUMBERS_3, NUMBERS_4 = (rb"[ \t]+".join([NUMBER] * count) for count in (3, 4))
BLANK, END = rb"[ \t]*", rb"[ \t]*\n"
# Two counts, four lines of three numbers, four lines of four.
HEAD = re.compile(
    rb"\s*(\d+)" + END + BLANK + rb"(\d+)" + END
    + rb"((?:" + BLANK + NUMBERS_3 + END + rb"){4})"
    + rb"((?:" + BLANK + NUMBERS_4 + END + rb"){4})"
)  # fmt: skip
COLOR = ("red", "green", "blue")
# Names of what follows x, y and z, by how many numbers a line has.
VALUES: dict[int, tuple[str, ...]] = {
    4: ("intensity",),
    6: COLOR,
    7: ("intensity", *COLOR),
}


def is_ptx(text: bytes) -> bool:
    """Whether ``text`` begins as a PTX file does."""
    return HEAD.match(text) is not None


def parse_ptx(data: bytes, limits: ReadLimits) -> PointCloud:
    """All scans of a PTX file, in its order.

    Raises:
        FileFormatError: there is no such head, or fewer points than it promises.
    """
    text = plain_text(data)
    clouds, start = [], 0
    while start < len(text) and text[start:].strip():
        cloud, start = _scan(text, start, limits)
        clouds.append(cloud)
    if not clouds:
        raise FileFormatError("the file holds no points; export the scan again")
    limits.check_points(sum(map(len, clouds)))
    return clouds[0] if len(clouds) == 1 else _joined(clouds)


def _scan(text: bytes, start: int, limits: ReadLimits) -> tuple[PointCloud, int]:
    """The scan whose head begins at ``start``, and where the next one does."""
    head = HEAD.match(text, start)
    if head is None:
        number = text.count(b"\n", 0, start) + 1
        raise refused_line(
            number,
            line_at(text, number)[1],
            "does not begin a scan of PTX: two counts, four lines of three numbers, four of four",
        )
    columns, rows = int(head[1]), int(head[2])
    limits.check_points(columns * rows)
    end = _after_lines(text, head.end(), columns * rows)
    table = _table(text[head.end() : end], columns * rows)
    transform = floats(head[4].split(), head[4], ".").reshape(4, 4)
    return _cloud(table, transform, rows, columns), end


def _after_lines(text: bytes, start: int, count: int) -> int:
    """Where ``count`` lines after ``start`` end."""
    breaks = np.flatnonzero(np.frombuffer(text, np.uint8, offset=start) == ord("\n"))
    if len(breaks) >= count:
        return start + int(breaks[count - 1]) + 1
    if len(breaks) + bool(text[start:].rpartition(b"\n")[2].strip()) < count:
        raise FileFormatError(
            f"the head promises {count} points, but {len(breaks)} lines follow; the file is cut off"
        )
    return len(text)


def _table(lines: bytes, count: int) -> FloatArray:
    """(count, 4) or (count, 7) numbers."""
    try:
        table = np.loadtxt(io.BytesIO(lines), comments=None, ndmin=2)
    except ValueError:
        if (usual := without_fortran_exponents(lines)) is not None:
            return _table(usual, count)
        raise FileFormatError(
            "the points of a PTX file need the same count of numbers in each line, 4 or 7; export "
            "it again"
        ) from None
    if len(table) != count:
        raise FileFormatError(
            f"the head promises {count} points, but {len(table)} follow; the file is cut off"
        )
    if table.shape[1] not in (4, 7):
        raise FileFormatError(
            f"the points of a PTX file have 4 or 7 numbers a line, not {table.shape[1]}; export it "
            "again"
        )
    return table


def _cloud(table: FloatArray, transform: FloatArray, rows: int, columns: int) -> PointCloud:
    points = table[:, :3]
    points[empty_zeros(points)] = np.nan
    fields: dict[str, NDArray] = dict(zip(VALUES[table.shape[1]], table[:, 3:].T, strict=True))
    column, row = np.divmod(np.arange(len(table), dtype=np.int32), np.int32(rows))
    size = (np.full_like(row, length) for length in (rows, columns))
    fields |= zip((*PIXEL, *IMAGE), (row, column, *size), strict=True)
    return PointCloud(points @ transform[:3, :3] + transform[3, :3], fields=fields)


def _joined(clouds: list[PointCloud]) -> PointCloud:
    """Several scans as one, whose points have no pixels."""
    names = [name for name in clouds[0].fields if name not in (*PIXEL, *IMAGE)]
    if any(names != [n for n in cloud.fields if n not in (*PIXEL, *IMAGE)] for cloud in clouds):
        raise FileFormatError("the scans of the PTX file have different values; export them alike")
    return PointCloud(
        np.concatenate([cloud.points for cloud in clouds]),
        fields={name: np.concatenate([c.fields[name] for c in clouds]) for name in names},
    )
