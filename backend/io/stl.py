"""STL: ascii and binary, corners at the same place made one vertex so that faces are neighbours.

STL has faces and nothing else: normals of points and fields are left out, and so are points that no
face has. It is written binary.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.ascii_stl import BEGINNING, is_ascii_stl, parse_ascii_stl
from backend.io.limits import ReadLimits
from backend.io.lines import from_utf_16
from backend.io.numbers import DecimalMark
from backend.io.text import CONTROL
from backend.wording import were

HEADER_BYTES = 84
FACE = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
MERGE_CELL = 1e-8
# Normals of faces have length one, or zero where the writer did not know them, within this.
NORMAL_TOLERANCE = 0.01


def parse_stl(data: bytes, limits: ReadLimits, decimal: DecimalMark | None = None) -> PointCloud:
    """The mesh of an STL file; its vertices are in the order in which they first appear.

    Args:
        data: the file.
        limits: what is refused as too large.
        decimal: the decimal mark of an ascii file's numbers; without, it is found out.

    Raises:
        FileFormatError: it is no STL, is cut off, or has no face with an extent.
    """
    soup = stl_faces(data, limits, decimal)
    points, faces = merge_vertices(soup.points, np.arange(len(soup)).reshape(-1, 3))
    if len(faces) == 0:
        raise FileFormatError("every face of the STL file has collapsed; export the mesh again")
    return PointCloud(points, faces=faces, notices=soup.notices)


def stl_faces(data: bytes, limits: ReadLimits, decimal: DecimalMark | None = None) -> PointCloud:
    """The corners (3 F, 3) of the F faces, one after another, and the notices; else ``parse_stl``.

    Faces with a corner that is not finite are left out.
    """
    # Only the length tells for sure: some binary headers begin with "solid", or are UTF-16.
    binary = len(data) == _size(_promised(data))
    text = data if binary else from_utf_16(data)
    if binary or not is_ascii_stl(text):
        soup = _binary_faces(data)
    else:
        soup = parse_ascii_stl(text, limits, decimal)
    if len(soup) == 0:
        raise FileFormatError("the STL file has no faces; export the mesh again")
    limits.check_points(len(soup) // 3)
    return _finite_faces(soup)


def _promised(data: bytes) -> int:
    """How many faces the header of a binary file promises."""
    return int.from_bytes(data[HEADER_BYTES - 4 : HEADER_BYTES], "little")


def _size(faces: int) -> int:
    """Bytes of a binary file."""
    return HEADER_BYTES + FACE.itemsize * faces


def _binary_faces(data: bytes) -> PointCloud:
    promised = _promised(data)
    if len(data) >= HEADER_BYTES and CONTROL.search(data, 0, BEGINNING) is None:
        raise FileFormatError(
            "the file is text, but none of its lines begins with 'facet' as in STL; "
            "export the mesh again, as binary STL if you can"
        )
    if len(data) < max(HEADER_BYTES, _size(promised)):
        raise FileFormatError(
            f"a binary STL file of {promised} faces has {_size(promised)} bytes, but this one has "
            f"{len(data)}; it is cut off or not STL"
        )
    count, spare = divmod(len(data) - HEADER_BYTES, FACE.itemsize)
    notices: tuple[str, ...] = ()
    # Whole faces behind the last one: the count is wrong, as of programs that never write it.
    if count > promised and (spare == 0 or promised == 0):
        _check_plausible(data, promised, count)
        notices = (f"The file promises {promised} faces and holds {count}, which were all read.",)
    else:
        count, spare = promised, len(data) - _size(promised)
    if spare:
        notices += (f"{spare} bytes behind the last of {count} faces were left out.",)
    rows = np.frombuffer(data, FACE, count, HEADER_BYTES)
    # Signalling NaN, which damage makes, is no reason to warn.
    with np.errstate(invalid="ignore"):
        corners = rows["corners"].reshape(-1, 3).astype(np.float64)
    return PointCloud(corners, notices=notices)


def _check_plausible(data: bytes, promised: int, count: int) -> None:
    """Raise ``FileFormatError`` if what is behind the promised faces is none."""
    rows = np.frombuffer(data, FACE, count, HEADER_BYTES)[promised:]
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(rows["normal"].astype(np.float64), axis=1)
    plausible = (np.abs(length - 1.0) < NORMAL_TOLERANCE) | (length == 0)
    if plausible.mean() < 0.5 or not np.isfinite(rows["corners"]).any():
        raise FileFormatError(
            f"a binary STL file of {promised} faces has {_size(promised)} bytes, this one has "
            f"{len(data)}, and no faces in them; export the mesh again"
        )


def _finite_faces(soup: PointCloud) -> PointCloud:
    finite = np.isfinite(soup.points).all(axis=1).reshape(-1, 3).all(axis=1)
    lost = int((~finite).sum())
    if not lost:
        return soup
    notice = f"{were(lost, len(finite), 'faces')} left out: a corner is not finite."
    if lost == len(finite):
        raise FileFormatError(f"{notice} No face is left; export the mesh again")
    return replace(soup, points=soup.points[np.repeat(finite, 3)], notices=(*soup.notices, notice))


def merge_vertices(points: FloatArray, faces: IntArray) -> tuple[FloatArray, IntArray]:
    """Make one vertex of those at the same place; drop the faces that this collapses.

    The same place is one cell of a grid finer than single precision at the largest coordinate:
    writers leave different rounding noise where a coordinate should be zero.
    """
    cell = MERGE_CELL * (np.abs(points).max() or 1.0)
    first, place = _distinct_rows(np.rint(points / cell).astype(np.int64))
    # Back from sorted order to the order in which they first appear.
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    merged = rank[place][faces]
    a, b, c = merged.T
    return points[first[order]], merged[(a != b) & (b != c) & (c != a)]


def _distinct_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Where each distinct row first is, in sorted order, and which of them each row (N,) is.

    As ``np.unique`` over an axis, in a third of the time.
    """
    order = np.lexsort(rows.T)
    sorted_rows = rows[order]
    begins = np.append(True, (sorted_rows[1:] != sorted_rows[:-1]).any(axis=1))
    place = np.empty_like(order)
    place[order] = np.cumsum(begins) - 1
    return np.minimum.reduceat(order, np.flatnonzero(begins)), place


def format_stl(cloud: PointCloud) -> bytes:
    """Binary STL of the faces, in single precision as the format has it.

    Raises:
        FileFormatError: the cloud has no faces.
    """
    if cloud.faces is None or len(cloud.faces) == 0:
        raise FileFormatError(
            f"STL needs faces, but these {len(cloud)} points have none; write PLY"
        )
    table = np.zeros(len(cloud.faces), FACE)
    table["corners"] = cloud.points[cloud.faces]
    edges = np.diff(cloud.points[cloud.faces], axis=1)
    normals = np.cross(edges[:, 0], edges[:, 1])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    table["normal"] = normals / np.where(length > 0, length, 1.0)
    header = b"flawsmith".ljust(80) + len(table).to_bytes(4, "little")
    return header + table.tobytes()
