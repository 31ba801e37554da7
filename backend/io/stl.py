"""STL: ascii and binary, corners at the same place made one vertex so that faces are neighbours."""

from __future__ import annotations

import io

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.exchange.stl import export_stl, load_stl_ascii, load_stl_binary

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits

HEADER_BYTES = 84
FACE_BYTES = 50
MERGE_CELL = 1e-8


def parse_stl(data: bytes, limits: ReadLimits) -> PointCloud:
    """The mesh of an STL file; its vertices are in the order in which they first appear."""
    binary = _is_binary(data)
    if binary:
        limits.check_points(int.from_bytes(data[80:84], "little"))
    load = load_stl_binary if binary else load_stl_ascii
    mesh = trimesh.Trimesh(process=False, **_arrays(load(io.BytesIO(data))))
    if len(mesh.faces) == 0:
        raise FileFormatError("the STL file holds no faces; export the mesh again")
    points, faces = merge_vertices(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    return PointCloud(points, faces=faces)


def _is_binary(data: bytes) -> bool:
    """Some binary files begin with the word ``solid``: only the length tells for sure.

    Raises:
        FileFormatError: neither ascii, nor of the length that its binary header promises.
    """
    faces = int.from_bytes(data[80:84], "little")
    expected = HEADER_BYTES + FACE_BYTES * faces
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


def _arrays(loaded: dict) -> dict:
    return {name: loaded[name] for name in ("vertices", "faces")}


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
    mesh = trimesh.Trimesh(cloud.points, cloud.faces, process=False)
    return bytes(export_stl(mesh))
