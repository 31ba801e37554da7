"""PCD: ascii, binary and binary_compressed; normals and fields by name, faces are left out.

Format: the Point Cloud Library's PCD 0.7. The header is read by pypcd4 and then held against the
size of the file. Compressed points are unpacked by a compiled library, and therefore in a worker
process.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pypcd4
from numpy.typing import NDArray
from pypcd4 import Encoding, MetaData

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.isolation import parse_isolated
from backend.io.limits import ReadLimits, check_columns
from backend.io.text import check_text, format_rows, lines_of

MAX_HEADER = 1 << 16
# What a field's name begins with when pypcd4 read it as padding.
PADDING = "#$%&~~"
REPLACED = {"b1": "u1", "f2": "f4"}
# LZF makes at most 264 bytes of 3.
LZF_RATIO = 88


def parse_pcd(data: bytes, limits: ReadLimits) -> PointCloud:
    """The points of a PCD file, in its order; padding is left out."""
    header, body = _split(data)
    metadata = MetaData.parse_header(header)
    limits.check_points(metadata.points)
    _check_header(metadata)
    unpacked = _check_body(metadata, body)
    limits.check_bytes(unpacked)
    if metadata.data == Encoding.ASCII:
        return _cloud(_ascii_rows(body, metadata))
    if metadata.data == Encoding.BINARY:
        return _cloud(np.frombuffer(body, metadata.build_dtype(), metadata.points))
    text = "\n".join([*header, ""]).encode()
    return parse_isolated(decode_compressed, text + body, replace(limits, max_bytes=unpacked))


def decode_compressed(data: bytes, limits: ReadLimits) -> PointCloud:
    """The points of a compressed file whose header is known to be honest; runs in a worker."""
    return _cloud(pypcd4.PointCloud.from_fileobj(io.BufferedReader(io.BytesIO(data))).pc_data)


def _cloud(rows: NDArray[np.void]) -> PointCloud:
    names = [name for name in rows.dtype.names or () if not name.startswith(PADDING)]
    return cloud_from_columns({name: rows[name] for name in names})


def _ascii_rows(body: bytes, metadata: MetaData) -> NDArray[np.void]:
    """As many lines as promised.

    Raises:
        FileFormatError: there are more or fewer.
    """
    lines = (line.decode("ascii") for line in lines_of(body))
    rows: NDArray[np.void] = np.loadtxt(
        islice(lines, metadata.points), metadata.build_dtype(), comments=None, ndmin=1
    )
    found = len(rows) + sum(1 for _ in lines)
    if found != metadata.points:
        raise FileFormatError(f"the header promises {metadata.points} points, {found} lines follow")
    return rows


def _split(data: bytes) -> tuple[list[str], bytes]:
    """Header lines without comments, and the bytes after them."""
    mark = data.find(b"\nDATA ", 0, MAX_HEADER)
    end = data.find(b"\n", mark + 1)
    if mark < 0 or end < 0:
        raise FileFormatError("no PCD header that ends with a DATA line; export it again")
    check_text(data[:end])
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
    check_columns(sum(metadata.count))


def _check_body(metadata: MetaData, body: bytes) -> int:
    """Bytes of the unpacked points, after refusing promises that the file cannot keep."""
    row = sum(a * b for a, b in zip(metadata.size, metadata.count, strict=True))
    unpacked, available = row * metadata.points, len(body)
    if metadata.data == Encoding.ASCII:
        # The last number needs no separator.
        promised, available = 2 * sum(metadata.count) * metadata.points, available + 1
    elif metadata.data == Encoding.BINARY:
        promised = unpacked
    else:
        promised = 8 + _packed(metadata, body, unpacked)
    if promised > available:
        raise FileFormatError(
            f"the header promises {metadata.points} points, at least {promised} bytes, "
            f"but {available} follow; the file is cut off"
        )
    return unpacked


def _packed(metadata: MetaData, body: bytes, unpacked: int) -> int:
    """Bytes of the packed points, if they can become ``unpacked`` bytes."""
    packed, promised = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
    if promised != unpacked or unpacked > LZF_RATIO * packed:
        raise FileFormatError(
            f"{metadata.points} points of {unpacked} bytes cannot come from {packed} packed bytes "
            f"that are said to be {promised}; the file is damaged"
        )
    return packed


def format_pcd(cloud: PointCloud, encoding: str = "binary") -> bytes:
    """PCD with double positions and normals, fields by name; faces are left out.

    Args:
        cloud: what to write.
        encoding: ``"binary"``, ``"ascii"`` in as many digits as read back exactly, or
            ``"binary_compressed"``; points that cannot be compressed are written as ``"binary"``.

    Raises:
        FileFormatError: an unknown encoding, or a field that is not of numbers.
    """
    if encoding not in ENCODINGS:
        raise FileFormatError(f"PCD encoding {encoding!r} is none of {', '.join(ENCODINGS)}")
    table = as_table(columns_from_cloud(cloud), REPLACED)
    names = table.dtype.names or ()
    check_columns(len(names))
    pcd = pypcd4.PointCloud.from_points(
        [table[name] for name in names], names, [table.dtype[name].type for name in names]
    )
    return ENCODINGS[encoding](pcd, table)


def _ascii(pcd: pypcd4.PointCloud, table: NDArray[np.void]) -> bytes:
    header: str = pcd.metadata.compose_header(data=Encoding.ASCII)
    return header.encode("ascii") + format_rows(table)


def _binary(pcd: pypcd4.PointCloud, table: NDArray[np.void]) -> bytes:
    stream = io.BytesIO()
    pcd.save(stream, Encoding.BINARY)
    return stream.getvalue()


def _compressed(pcd: pypcd4.PointCloud, table: NDArray[np.void]) -> bytes:
    stream = io.BytesIO()
    pcd.save(stream, Encoding.BINARY_COMPRESSED)
    return stream.getvalue()


ENCODINGS: dict[str, Callable[[pypcd4.PointCloud, NDArray[np.void]], bytes]] = {
    "binary": _binary,
    "ascii": _ascii,
    "binary_compressed": _compressed,
}
