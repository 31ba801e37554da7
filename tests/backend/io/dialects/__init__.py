"""Files in the dialects that other programs write, and what must be read from them.

Shared by the bounded test of the suite and by ``benchmarks/hostile_files.py``. A file is made from
a seed and an index alone. Its dialect is drawn: what parts words and lines, decimal marks,
capitals, comments, encodings, headers, spare bytes, values that are no measurement. The points that
it holds are known from how it is made, and for meshes from ``plain_readers``, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backend.errors import FileFormatError
from backend.io import parse_cloud
from tests.backend.io.dialects.drawn import DialectFile, Rng
from tests.backend.io.dialects.meshes import obj_file, ply_file, stl_ascii_file, stl_binary_file
from tests.backend.io.dialects.scans import npy_file, pcd_file, pts_file, ptx_file, text_file
from tests.backend.io.hostile import HostileFile, damaged
from tests.backend.io.plain_readers import obj_vertices, ply_vertices, stl_vertices

KINDS: dict[str, Callable[[str, Rng], DialectFile]] = {
    "obj": obj_file,
    "stl ascii": stl_ascii_file,
    "stl binary": stl_binary_file,
    "ply ascii": ply_file,
    "ply little": ply_file,
    "ply big": ply_file,
    "text": text_file,
    "pcd ascii": pcd_file,
    "pcd binary": pcd_file,
    "npy organised": npy_file,
    "pts": pts_file,
    "ptx": ptx_file,
}
PLAIN: dict[str, Callable[[bytes], int]] = {
    ".obj": obj_vertices,
    ".stl": stl_vertices,
    ".ply": ply_vertices,
}
PLAIN_KINDS = [kind for kind in KINDS if f".{kind.split()[0]}" in PLAIN]


def dialect_file(index: int, seed: int) -> DialectFile:
    """File number ``index``: kinds take turns, the dialect is drawn."""
    kind = list(KINDS)[index % len(KINDS)]
    return KINDS[kind](kind, np.random.default_rng([seed, index]))


def damaged_dialect(index: int, seed: int) -> HostileFile:
    """As ``dialect_file``, of the kinds that have a plain reader, with one or two damages."""
    file = KINDS[_plain_kind(index)](_plain_kind(index), np.random.default_rng([seed, index]))
    data = damaged(file.data, np.random.default_rng([seed, index, 1]))
    return HostileFile(file.kind, file.suffix, data)


def _plain_kind(index: int) -> str:
    return PLAIN_KINDS[index % len(PLAIN_KINDS)]


def verdict(file: DialectFile) -> str:
    """``accepted``, ``refused``, or what is wrong with the cloud."""
    try:
        cloud = parse_cloud(file.data, file.suffix)
    except FileFormatError:
        return "refused"
    told = len(cloud) if cloud.rows is None else cloud.row_count
    counted = PLAIN.get(file.suffix, lambda _: file.rows)(file.data)
    if len(cloud) != len(file.points) or told not in (file.rows, None) or counted != file.rows:
        return "wrong count"
    if len(cloud) < file.rows and not cloud.notices:
        return "silent loss"
    # STL and PLY may hold single precision.
    if not np.allclose(cloud.points, file.points, rtol=1e-6, atol=1e-6):
        return "wrong points"
    if cloud.unit != file.unit:
        return "wrong unit"
    found = 0 if cloud.faces is None else len(cloud.faces)
    return "accepted" if found == file.triangles else "wrong faces"
