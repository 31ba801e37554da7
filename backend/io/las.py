"""LAS and LAZ: positions on a grid of whole numbers, everything else by name.

Format: ASPRS, "LAS Specification 1.4 - R15" (2019); LAZ: M. Isenburg, "LASzip" (2013). Positions
are 32-bit whole numbers times a scale, plus an offset. The scale written is the finest power of two
with which the cloud fits: the rounding of a coordinate is at most 2^-32 of the extent along its
axis. Powers of two make the rest exact arithmetic: what was read once is written again bit by bit.

Normals and fields are extra dimensions of their own names and types, normals as ``nx``, ``ny`` and
``nz``. A field that LAS itself knows, such as ``intensity``, is stored as that; of those, a reader
gets the ones that are not zero everywhere. Faces are left out.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.extras import missing_extra
from backend.io.columns import NORMAL, POSITION, as_table, cloud_from_columns, columns_from_cloud
from backend.io.isolation import parse_isolated
from backend.io.limits import ReadLimits

SIGNATURE = b"LASF"
# Size of the oldest header, and of the first that counts points in 64 bits.
MIN_HEADER, HEADER_14 = 227, 375
VLR_BYTES, EVLR_BYTES = 54, 60
LASZIP = b"laszip encoded"
# Up to the items, each of type, size and version.
LASZIP_BYTES = 34
COMPRESSED = 0x80
VARIABLE = 0xFFFFFFFF
# CloudCompare's and PDAL's names of normals.
NORMAL_NAMES = dict(zip(("NormalX", "NormalY", "NormalZ"), NORMAL, strict=True))
POINT_FORMAT, VERSION = 6, "1.4"
# Files with the same points are to have the same bytes, whenever they are written.
CREATED = date(2000, 1, 1)
MAX_NAME = 32
REPLACED = {"b1": "u1", "f2": "f4"}
GRID = 2.0**31 - 2.0


@dataclass(frozen=True)
class LasHeader:
    """What a LAS header promises.

    Attributes:
        points: their count.
        record: bytes of one, uncompressed.
        start: where the points begin.
        header: bytes of the header; the variable-length records follow it.
        records: how many of those there are.
        compressed: by LASzip.
    """

    points: int
    record: int
    start: int
    header: int
    records: int
    compressed: bool


def parse_las(data: bytes, limits: ReadLimits) -> PointCloud:
    """The points of a LAS or LAZ file; see the module for what becomes of its dimensions.

    Raises:
        FileFormatError: a header whose promises the file cannot keep, or damaged points.
        MissingDependencyError: laspy or lazrs is not installed.
    """
    _laspy()
    header = read_header(data)
    limits.check_points(header.points)
    unpacked = header.points * header.record
    limits.check_bytes(unpacked)
    if header.compressed:
        _check_chunks(data, header)
    elif header.start + unpacked > len(data):
        raise FileFormatError(
            f"the header promises {header.points} points of {header.record} bytes, but "
            f"{len(data) - header.start} bytes follow; the file is cut off"
        )
    return parse_isolated(decode_las, data, replace(limits, max_bytes=unpacked))


def decode_las(data: bytes, limits: ReadLimits) -> PointCloud:
    """As ``parse_las``, of a file whose header is known to be honest; runs in a worker."""
    laspy = _laspy()
    with laspy.open(io.BytesIO(data), laz_backend=laspy.LazBackend.Lazrs) as reader:
        points = reader.read_points(reader.header.point_count)
        promised = reader.header.point_count
    if len(points) != promised:
        raise FileFormatError(f"the header promises {promised} points, but {len(points)} follow")
    columns = {name: np.array(getattr(points, name)) for name in POSITION}
    extra = set(points.point_format.extra_dimension_names)
    for name in points.point_format.dimension_names:
        if name in "XYZ":
            continue
        values = np.array(points[name])
        if name in extra or values.any():
            columns[NORMAL_NAMES.get(name, name)] = values
    return cloud_from_columns(columns)


def read_header(data: bytes) -> LasHeader:
    """The header of a LAS file, as far as it says how much there is.

    Raises:
        FileFormatError: not LAS, or cut off within the header.
    """
    if not data.startswith(SIGNATURE) or len(data) < MIN_HEADER:
        raise FileFormatError("not a LAS file: it has no whole header that begins with 'LASF'")
    size, start, records = struct.unpack_from("<HII", data, 94)
    point_format, record, points = struct.unpack_from("<BHI", data, 104)
    minor, further = data[25], 0
    if minor >= 4:
        if len(data) < HEADER_14:
            raise FileFormatError("the file ends within its LAS 1.4 header; it is cut off")
        _, further, points = struct.unpack_from("<QIQ", data, 235)
    if size + records * VLR_BYTES > start or start + further * EVLR_BYTES > len(data):
        raise FileFormatError(
            f"{records} + {further} records do not fit into a LAS file of {len(data)} bytes whose "
            f"points begin at {start}; it is damaged"
        )
    return LasHeader(points, record, start, size, records, bool(point_format & COMPRESSED))


def _check_chunks(data: bytes, header: LasHeader) -> None:
    """Refuse a count of points that is not that of the chunks of a LAZ file.

    Chunks but the last have the same count of points, which the LASzip record tells; the table of
    the chunks is where the first 8 bytes of the points say.
    """
    size = _chunk_size(data, header)
    (table,) = (
        struct.unpack_from("<q", data, header.start) if header.start + 8 <= len(data) else (0,)
    )
    if table == -1:
        (table,) = struct.unpack_from("<q", data, len(data) - 8)
    if not header.start + 8 <= table <= len(data) - 8:
        raise FileFormatError("the LAZ file has no table of its chunks; it is cut off")
    _, chunks = struct.unpack_from("<II", data, table)
    if size != VARIABLE and chunks != -(-header.points // size):
        raise FileFormatError(
            f"{header.points} points do not make {chunks} chunks of {size}; the file is damaged"
        )
    if chunks > len(data):
        raise FileFormatError(f"{len(data)} bytes cannot hold {chunks} chunks; the file is damaged")


def _chunk_size(data: bytes, header: LasHeader) -> int:
    """Points in a chunk, by the record of LASzip.

    Raises:
        FileFormatError: there is no such record, or its parts do not make up a point.
    """
    at = header.header
    for _ in range(header.records):
        if at + VLR_BYTES > header.start:
            break
        (length,) = struct.unpack_from("<H", data, at + 20)
        if data[at + 2 : at + 18].rstrip(b"\0") == LASZIP:
            size = _laszip_chunk(data[at + VLR_BYTES : at + VLR_BYTES + length], header)
            if size > 0:
                return size
        at += VLR_BYTES + length
    raise FileFormatError("the LAZ file does not say how it is compressed; export it again")


def _laszip_chunk(record: bytes, header: LasHeader) -> int:
    """Points in a chunk by ``record``, whose items must make up a point; 0 if they do not."""
    if len(record) < LASZIP_BYTES:
        return 0
    size, items = struct.unpack_from("<I16xH", record, 12)
    parts = np.frombuffer(record, "<u2", offset=LASZIP_BYTES)[: 3 * items].reshape(-1, 3)
    whole = len(parts) == items and parts[:, 1].sum() == header.record
    return int(size) if whole else 0


def format_las(cloud: PointCloud) -> bytes:
    """LAS 1.4, point format 6; see the module for precision and fields.

    Raises:
        FileFormatError: a field whose name is too long, or whose values LAS's own dimension of that
            name cannot hold.
        MissingDependencyError: laspy is not installed.
    """
    return _format(cloud, compress=False)


def format_laz(cloud: PointCloud) -> bytes:
    """As ``format_las``, compressed without loss."""
    return _format(cloud, compress=True)


def _format(cloud: PointCloud, *, compress: bool) -> bytes:
    laspy = _laspy()
    table = as_table(columns_from_cloud(cloud), REPLACED)
    header = laspy.LasHeader(version=VERSION, point_format=POINT_FORMAT)
    header.creation_date = CREATED
    header.generating_software = "flawsmith"
    header.scales, header.offsets = grid_of(cloud.points)
    own = set(header.point_format.dimension_names)
    names = [name for name in table.dtype.names or () if name not in POSITION]
    header.add_extra_dims(
        [
            laspy.ExtraBytesParams(_checked(name), table.dtype[name])
            for name in names
            if name not in own
        ]
    )
    las = laspy.LasData(header)
    las.x, las.y, las.z = cloud.points.T
    for name in names:
        las[name] = _fitting(name, table[name], las) if name in own else table[name]
    stream = io.BytesIO()
    las.write(stream, do_compress=compress, laz_backend=laspy.LazBackend.Lazrs)
    return stream.getvalue()


def grid_of(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scale and offset (3,) of the finest grid of powers of two that 32-bit numbers can hold.

    No finer than the spacing of doubles there; 1 along an axis without extent, whose offset alone
    says everything.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    extent, middle = high - low, low + (high - low) / 2
    finest = np.spacing(np.maximum(np.abs(low), np.abs(high)))
    needed = np.maximum(extent / 2 / GRID, np.maximum(finest, np.finfo(float).tiny))
    scale = np.exp2(np.ceil(np.log2(needed)))
    flat = extent == 0
    return np.where(flat, 1.0, scale), np.where(flat, low, np.rint(middle / scale) * scale)


def _checked(name: str) -> str:
    if len(name) > MAX_NAME:
        raise FileFormatError(
            f"LAS allows {MAX_NAME} characters for a field's name; shorten {name!r}"
        )
    return name


def _fitting(name: str, values: NDArray, las: Any) -> NDArray:
    """``values``, if LAS's own dimension ``name`` can hold them."""
    info = las.point_format.dimension_by_name(name)
    whole = bool((values == np.rint(values)).all())
    if info.kind.name != "FloatingPoint" and not (
        whole and values.min() >= info.min and values.max() <= info.max
    ):
        raise FileFormatError(
            f"LAS's own {name!r} holds whole numbers from {info.min} to {info.max}, the field "
            f"{values.min()} to {values.max()}; rename the field"
        )
    return values


def _laspy() -> Any:
    try:
        import laspy
        import lazrs  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_extra(error, "a LAS or LAZ file") from error
    return laspy
