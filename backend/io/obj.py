"""OBJ: the vertices and faces of all objects as one mesh; materials and textures are left out.

Read here rather than by trimesh, which splits vertices where texture seams run (a defect would
tear there), drops files of vertices alone, and takes relative indices for absolute ones. OBJ has no
place for further values per point: fields are left out.
"""

from __future__ import annotations

import io
import re
from array import array

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits
from backend.io.polygons import triangulate
from backend.io.text import lines_of

CONTINUED = re.compile(rb"\\\r?\n")
# Of a corner such as 7/1/3 or -1//2, only the vertex counts.
SLASHES = re.compile(rb"/\S*")


def parse_obj(data: bytes, limits: ReadLimits) -> PointCloud:
    """Vertices in the file's order, faces cut into triangles, normals if there is one a vertex."""
    vertices, normals = array("d"), array("d")
    corners, lengths, known = array("q"), array("q"), array("q")
    # No copy of the whole file unless some line goes on in the next.
    joined = CONTINUED.sub(b" ", data) if CONTINUED.search(data) else data
    for line in lines_of(joined):
        keyword, _, rest = line.partition(b" ")
        if keyword == b"v":
            vertices.extend(_three(rest))
        elif keyword == b"vn":
            normals.extend(_three(rest))
        elif keyword == b"f":
            words = SLASHES.sub(b"", rest).split()
            corners.extend(map(int, words))
            lengths.append(len(words))
            known.append(len(vertices) // 3)
    limits.check_points(len(vertices) // 3)
    points = np.array(vertices).reshape(-1, 3)
    own = np.array(normals).reshape(-1, 3) if len(normals) == len(vertices) else None
    sizes, indices = np.array(lengths, np.int64), np.array(corners, np.int64)
    # Counted from 1, or backwards from the vertices known so far.
    indices += np.where(indices > 0, -1, np.repeat(np.array(known, np.int64), sizes))
    return PointCloud(points, own, _triangles(sizes, indices, len(points), limits))


def _three(words: bytes) -> list[float]:
    """The first three numbers of a line; a vertex may have a weight or a color too."""
    try:
        numbers = [float(word) for word in words.split(maxsplit=3)[:3]]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise FileFormatError(
            f"the vertex line {words[:80].decode('ascii', 'replace')!r} does not begin with three "
            "numbers"
        )
    return numbers


def _triangles(
    lengths: NDArray[np.int64], corners: NDArray[np.int64], count: int, limits: ReadLimits
) -> NDArray[np.int64] | None:
    if len(lengths) == 0:
        return None
    wrong = (corners < 0) | (corners >= count)
    if wrong.any():
        raise FileFormatError(
            f"a face names vertex {corners[wrong][0] + 1}, but the file has {count}; it is cut off"
        )
    limits.check_faces(len(corners))
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
