"""Damaged files of every format and encoding, and what may come of reading them.

Shared by the bounded test of the suite and by ``benchmarks/hostile_files.py``. A file is made from
a seed and an index alone, so that any one of them can be made again.

What is right is told without the code under test. Reading must end in a ``FileFormatError`` or in a
cloud that is finite, not empty, and has as many points as the damaged file itself states:

- LAS, LAZ, npy: the count in the header;
- npz: the first length in the header of its member ``points``;
- text: the lines that begin with a number (a lone count before them is none); OBJ, STL,
  PLY, PCD: what ``plain_readers`` find;
- TIFF: the pixels that are not (0, 0, 0), unpacked here with ``struct`` and ``zlib``; where damage
  has made it another kind of TIFF than those below, at most its rows times columns.
"""

from __future__ import annotations

import ast
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import tifffile

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import ENCODED_WRITERS, WRITERS, parse_cloud
from backend.io.measured import only_measured
from backend.io.organised import cloud_from_image
from tests.backend.io.plain_readers import obj_vertices, pcd_points, ply_vertices, stl_vertices

POINTS = 90
# Numbers that break promises: nothing, off by one, and the edges of the types that headers use.
EXTREMES = (
    0,
    1,
    -1,
    2,
    89,
    91,
    255,
    65535,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**64 - 1,
)


@dataclass(frozen=True)
class HostileFile:
    """``kind`` of the undamaged file, ``suffix`` it is read as, and its bytes."""

    kind: str
    suffix: str
    data: bytes


def _scan() -> PointCloud:
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(POINTS, 3))
    fields = {
        "mask": rng.integers(0, 2, POINTS).astype(np.uint8),
        "label": rng.integers(0, 9, POINTS).astype(np.int32),
        "weight": rng.random(POINTS).astype(np.float32),
    }
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud(rng.normal(size=(POINTS, 3)), normals, fields=fields)


def _mesh() -> PointCloud:
    """A bumpy grid of 6 by 15 vertices."""
    row, column = np.divmod(np.arange(POINTS), 15)
    points = np.stack([row, column, np.sin(row + column)], axis=1).astype(float)
    corner = np.flatnonzero((row < 5) & (column < 14))
    lower = np.stack([corner, corner + 1, corner + 16], axis=1)
    upper = np.stack([corner, corner + 16, corner + 15], axis=1)
    return PointCloud(points, faces=np.concatenate([lower, upper]))


def _image() -> np.ndarray:
    rng = np.random.default_rng(2)
    image = rng.normal(size=(9, 14, 3)).astype(np.float32)
    image[rng.random((9, 14)) < 0.3] = 0.0
    return image


def _mixed_ply(order: str) -> bytes:
    """Triangles and quads, so that lists differ in length; ``order`` as struct has it, or ascii."""
    mesh = _mesh()
    names = {"<": "binary_little_endian", ">": "binary_big_endian", "ascii": "ascii"}
    faces = [[0, 1, 16, 15], [1, 2, 17], [2, 3, 18, 17], *mesh.faces[20:60].tolist()]
    header = f"ply\nformat {names[order]} 1.0\nelement vertex {POINTS}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    if order == "ascii":
        rows = [" ".join(map(str, point)) for point in mesh.points]
        rows += [" ".join(map(str, [len(face), *face])) for face in faces]
        return (header + "\n".join(rows) + "\n").encode()
    body = mesh.points.astype(f"{order}f4").tobytes()
    body += b"".join(struct.pack(f"{order}B{len(f)}i", len(f), *f) for f in faces)
    return header.encode() + body


def _ascii_stl() -> bytes:
    mesh = _mesh()
    lines = ["solid part"]
    for face in mesh.points[mesh.faces[:40]]:
        lines += ["facet normal 0 0 1", "outer loop"]
        lines += ["vertex " + " ".join(map(str, corner)) for corner in face]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid part", ""]).encode()


def _tiff(**options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, _image(), photometric="rgb", metadata=None, **options)
    return stream.getvalue()


def _ptx(scan: PointCloud) -> bytes:
    head = b"%d\n1\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 0 0 0\n0 1 0 0\n0 0 1 0\n10 20 30 1\n"
    stream = io.BytesIO()
    np.savetxt(stream, np.column_stack([scan.points, scan.fields["weight"]]), "%.9g")
    return head % POINTS + stream.getvalue()


def _npz_compressed() -> bytes:
    scan, stream = _scan(), io.BytesIO()
    np.savez_compressed(stream, points=scan.points, normals=scan.normals, **scan.fields)
    return stream.getvalue()


def _plain() -> PointCloud:
    return PointCloud(_scan().points, _scan().normals)


