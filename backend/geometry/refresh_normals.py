"""Normals of a surface where a defect has changed its shape."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.geometry.normals import NEIGHBORS, estimate_normals, mesh_vertex_normals

# By how much the box about the points is larger, as a ratio of its diagonal; and the share of all
# points from which on a tree of all of them costs no more.
MARGIN = 0.25
WORTHWHILE = 0.5


def refresh_normals(
    points: FloatArray,
    faces: IntArray | None,
    moved: BoolArray,
    carried: FloatArray,
) -> FloatArray:
    """Unit normals (M, 3) of the M points where ``moved`` (N,) is true.

    Args:
        points: (N, 3) after the deformation.
        faces: (F, 3) of a mesh, or None for a scan, whose normals come from its neighbourhoods.
        carried: (M, 3) outward normals from before, which tell outside from inside.
    """
    if faces is not None and len(faces):
        fresh = mesh_vertex_normals(points, faces)[moved]
    else:
        fresh = _estimated(points, np.flatnonzero(moved))
    inward = np.einsum("ij,ij->i", fresh, carried) < 0
    fresh[inward] *= -1.0
    unknown = ~np.isfinite(fresh).all(axis=1) | ~fresh.any(axis=1)
    fresh[unknown] = carried[unknown]
    return fresh


def _estimated(points: FloatArray, rows: IntArray) -> FloatArray:
    """Normals (M, 3) of ``rows`` (M,), from the points about them alone where that is all the same.

    No neighbour is missed within the margin by which the box of the points about ``rows`` is larger
    than that of ``rows``.
    """
    low, high = points[rows].min(axis=0), points[rows].max(axis=0)
    margin = MARGIN * float(np.linalg.norm(high - low))
    inside = ((points >= low - margin) & (points <= high + margin)).all(axis=1)
    if inside.mean() < WORTHWHILE and inside.sum() > NEIGHBORS:
        around = points[inside]
        tree = cKDTree(around)
        farthest, _ = tree.query(points[rows], k=[NEIGHBORS])
        if farthest.max() <= margin:
            return estimate_normals(around, tree, subset=(np.cumsum(inside) - 1)[rows])
    return estimate_normals(points, cKDTree(points), subset=rows)
