"""Triangle meshes as surfaces: closed or not, their volume, and places in their triangles."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray


def is_watertight(faces: IntArray) -> bool:
    """Whether each edge of ``faces`` (M, 3) is used exactly once in each direction.

    >>> tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    >>> is_watertight(tetrahedron), is_watertight(tetrahedron[1:])
    (True, False)
    """
    if len(faces) == 0:
        return False
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    count = int(faces.max()) + 1
    ahead, back = np.sort(start * count + end), np.sort(end * count + start)
    return bool((np.diff(ahead) > 0).all() and np.array_equal(ahead, back))


def signed_volume(points: FloatArray, faces: IntArray) -> float:
    """Volume inside a closed mesh; positive where its faces wind counterclockwise from outside.

    >>> points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    >>> round(6.0 * signed_volume(points, faces), 6)
    1.0
    """
    a, b, c = np.moveaxis(points[faces] - points.mean(axis=0), 1, 0)
    return float(np.einsum("mi,mi->", a, np.cross(b, c)) / 6.0)


def within_triangles(count: int, rng: np.random.Generator) -> FloatArray:
    """Weights (2, count) of the second and third corner at places spread evenly over triangles."""
    u, v = rng.random((2, count))
    # The other half of the parallelogram is turned onto the triangle.
    folded = u + v > 1.0
    return np.stack([np.where(folded, 1.0 - u, u), np.where(folded, 1.0 - v, v)])
