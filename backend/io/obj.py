"""OBJ: the vertices and faces of all objects as one mesh; materials and textures are left out.

Read here rather than by trimesh, which splits vertices where texture seams run (a defect would
tear there), drops files of vertices alone, and takes relative indices for absolute ones.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits
from backend.io.polygons import triangulate


def parse_obj(data: bytes, limits: ReadLimits) -> PointCloud:
    """Vertices in the file's order, faces cut into triangles, normals if there is one a vertex."""
    vertices: list[str] = []
    normals: list[str] = []
    faces: list[list[int]] = []
    for line in data.decode("utf-8", "replace").replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "v":
            vertices.append(rest)
        elif keyword == "vn":
            normals.append(rest)
        elif keyword == "f":
            faces.append([_vertex(word, len(vertices)) for word in rest.split()])
    limits.check_points(len(vertices))
    points = _numbers(vertices, "v")
    own = _numbers(normals, "vn") if len(normals) == len(vertices) else None
    return PointCloud(points, own, _triangles(faces, len(points)))


def _vertex(word: str, known: int) -> int:
    """Vertex index, from 0, of a corner such as ``7/1/3`` or ``-1//2``."""
    index = int(word.partition("/")[0])
    return index - 1 if index > 0 else known + index


def _numbers(lines: list[str], keyword: str) -> NDArray[np.float64]:
    """The first three numbers (N, 3) of each line; a vertex may have a weight or a color too."""
    try:
        return np.loadtxt(lines, usecols=(0, 1, 2), ndmin=2)
    except ValueError as error:
        raise FileFormatError(f"a {keyword!r} line does not begin with three numbers") from error


def _triangles(faces: list[list[int]], count: int) -> NDArray[np.int64] | None:
    if not faces:
        return None
    lengths = np.array([len(face) for face in faces])
    corners = np.array([index for face in faces for index in face], dtype=np.int64)
    wrong = (corners < 0) | (corners >= count)
    if wrong.any():
        raise FileFormatError(
            f"a face names vertex {corners[wrong][0] + 1}, but the file has {count}; it is cut off"
        )
    return triangulate(lengths, corners)


def format_obj(cloud: PointCloud) -> bytes:
    """Vertices, normals if known, and faces; doubles in 17 digits, which read back exactly."""
    text = io.StringIO()
    np.savetxt(text, cloud.points, fmt="v %.17g %.17g %.17g")
    if cloud.normals is not None:
        np.savetxt(text, cloud.normals, fmt="vn %.17g %.17g %.17g")
    if cloud.faces is not None:
        corner = "%d//%d" if cloud.normals is not None else "%d"
        copies = 2 if cloud.normals is not None else 1
        corners = np.repeat(cloud.faces + 1, copies, axis=1)
        np.savetxt(text, corners, fmt=f"f {corner} {corner} {corner}")
    return text.getvalue().encode("ascii")
