"""Flying pixels: what a depth camera measures between the edge of a surface and what is behind."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray
from backend.children import threads

NEIGHBORS = 16


def flying_pixels(
    points: FloatArray,
    tree: cKDTree,
    normals: FloatArray,
    viewpoint: FloatArray,
    *,
    grazing: float,
    sparse: float,
) -> BoolArray:
    """Which points (N,) lie along a ray between nearer and farther ones, where points are sparse.

    Args:
        points: (N, 3).
        tree: of ``points``.
        normals: (N, 3) unit, of any sign.
        viewpoint: (3,) where the sensor stood.
        grazing: largest sine of the angle between ray and surface.
        sparse: ratio to the median distance of the eighth neighbour from which points are sparse.
    """
    count = min(NEIGHBORS + 1, len(points))
    distance, near = tree.query(points, k=count, workers=threads())
    rays = points - viewpoint
    rays = rays / np.maximum(np.linalg.norm(rays, axis=1), np.finfo(float).tiny)[:, None]
    reach = distance[:, count // 2]
    typical = float(np.median(reach))
    suspect = np.abs(np.einsum("ni,ni->n", rays, normals)) <= grazing
    suspect &= reach > sparse * typical
    rows = np.flatnonzero(suspect)
    apart = points[near[rows]] - points[rows][:, None]
    depth = np.einsum("nki,ni->nk", apart, rays[rows])
    suspect[rows] = (depth.min(axis=1) < -typical) & (depth.max(axis=1) > typical)
    return suspect
