"""PCD: ascii, binary and binary_compressed, by pypcd4 once the header is known to be honest."""

from __future__ import annotations

import io

import numpy as np
import pypcd4
from pypcd4 import Encoding, MetaData

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.limits import ReadLimits

MAX_HEADER = 1 << 16
# What a field's name begins with when pypcd4 read it as padding.
PADDING = "#$%&~~"
REPLACED = {"b1": "u1", "f2": "f4"}


def parse_pcd(data: bytes, limits: ReadLimits) -> PointCloud:
    """The points of a PCD file, in its order; padding is left out."""
    header, body = _split(data)
    metadata = MetaData.parse_header(header)
    limits.check_points(metadata.points)
    _check_header(metadata)
    _check_body(metadata, body)
    if metadata.data == Encoding.ASCII:
        body = _tidy(body, metadata.points)
    text = "\n".join([*header, ""]).encode()
    rows = pypcd4.PointCloud.from_fileobj(io.BufferedReader(io.BytesIO(text + body))).pc_data
    rows = np.atleast_1d(rows)
    names = [name for name in rows.dtype.names or () if not name.startswith(PADDING)]
    return cloud_from_columns({name: rows[name] for name in names})


def _split(data: bytes) -> tuple[list[str], bytes]:
    """Header lines without comments, and the bytes after them."""
    mark = data.find(b"\nDATA ", 0, MAX_HEADER)
    end = data.find(b"\n", mark + 1)
    if mark < 0 or end < 0:
        raise FileFormatError("no PCD header that ends with a DATA line; export it again")
    lines = [line.strip() for line in data[:end].decode("ascii", "replace").splitlines()]
    return [line for line in lines if line and not line.startswith("#")], data[end + 1 :]


def _check_header(metadata: MetaData) -> None:
    lengths = {len(metadata.fields), len(metadata.size), len(metadata.type), len(metadata.count)}
    if len(lengths) != 1:
        raise FileFormatError(
            f"FIELDS, SIZE, TYPE and COUNT name {sorted(lengths)} columns; they must agree"
        )
    if metadata.width * metadata.height != metadata.points:
        raise FileFormatError(
            f"WIDTH {metadata.width} x HEIGHT {metadata.height} is not POINTS {metadata.points}"
        )


def _check_body(metadata: MetaData, body: bytes) -> None:
    """Refuse promises that the rest of the file cannot keep, before anything is allocated."""
    row = sum(a * b for a, b in zip(metadata.size, metadata.count, strict=True))
    if metadata.data == Encoding.ASCII:
        promised, available = 2 * sum(metadata.count) * metadata.points, len(body) + 1
    elif metadata.data == Encoding.BINARY:
        promised, available = row * metadata.points, len(body)
    else:
        packed, unpacked = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
        if unpacked != row * metadata.points:
            raise FileFormatError(
                f"{metadata.points} points of {row} bytes do not unpack to {unpacked} bytes"
            )
        promised, available = 8 + packed, len(body)
    if promised > available:
        raise FileFormatError(
            f"the header promises {metadata.points} points, at least {promised} bytes, "
            f"but {available} follow; the file is cut off"
        )


def _tidy(body: bytes, count: int) -> bytes:
    """Lines with one space between numbers and none at their ends, as pypcd4 insists.

    Raises:
        FileFormatError: there are not ``count`` lines.
    """
    lines = [b" ".join(line.split()) for line in body.splitlines() if line.strip()]
    if len(lines) != count:
        raise FileFormatError(f"the header promises {count} points, {len(lines)} lines follow")
    return b"\n".join(lines)


def format_pcd(cloud: PointCloud) -> bytes:
    """Binary PCD: double positions and normals, fields by name; faces are left out."""
    table = as_table(columns_from_cloud(cloud), REPLACED)
    names = table.dtype.names or ()
    pcd = pypcd4.PointCloud.from_points(
        [table[name] for name in names], names, [table.dtype[name].type for name in names]
    )
    stream = io.BytesIO()
    pcd.save(stream, Encoding.BINARY)
    return stream.getvalue()
