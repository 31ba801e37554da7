"""Triangle meshes as surfaces: closed or not, their volume, and points spread evenly over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import CloudError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# This many times more points are drawn than thinning keeps, so that no gaps are left.
OVERSAMPLING = 4
# Of more points than MANY, thinning looks at about as many as this for each one that stays.
LOOKED_AT = 50
MANY = 200_000
# 2^-20 of the extent: three such cell indices still fit one 64-bit key.
MAX_BISECTIONS = 20


def is_watertight(faces: IntArray) -> bool:
    """Whether each edge of ``faces`` (M, 3) is used exactly once in each direction."""
    if len(faces) == 0:
        return False
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    count = int(faces.max()) + 1
    ahead, back = np.sort(start * count + end), np.sort(end * count + start)
    return bool((np.diff(ahead) > 0).all() and np.array_equal(ahead, back))


def signed_volume(points: FloatArray, faces: IntArray) -> float:
    """Volume inside a closed mesh; positive where its faces wind counterclockwise from outside."""
    a, b, c = np.moveaxis(points[faces] - points.mean(axis=0), 1, 0)
    return float(np.einsum("mi,mi->", a, np.cross(b, c)) / 6.0)


def face_normals(mesh: PointCloud) -> tuple[FloatArray, FloatArray]:
    """Unit normals (M, 3) to the side from which faces wind counterclockwise, and areas (M,).

    Raises:
        CloudError: the cloud has no faces.
    """
    faces = require_faces(mesh)
    corners = mesh.points[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double_areas = np.linalg.norm(cross, axis=1)
    normals = cross / np.where(double_areas > 0, double_areas, 1.0)[:, None]
    return normals, double_areas / 2.0


def require_faces(mesh: PointCloud) -> IntArray:
    """The faces (M, 3) of a mesh.

    Raises:
        CloudError: the cloud has no faces.
    """
    if mesh.faces is None or len(mesh.faces) == 0:
        raise CloudError(
            f"a mesh is needed here, but these {len(mesh)} points have no faces; "
            "give the nominal model as STL, OBJ or PLY with faces"
        )
    return mesh.faces


def subsample_surface(
    mesh: PointCloud, count: int, rng: np.random.Generator, *, even: bool = True
) -> PointCloud:
    """Points spread over the faces of ``mesh`` by area, with the outward normals of the faces.

    Args:
        mesh: with faces; its ``surface`` is taken.
        count: points wanted; an even spread gives about as many, else exactly as many.
        rng: the only source of chance.
        even: thin a denser spread to about one point a cell, instead of independent places.

    Raises:
        CloudError: there are no faces, or their area is zero.
    """
    mesh = mesh.surface
    normals, areas = face_normals(mesh)
    if not areas.sum() > 0:
        raise CloudError(f"the {len(areas)} faces of the mesh have no area")
    drawn = count * OVERSAMPLING if even else count
    face = np.sort(rng.choice(len(areas), size=drawn, p=areas / areas.sum()))
    a, b, c = np.moveaxis(mesh.points[require_faces(mesh)[face]], 1, 0)
    u, v = within_triangles(drawn, rng)[..., None]
    points = a + u * (b - a) + v * (c - a)
    keep = thin(points, count) if even else np.ones(drawn, dtype=bool)
    return PointCloud(points[keep], normals[face[keep]], unit=mesh.unit)


def within_triangles(count: int, rng: np.random.Generator) -> FloatArray:
    """Weights (2, count) of the second and third corner at places spread evenly over triangles."""
    u, v = rng.random((2, count))
    # The other half of the parallelogram is turned onto the triangle.
    folded = u + v > 1.0
    return np.stack([np.where(folded, 1.0 - u, u), np.where(folded, 1.0 - v, v)])


def thin(points: FloatArray, count: int) -> NDArray[np.bool_]:
    """Mask (N,) of about ``count`` of ``points`` (N, 3), one a cell of an even grid.

    The cell is found by bisection, to within 2 % of ``count`` where the points allow it. In each
    cell the point nearest to the cell's mean stays. Of very many points it looks at some alone, at
    even steps of their order.
    """
    if count >= len(points):
        return np.ones(len(points), dtype=bool)
    if len(points) > max(MANY, 2 * LOOKED_AT * count):
        keep = np.zeros(len(points), dtype=bool)
        few = np.arange(0, len(points), len(points) // (LOOKED_AT * count))
        keep[few] = thin(points[few], count)
        return keep
    low, high = 0.0, float(np.ptp(points, axis=0).max()) or 1.0
    for _ in range(MAX_BISECTIONS):
        cell = (low + high) / 2.0
        kept = len(np.unique(_cell_keys(points, cell)))
        if abs(kept - count) <= 0.02 * count:
            break
        low, high = (cell, high) if kept > count else (low, cell)
    return _one_per_cell(points, _cell_keys(points, cell))


def _cell_keys(points: FloatArray, cell: float) -> IntArray:
    """An integer (N,) for each point's cell on a grid of cubes of edge ``cell``."""
    index = np.floor((points - points.min(axis=0)) / cell).astype(np.int64)
    size = index.max(axis=0) + 1
    return (index[:, 0] * size[1] + index[:, 1]) * size[2] + index[:, 2]


def _one_per_cell(points: FloatArray, keys: IntArray) -> NDArray[np.bool_]:
    _, inverse, size = np.unique(keys, return_inverse=True, return_counts=True)
    sums = [np.bincount(inverse, coordinate) for coordinate in points.T]
    mean = np.stack(sums, axis=1) / size[:, None]
    order = np.lexsort((np.linalg.norm(points - mean[inverse], axis=1), inverse))
    keep = np.zeros(len(points), dtype=bool)
    keep[order[np.searchsorted(inverse[order], np.arange(len(size)))]] = True
    return keep
