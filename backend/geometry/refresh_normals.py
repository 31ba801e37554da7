"""Normals of a surface where a defect has changed its shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from backend.geometry.normals import estimate_normals, mesh_vertex_normals

FloatArray = NDArray[np.float64]


def refresh_normals(
    points: FloatArray,
    faces: NDArray[np.int64] | None,
    moved: NDArray[np.bool_],
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
        fresh = estimate_normals(points, cKDTree(points), subset=np.flatnonzero(moved))
    inward = np.einsum("ij,ij->i", fresh, carried) < 0
    fresh[inward] *= -1.0
    unknown = ~np.isfinite(fresh).all(axis=1) | ~fresh.any(axis=1)
    fresh[unknown] = carried[unknown]
    return fresh
