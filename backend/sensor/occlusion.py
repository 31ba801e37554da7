"""What is seen from a viewpoint: a depth test whose cells hold oriented surface, not mere depths.

A point is hidden where the ray to it meets the tangent plane of the nearest point of its cell
clearly before it. So a steep surface, of which a cell holds a long piece, does not hide itself.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud.visibility import CELL_IN_SPACINGS
from backend.sensor.views import Rays
from shared_schema.sensor import Occlusion

SPACING_NEIGHBORS = 12
# Cells fit the surface at this quantile of the distances: nearer surface is sparser in angle.
NEAR_QUANTILE = 0.1
# How many cells deep the ray may run on behind a plane, at vertical incidence.
DEPTH_IN_CELLS = 1.0
# The tangent of the angle of incidence is bounded by that of 75 degrees, so that grazing surface
# can be hidden at all.
MIN_COSINE = 0.25
# A ray whose slope against a plane is smaller than this does not meet the plane.
PARALLEL = 0.01
# Two shifted grids: with one grid, one cell in fifty holds no point of the surface in front.
GRID_SHIFTS = (0.0, 0.5)
# Finer cells than this on each face of the cube round the viewpoint would not fit one key.
MAX_CELLS = 1 << 24


def occlusion(
    points: FloatArray, normals: FloatArray, eyes: FloatArray, settings: Occlusion
) -> tuple[BoolArray, Rays]:
    """Which points (N,) any of ``eyes`` sees, and how the one sees them that they face most.

    Args:
        points: (N, 3).
        normals: (N, 3) unit, outward.
        eyes: (V, 3) viewpoints in the frame of the points.
        settings: what is lost.

    Returns:
        seen (N,), and the rays to all points; those to points that are not seen mean nothing.
    """
    spacing = _spacing(points)
    best = np.full(len(points), -np.inf)
    chosen = np.zeros(len(points), dtype=np.int64)
    for index, eye in enumerate(eyes):
        rays = Rays.between(eye, points, normals)
        seen = _seen(points, normals, rays, spacing, settings)
        better = seen & (rays.cosine > best)
        best[better], chosen[better] = rays.cosine[better], index
    return np.isfinite(best), Rays.between(eyes[chosen], points, normals)


def _spacing(points: FloatArray) -> float:
    """Edge of the square that a typical point has to itself, from at most 2,000 of them.

    The distance to the nearest point would do for an even scan only: at random places, points
    have twice as much surface as it tells.
    """
    count = min(SPACING_NEIGHBORS, len(points) - 1)
    if count < 1:
        return float(np.finfo(float).tiny)
    distance, _ = cKDTree(points).query(points[:: max(1, len(points) // 2000)], k=count + 1)
    return float(np.median(distance[:, -1]) * np.sqrt(np.pi / count))


def _seen(
    points: FloatArray, normals: FloatArray, rays: Rays, spacing: float, settings: Occlusion
) -> BoolArray:
    seen = rays.cosine > np.cos(settings.max_incidence)
    if settings.hidden and seen.any():
        # Surface that faces away hides as well, but a closed part has a nearer one that does not.
        facing = np.flatnonzero(rays.cosine > 0)
        clear = _in_front(points[facing], normals[facing], rays.of(facing), spacing)
        seen[facing] &= clear
    return seen


def _in_front(points: FloatArray, normals: FloatArray, rays: Rays, spacing: float) -> BoolArray:
    """Whether each point (F,), all facing the viewpoint, has no other surface before it."""
    cell = CELL_IN_SPACINGS * spacing / float(np.quantile(rays.distance, NEAR_QUANTILE))
    cell = max(cell, 2.0 / MAX_CELLS)
    clear = np.ones(len(points), dtype=bool)
    for shift in GRID_SHIFTS:
        nearest = _nearest_of_cell(_cell_keys(rays.direction, cell, shift), rays.distance)
        behind = rays.distance - _hit(points[nearest], normals[nearest], rays, nearest, cell)
        clear &= behind <= _allowed(rays, cell)
    return clear


def _hit(
    places: FloatArray, normals: FloatArray, rays: Rays, nearest: IntArray, cell: float
) -> FloatArray:
    """Distance (F,) at which each ray meets the tangent plane of its cell's nearest point."""
    slope = np.einsum("fi,fi->f", rays.direction, normals)
    across = np.einsum("fi,fi->f", places - rays.eye, normals)
    # Facing surface has a negative slope.
    meets = slope < -PARALLEL
    hit = np.where(meets, across / np.where(meets, slope, -1.0), rays.distance)
    # Beyond the cell a tangent plane says nothing of the surface.
    return np.maximum(hit, rays.distance[nearest] - 2.0 * cell * rays.distance)


def _allowed(rays: Rays, cell: float) -> FloatArray:
    """How far (F,) behind a plane a point may lie and still be of the same surface."""
    cosine = np.clip(rays.cosine, MIN_COSINE, 1.0)
    slope = np.sqrt(1.0 - cosine**2) / cosine
    return DEPTH_IN_CELLS * cell * rays.distance * (1.0 + slope)


def _cell_keys(directions: FloatArray, cell: float, shift: float) -> IntArray:
    """An integer (N,) for the cell of each unit direction on a cube round the viewpoint.

    ``cell`` is the edge of a cell, where half the cube's edge is 1, and ``shift`` the grid's shift
    in cells.
    """
    rows = np.arange(len(directions))
    axis = np.abs(directions).argmax(axis=1)
    along = directions[rows, axis]
    side = 2 * axis + (along < 0)
    flat = [directions[rows, (axis + turn) % 3] / np.abs(along) for turn in (1, 2)]
    count = int(np.ceil(2.0 / cell)) + 2
    column, row = (np.floor((x + 1.0) / cell + shift).astype(np.int64) for x in flat)
    return np.asarray((side * count + row) * count + column)


def _nearest_of_cell(keys: IntArray, distance: FloatArray) -> IntArray:
    """For each point (N,), the row of the nearest one with the same key."""
    _, inverse = np.unique(keys, return_inverse=True)
    order = np.lexsort((distance, inverse))
    first = order[np.searchsorted(inverse[order], np.arange(inverse.max() + 1))]
    return np.asarray(first[inverse])