@cache
def originals() -> dict[str, tuple[str, bytes]]:
    """Suffix and bytes of an undamaged file of every kind."""
    scan, mesh = _scan(), _mesh()
    found = {f"ply {name}": (".ply", _mixed_ply(name)) for name in ("ascii", "<", ">")}
    encodings = {
        ".ply": ("ascii", "binary_little_endian", "binary_big_endian"),
        ".pcd": ("ascii", "binary", "binary_compressed"),
    }
    for suffix, names in encodings.items():
        for name in names:
            found[f"{suffix[1:]} {name}"] = (suffix, ENCODED_WRITERS[suffix](scan, name))
    for suffix in (".xyz", ".txt", ".asc", ".csv", ".npy", ".npz", ".las", ".laz"):
        found[suffix[1:]] = (suffix, WRITERS[suffix](scan))
    for suffix in (".xyz", ".npy"):
        found[f"{suffix[1:]} plain"] = (suffix, WRITERS[suffix](_plain()))
    for suffix in (".stl", ".obj"):
        found[suffix[1:]] = (suffix, WRITERS[suffix](mesh))
    found["stl ascii"] = (".stl", _ascii_stl())
    found["npz compressed"] = (".npz", _npz_compressed())
    found["tif"] = (
        ".tif",
        WRITERS[".tif"](only_measured(cloud_from_image(_image()), zero_is_empty=True)),
    )
    found["pts"] = (".pts", b"%d\n" % POINTS + WRITERS[".xyz"](scan))
    found["ptx"] = (".ptx", _ptx(scan))
    found["tiff deflate"] = (".tiff", _tiff(compression="zlib", rowsperstrip=4))
    found["tiff big"] = (".tiff", _tiff(bigtiff=True, byteorder=">"))
    return found


def hostile_file(index: int, seed: int) -> HostileFile:
    """The damaged file number ``index``: kinds take turns, the damage is drawn."""
    rng = np.random.default_rng([seed, index])
    kinds = originals()
    kind = list(kinds)[index % len(kinds)]
    suffix, data = kinds[kind]
    data = damaged(data, rng)
    if rng.random() < 0.05:
        suffix = list(WRITERS)[rng.integers(len(WRITERS))]
    return HostileFile(kind, suffix, data)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """``data`` with one or two damages."""
    for _ in range(int(rng.integers(1, 3))):
        damage = DAMAGES[rng.integers(len(DAMAGES))]
        data = damage(data, rng)
    return data


def _truncated(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data) + 1)]


def _flipped(data: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(data)
    # Headers are where damage lies.
    end = len(data) if rng.random() < 0.5 else min(len(data), 400)
    for _ in range(int(rng.integers(1, 6)) if end else 0):
        damaged[rng.integers(end)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _overwritten(data: bytes, rng: np.random.Generator) -> bytes:
    at, length = _run(data, rng)
    run = rng.bytes(length) if rng.random() < 0.5 else bytes([rng.integers(256)]) * length
    return data[:at] + run + data[at + length :]


def _renumbered(data: bytes, rng: np.random.Generator) -> bytes:
    """Another number in the header: in words, or as 1 to 8 bytes."""
    number = EXTREMES[rng.integers(len(EXTREMES))]
    words = list(re.finditer(rb"\d+", data[:600]))
    if words and rng.random() < 0.6:
        word = words[rng.integers(len(words))]
        return data[: word.start()] + str(number).encode() + data[word.end() :]
    at, width = int(rng.integers(max(1, min(len(data), 600)))), 1 << int(rng.integers(4))
    written = (number % (1 << 8 * width)).to_bytes(width, "little" if rng.random() < 0.7 else "big")
    return data[:at] + written + data[at + width :]


def _duplicated(data: bytes, rng: np.random.Generator) -> bytes:
    at, length = _run(data, rng)
    return data[: at + length] + data[at:]


def _removed(data: bytes, rng: np.random.Generator) -> bytes:
    at, length = _run(data, rng)
    return data[:at] + data[at + length :]


def _appended(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 300)))


def _run(data: bytes, rng: np.random.Generator) -> tuple[int, int]:
    at = int(rng.integers(len(data) + 1))
    return at, int(rng.integers(1 + min(300, len(data) - at)))


DAMAGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _truncated,
    _flipped,
    _overwritten,
    _renumbered,
    _renumbered,
    _duplicated,
    _removed,
    _appended,
)


def verdict(file: HostileFile) -> str:
    """``refused``, or so if ``contained``; ``accepted``; or what is wrong with the cloud."""
    try:
        cloud = parse_cloud(file.data, file.suffix)
    except FileFormatError as error:
        return "contained" if "was stopped" in str(error) else "refused"
    if len(cloud) == 0 or not np.isfinite(cloud.points).all():
        return "unsound"
    low, high = STATED[file.suffix](file.data)
    return "accepted" if low <= _rows_read(cloud, file.suffix) <= high else "wrong count"


