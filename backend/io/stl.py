"""STL: ascii and binary, corners at the same place made one vertex so that faces are neighbours.

STL has faces and nothing else: normals of points and fields are left out, and so are points that no
face has. It is written binary.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits
from backend.io.text import lines_of

HEADER_BYTES = 84
FACE = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
MERGE_CELL = 1e-8


def parse_stl(data: bytes, limits: ReadLimits) -> PointCloud:
    """The mesh of an STL file; its vertices are in the order in which they first appear."""
    corners = stl_corners(data, limits)
    faces = np.arange(len(corners)).reshape(-1, 3)
    points, faces = merge_vertices(corners, faces)
    if len(faces) == 0:
        raise FileFormatError("every face of the STL file has collapsed; export the mesh again")
    return PointCloud(points, faces=faces)


def stl_corners(data: bytes, limits: ReadLimits) -> NDArray[np.float64]:
    """(3 F, 3) the corners of the faces, one after another.

    Raises:
        FileFormatError: it is no STL, or a corner is not finite.
    """
    if _is_binary(data):
        corners = np.frombuffer(data, FACE, offset=HEADER_BYTES)["corners"].reshape(-1, 3)
    else:
        corners = _ascii_corners(data)
    if len(corners) == 0 or len(corners) % 3:
        raise FileFormatError(
            f"an STL file needs three corners a face, this one has {len(corners)}; export it again"
        )
    limits.check_points(len(corners) // 3)
    if not np.isfinite(corners).all():
        raise FileFormatError("a vertex has a coordinate that is not finite; export the mesh again")
    return corners.astype(np.float64)


def _ascii_corners(data: bytes) -> NDArray[np.float64]:
    numbers = array("d")
    for line in lines_of(data):
        if line.startswith(b"vertex"):
            words = line.split()
            if len(words) != 4:
                raise FileFormatError(f"a vertex needs three numbers, not {line[6:80]!r}")
            numbers.extend(map(float, words[1:]))
    return np.array(numbers).reshape(-1, 3)


def _is_binary(data: bytes) -> bool:
    """Some binary files begin with the word ``solid``: only the length tells for sure.

    Raises:
        FileFormatError: neither ascii, nor of the length that its binary header promises.
    """
    faces = int.from_bytes(data[80:84], "little")
    expected = HEADER_BYTES + FACE.itemsize * faces
    if len(data) >= HEADER_BYTES and len(data) == expected:
        return True
    if data.lstrip()[:5].lower() == b"solid" and b"\0" not in data:
        if not data.rstrip().rpartition(b"\n")[2].strip().lower().startswith(b"endsolid"):
            raise FileFormatError("the ascii STL file has no 'endsolid': it is cut off")
        return False
    raise FileFormatError(
        f"a binary STL file of {faces} faces has {expected} bytes, this one has {len(data)}; "
        "it is cut off or no STL"
    )


def merge_vertices(
    points: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Make one vertex of those at the same place; drop the faces that this collapses.

    The same place is one cell of a grid finer than single precision at the largest coordinate:
    writers leave different rounding noise where a coordinate should be zero.
    """
    cell = MERGE_CELL * (np.abs(points).max() or 1.0)
    keys = np.rint(points / cell).astype(np.int64)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    # Back from sorted order to the order in which they first appear.
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    merged = rank[inverse.reshape(-1)][faces]
    a, b, c = merged.T
    return points[first[order]], merged[(a != b) & (b != c) & (c != a)]


def format_stl(cloud: PointCloud) -> bytes:
    """Binary STL of the faces, in single precision as the format has it.

    Raises:
        FileFormatError: the cloud has no faces.
    """
    if cloud.faces is None or len(cloud.faces) == 0:
        raise FileFormatError(f"STL needs faces, these {len(cloud)} points have none; write PLY")
    table = np.zeros(len(cloud.faces), FACE)
    table["corners"] = cloud.points[cloud.faces]
    edges = np.diff(cloud.points[cloud.faces], axis=1)
    normals = np.cross(edges[:, 0], edges[:, 1])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    table["normal"] = normals / np.where(length > 0, length, 1.0)
    header = b"flawsmith".ljust(80) + len(table).to_bytes(4, "little")
    return header + table.tobytes()
