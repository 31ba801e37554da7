"""PCD: ascii, binary and binary_compressed; normals and fields by name, faces are left out.

Format: the Point Cloud Library's PCD 0.7; ``pcd_header`` tells what else is read. Compressed points
are unpacked by a compiled library, and therefore in a worker process. A cloud of a HEIGHT above 1
is organised.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace

import lzf
import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.isolation import parse_isolated
from backend.io.limits import ReadLimits, check_columns
from backend.io.lines import decoded, plain_text, replaced
from backend.io.numbers import without_fortran_exponents
from backend.io.organised import in_image, is_organised, pixel_fields, without_pixels
from backend.io.pcd_header import PcdHeader, columns_of, packed_dtype, read_header
from backend.io.text import NOT_A_NUMBER, format_rows, lines_of

REPLACED = {"b1": "u1", "f2": "f4"}
KINDS = {"f": "F", "i": "I", "u": "U"}
# LZF makes at most 264 bytes of 3.
LZF_RATIO = 88


def parse_pcd(data: bytes, limits: ReadLimits) -> PointCloud:
    """The points of a PCD file, in its order; padding is left out."""
    header, body = read_header(data)
    limits.check_points(header.points)
    unpacked = _check_body(header, body)
    limits.check_bytes(unpacked)
    if header.encoding == "ascii":
        return _parse_ascii(header, body, limits)
    if header.encoding == "binary":
        cloud = _cloud(header, _binary_columns(header, body))
        return _with_spare(cloud, len(body) - unpacked)
    return parse_isolated(decode_compressed, data, replace(limits, max_bytes=unpacked))


def decode_compressed(data: bytes, limits: ReadLimits) -> PointCloud:
    """The points of a compressed file whose header is known to be honest; runs in a worker."""
    header, body = read_header(data)
    packed = int.from_bytes(body[:4], "little")
    unpacked = header.row * header.points
    raw = lzf.decompress(body[8 : 8 + packed], unpacked)
    if raw is None or len(raw) != unpacked:
        raise FileFormatError(
            f"the packed points do not become the {unpacked} bytes that the header promises; the "
            "file is damaged"
        )
    columns, start = {}, 0
    for index, field in enumerate(header.fields):
        count = header.points * field.count
        array = np.frombuffer(raw, field.dtype, count, start)
        columns[index] = array.reshape(header.points, field.count)
        start += header.points * field.size
    return _with_spare(_cloud(header, columns), len(body) - 8 - packed)


def _binary_columns(header: PcdHeader, body: bytes) -> dict[int, NDArray]:
    rows = np.frombuffer(body, packed_dtype(header), header.points)
    return {index: rows[str(index)] for index, _ in header.named()}


def _cloud(header: PcdHeader, values: Mapping[int, NDArray]) -> PointCloud:
    columns = columns_of(header, dict(values))
    cloud = cloud_from_columns(columns)
    if header.height == 1:
        return cloud
    return replace(cloud, fields={**cloud.fields, **pixel_fields(header.height, header.width)})


def _with_spare(cloud: PointCloud, spare: int) -> PointCloud:
    if spare <= 0:
        return cloud
    notice = f"{spare} bytes follow the last point that its header names, and were not read."
    return replace(cloud, notices=(*cloud.notices, notice))


def _parse_ascii(header: PcdHeader, body: bytes, limits: ReadLimits) -> PointCloud:
    """As many lines as promised, or more of a cloud that is not organised.

    Raises:
        FileFormatError: there are fewer, or a line holds something else.
    """
    rows = _ascii_rows(header, plain_text(body))
    limits.check_points(len(rows))
    found, promised = len(rows), header.points
    if found < promised:
        raise FileFormatError(
            f"the header promises {promised} points, but {found} lines follow; the file is cut off"
        )
    if found > promised and header.height > 1:
        raise FileFormatError(
            f"the file holds more points than it says: {found} lines, but WIDTH {header.width} x "
            f"HEIGHT {header.height} are {promised}; correct the header"
        )
    starts = np.cumsum([0, *(field.count for field in header.fields)])
    values = {
        index: np.stack([rows[str(n)] for n in range(starts[index], starts[index + 1])], axis=1)
        for index, _ in header.named()
    }
    if found == promised:
        return _cloud(header, values)
    notice = f"The file holds more points than it says: {found}, not {promised}; all were read."
    return replace(_cloud(header, values), notices=(notice,))


def _ascii_rows(header: PcdHeader, text: bytes) -> NDArray[np.void]:
    """The lines as a structured array, each number by its place in the line."""
    types = [
        "<f8" if field.dtype.kind == "V" else field.dtype.str
        for field in header.fields
        for _ in range(field.count)
    ]
    dtype = np.dtype([(str(number), code) for number, code in enumerate(types)])
    text = replaced(text, NOT_A_NUMBER, b"nan") if b"(" in text or b"#" in text else text
    try:
        rows: NDArray[np.void] = np.loadtxt(io.BytesIO(text), dtype, comments=None, ndmin=1)
    except ValueError:
        if (usual := without_fortran_exponents(text)) is not None:
            return _ascii_rows(header, usual)
        raise FileFormatError(_misfit(text, len(types))) from None
    return rows


def _misfit(text: bytes, count: int) -> str:
    """Which line is no row of ``count`` numbers of the types that the header names."""
    for line in lines_of(text):
        words = line.split()
        if len(words) != count or not all(map(_is_number, words)):
            return (
                f"the line {decoded(line)[:80]!r} is no row of the {count} numbers that FIELDS and "
                "COUNT name; mend it"
            )
    return "a number does not fit the TYPE and SIZE that its field has; correct the header"


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _check_body(header: PcdHeader, body: bytes) -> int:
    """Bytes of the unpacked points, after refusing promises that the file cannot keep."""
    unpacked, available = header.row * header.points, len(body)
    if header.encoding == "ascii":
        # The last number needs no separator.
        promised, available = 2 * header.numbers * header.points, available + 1
    elif header.encoding == "binary":
        promised = unpacked
    else:
        promised = 8 + _packed(header, body, unpacked)
    if promised > available:
        raise FileFormatError(
            f"the header promises {header.points} points, at least {promised} bytes, "
            f"but {available} follow; the file is cut off"
        )
    return unpacked


def _packed(header: PcdHeader, body: bytes, unpacked: int) -> int:
    """Bytes of the packed points, if they can become ``unpacked`` bytes."""
    packed, promised = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
    if promised != unpacked or unpacked > LZF_RATIO * packed:
        raise FileFormatError(
            f"{header.points} points of {unpacked} bytes cannot come from {packed} packed bytes "
            f"that are said to be {promised}; the file is damaged"
        )
    return packed


def format_pcd(cloud: PointCloud, encoding: str = "binary") -> bytes:
    """PCD with double positions and normals, fields by name; faces are left out.

    A cloud whose points have pixels of their own is written organised, row by row, with NaN where
    there is no point.

    Args:
        cloud: what to write.
        encoding: ``"binary"``, ``"ascii"`` in as many digits as read back exactly, or
            ``"binary_compressed"``; points that cannot be compressed are written as ``"binary"``.

    Raises:
        FileFormatError: an unknown encoding, or a field that is not of numbers.
    """
    if encoding not in ENCODINGS:
        raise FileFormatError(
            f"unknown PCD encoding {encoding!r}; known are {', '.join(ENCODINGS)}"
        )
    organised = is_organised(cloud)
    fields = without_pixels(cloud) if organised else cloud.fields
    table = as_table(columns_from_cloud(replace(cloud, fields=fields)), REPLACED)
    check_columns(len(table.dtype.names or ()))
    return pcd_bytes(*(in_image(cloud, table) if organised else (table, 1)), encoding)


def pcd_bytes(table: NDArray[np.void], height: int = 1, encoding: str = "binary") -> bytes:
    """A structured array (N,) of numbers as a PCD file of ``height`` rows; see ``format_pcd``."""
    body = ENCODINGS[encoding](table)
    if body is None:
        encoding, body = "binary", table.tobytes()
    names = table.dtype.names or ()
    types = [table.dtype[name] for name in names]
    header = {
        "VERSION": ["0.7"],
        "FIELDS": names,
        "SIZE": [kind.itemsize for kind in types],
        "TYPE": [KINDS[kind.kind] for kind in types],
        "COUNT": [1] * len(names),
        "WIDTH": [len(table) // height],
        "HEIGHT": [height],
        "VIEWPOINT": ["0.0 0.0 0.0 1.0 0.0 0.0 0.0"],
        "POINTS": [len(table)],
        "DATA": [encoding],
    }
    lines = (f"{key} {' '.join(map(str, words))}\n" for key, words in header.items())
    return "".join(lines).encode("ascii") + body


def _compressed(table: NDArray[np.void]) -> bytes | None:
    """The fields one after another, packed; None if they do not become fewer bytes."""
    raw = b"".join(table[name].tobytes() for name in table.dtype.names or ())
    packed = lzf.compress(raw)
    if packed is None:
        return None
    sizes = (len(size).to_bytes(4, "little") for size in (packed, raw))
    return b"".join([*sizes, packed])


ENCODINGS: dict[str, Callable[[NDArray[np.void]], bytes | None]] = {
    "binary": lambda table: table.tobytes(),
    "ascii": format_rows,
    "binary_compressed": _compressed,
}