def _rows_read(cloud: PointCloud, suffix: str) -> int:
    """Rows that are accounted for: as points, or as told to be no measurement; pixels as points."""
    if suffix in (".tif", ".tiff") or cloud.rows is None or not cloud.notices:
        return len(cloud)
    return cloud.row_count


def _exactly(count: Callable[[bytes], int]) -> Callable[[bytes], tuple[int, int]]:
    return lambda data: (count(data), count(data))


def _las_count(data: bytes) -> int:
    place, code = (247, "<Q") if data[25] >= 4 else (107, "<I")
    return int(struct.unpack_from(code, data, place)[0])


def _npy_count(data: bytes) -> int:
    wide = data[6] >= 2
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    start = 12 if wide else 10
    return int(ast.literal_eval(data[start : start + length].decode("latin1"))["shape"][0])


def _npz_count(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        name = next(f"{n}.npy" for n in ("points", "xyz", "arr_0") if f"{n}.npy" in names)
        return _npy_count(archive.read(name))


def _text_count(data: bytes) -> int:
    lines = [line.strip() for line in re.split(rb"[\r\n]+" if b"\n" not in data else rb"\n", data)]
    if [len(line.split()) for line in lines[:10]] == PTX_HEAD:
        return _ptx_count(data)
    rows = [line for line in lines if _begins_with_number(line)]
    return len(rows) - (1 if len(rows) > 1 and re.fullmatch(rb"\d+", rows[0]) else 0)


# Numbers in the lines of a head, by which a PTX file is known whatever its name.
PTX_HEAD = [1, 1, 3, 3, 3, 3, 4, 4, 4, 4]


def _ptx_count(data: bytes) -> int:
    """Of the only scan, or else of the text that the file has become."""
    columns, rows = data.split(maxsplit=2)[:2]
    return int(columns) * int(rows)


def _begins_with_number(line: bytes) -> bool:
    try:
        float(re.split(rb"[\s,;]", line)[0])
    except ValueError:
        return False
    return True


def _tiff_count(data: bytes) -> tuple[int, int]:
    """Least and most pixels with depth."""
    tags = _tiff_tags(data)
    rows, columns = tags[257][0], tags[256][0]
    usual = {266: 1, 317: 1, 284: 1, 277: 3, 339: 3}
    if any(tags.get(tag, [value])[0] != value for tag, value in usual.items()) or 322 in tags:
        return 1, rows * columns
    if tags.get(259, [1])[0] not in (1, 8) or len(set(tags[258])) != 1 or 273 not in tags:
        return 1, rows * columns
    parts = [data[at : at + size] for at, size in zip(tags[273], tags[279], strict=True)]
    if tags.get(259, [1])[0] == 8:
        parts = [zlib.decompressobj().decompress(part) for part in parts]
    strips = -(-rows // max(1, min(tags.get(278, [rows])[0], rows)))
    image = b"".join(parts[:strips])
    values = np.frombuffer(
        image[: rows * columns * 3 * tags[258][0] // 8],
        f"{'<' if data[:2] == b'II' else '>'}f{tags[258][0] // 8}",
    )
    if len(values) != rows * columns * 3:
        return 1, rows * columns
    pixels = values.reshape(-1, 3)
    finite = np.isfinite(pixels).all(axis=1)
    # Beside NaN, a single zero is a point.
    return int((finite & (pixels != 0).any(axis=1)).sum()), int(finite.sum())


def _tiff_tags(data: bytes) -> dict[int, list[int]]:
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    offset, counter, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    (start,) = struct.unpack_from(order + offset, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + counter, data, start)
    tags = {}
    for at in range(start + struct.calcsize(counter), len(data), entry)[:count]:
        tag, kind, length = struct.unpack_from(order + "HH" + offset, data, at)
        code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
        if code is None:
            continue
        place = at + (12 if big else 8)
        if length * struct.calcsize(code) > struct.calcsize(offset):
            (place,) = struct.unpack_from(order + offset, data, place)
        tags[tag] = list(struct.unpack_from(f"{order}{length}{code}", data, place))
    return tags


STATED: dict[str, Callable[[bytes], tuple[int, int]]] = {
    ".ply": _exactly(ply_vertices),
    ".pcd": _exactly(pcd_points),
    ".stl": _exactly(stl_vertices),
    ".obj": _exactly(obj_vertices),
    ".xyz": _exactly(_text_count),
    ".txt": _exactly(_text_count),
    ".asc": _exactly(_text_count),
    ".csv": _exactly(_text_count),
    ".pts": _exactly(_text_count),
    ".ptx": _exactly(_ptx_count),
    ".npy": _exactly(_npy_count),
    ".npz": _exactly(_npz_count),
    ".las": _exactly(_las_count),
    ".laz": _exactly(_las_count),
    ".tif": _tiff_count,
    ".tiff": _tiff_count,
}
