"""From which side a scan was taken, and which part of a surface is seen from there.

A scan of one view is a single layer: along each ray to the sensor there is one point. The side from
which a scan looks most like that is found without its pose, but for the sign: a layer is a layer
from behind as well.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.geometry.rotations import even_directions
from backend.geometry.thinning import thin

# Directions from which a scan is examined, then those near the best, and the points for it.
SIDES = 200
CLOSER_SIDES = 60
CLOSER = 0.25
POINTS = 2_500
# So many times the scan's extent away, rays are as good as parallel.
FAR = 20.0
# Cells of this many spacings hold a few points each, whose depths differ by their slope ...
CELL_IN_SPACINGS = 2.5
# ... by no more than this many spacings.
LAYER_IN_SPACINGS = 6.0
# Surface is not seen at a smaller cosine of incidence than this.
STEEP = 0.1
NEIGHBORS = 12
# The two sides of a wall that is thicker than this are distinguished.
WALL_IN_SPACINGS = 0.75
BESIDE = 7
# Neighbours lie on smooth surface if the cosine between their normals is larger.
SMOOTH = 0.8
# Largest share of a scan of one view that lies behind the first layer or is too steep.
MOST_UNSEEN = 0.2
# Steeper surface than this cosine of incidence is taken as that steep.
LEAST_COSINE = 0.25
# Step of the keys of cells; it is larger than any number of rows.
KEY_STEP = 1 << 31


def seen_along(points: FloatArray) -> FloatArray | None:
    """Unit direction (3,) to the sensor, or away from it; None for a scan of several views.

    Args:
        points: (P, 3) of a scan.
    """
    few = points[thin(points, POINTS)]
    if len(few) < NEIGHBORS:
        return None
    distance, near = cKDTree(few).query(few, k=NEIGHBORS)
    spacing = float(np.median(distance[:, 1]))
    normals, _ = _planes(few, near)
    away = FAR * np.linalg.norm(np.ptp(few, axis=0))

    def unseen(side: FloatArray) -> float:
        rays = few - few.mean(axis=0) - away * side
        behind = _depth_behind_first(rays, CELL_IN_SPACINGS * spacing)
        steep = np.abs(normals @ side) < STEEP
        return float((steep | (behind > LAYER_IN_SPACINGS * spacing)).mean())

    sides = even_directions(SIDES, np.random.default_rng(0))
    best = min(sides[sides[:, 2] >= 0.0], key=unseen)
    nearby = best + CLOSER * even_directions(CLOSER_SIDES, np.random.default_rng(0))
    nearby /= np.linalg.norm(nearby, axis=1, keepdims=True)
    best = min([best, *nearby], key=unseen)
    one_view = unseen(best) + _turned_back(near, normals, best) <= MOST_UNSEEN
    if not one_view or _two_layers(few, normals, few.mean(axis=0) + away * best, spacing):
        return None
    return best


def roughness(points: FloatArray) -> float:
    """How far points (P, 3) lie off the plane of their neighbours, as a standard deviation.

    The sensor's noise over short distances, and how much the surface bends within them.
    """
    few = points[thin(points, POINTS)]
    near = cKDTree(few).query(few, k=min(NEIGHBORS, len(few)))[1]
    return float(np.median(_planes(few, near.reshape(len(few), -1))[1]))


def _planes(points: FloatArray, near: IntArray) -> tuple[FloatArray, FloatArray]:
    """Normals (P, 3), of any sign, of planes through neighbours (P, K), and their misfit (P,)."""
    apart = points[near] - points[near].mean(axis=1, keepdims=True)
    squares, axes = np.linalg.eigh(np.einsum("pki,pkj->pij", apart, apart))
    free = max(1, near.shape[1] - 3)
    return axes[:, :, 0], np.sqrt(squares[:, 0].clip(0.0) / free)


def _two_layers(points: FloatArray, normals: FloatArray, eye: FloatArray, spacing: float) -> bool:
    """Whether most points have another layer right before or behind them, as a thin wall has."""
    rays = points - eye
    flat, _ = picture(rays, rays.mean(axis=0))
    beside = cKDTree(flat).query(flat, k=BESIDE)[1]
    over = np.abs(np.einsum("pki,pi->pk", points[beside] - points[:, None], normals))
    # Of two layers, two of the neighbours are nearly always of the other one.
    second = np.sort(over, axis=1)[:, -2]
    return bool((second > WALL_IN_SPACINGS * spacing).mean() > 0.6)


def _turned_back(near: IntArray, normals: FloatArray, side: FloatArray) -> float:
    """Share of the points whose smooth surface turns from facing ``side`` to facing away.

    Args:
        near: (P, K) rows of each point's neighbours, its own first.
        normals: (P, 3) unit, of any sign.
        side: (3,) unit.
    """
    normals = np.where((normals @ side < 0.0)[:, None], -normals, normals)
    start, end = np.repeat(near[:, :1], near.shape[1] - 1, axis=1).ravel(), near[:, 1:].ravel()
    same = np.einsum("ei,ei->e", normals[start], normals[end])
    smooth = np.abs(same) > SMOOTH
    start, end, same = start[smooth], end[smooth], same[smooth]
    # The tree keeps to where the surface bends least.
    bends = csr_matrix((2.0 - np.abs(same), (start, end)), shape=(len(near), len(near)))
    tree = minimum_spanning_tree(bends)
    away, sign = 0, np.zeros(len(near))
    for seed in range(len(near)):
        if sign[seed] == 0.0:
            order, parent = breadth_first_order(tree, seed, directed=False)
            sign[seed] = 1.0
            for row in order[1:]:
                sign[row] = sign[parent[row]] * np.sign(normals[row] @ normals[parent[row]])
            away += min((sign[order] > 0.0).sum(), (sign[order] < 0.0).sum())
    return float(away / len(near))


def visible(points: FloatArray, normals: FloatArray, radius: float, eye: FloatArray) -> FloatArray:
    """Cosine of incidence (N,) of surface samples that are seen from ``eye``; 0 of the others.

    Args:
        points: (N, 3) samples of a surface.
        normals: (N, 3) outward.
        radius: of the disc that each stands for.
        eye: (3,).
    """
    rays = points - eye
    cosine = -np.einsum("ij,ij->i", rays, normals) / np.linalg.norm(rays, axis=1).clip(1e-12)
    steep = np.clip(cosine, LEAST_COSINE, 1.0)
    cell = 2.0 * radius
    allowed = 2.0 * cell * (1.0 + np.sqrt(1.0 - steep**2) / steep)
    return np.where(_depth_behind_first(rays, cell) <= allowed, cosine, 0.0).clip(0.0)


def _depth_behind_first(rays: FloatArray, cell: float) -> FloatArray:
    """How far (N,) each place lies behind the first one of its cell; what is behind the eye, inf.

    Args:
        rays: (N, 3) from the eye to the places.
        cell: edge of a cell at the distance of the middle of all.
    """
    far = np.linalg.norm(rays, axis=1)
    flat, before = picture(rays, rays.mean(axis=0))
    behind = np.full(len(far), np.inf)
    rows = np.flatnonzero(before)
    keys = cell_keys(flat[rows], cell)
    order = np.argsort(keys)
    rows, keys = rows[order], keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    counts = np.diff(starts, append=len(rows))
    behind[rows] = far[rows] - np.repeat(np.minimum.reduceat(far[rows], starts), counts)
    return behind


def picture(rays: FloatArray, axis: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Where places are in a picture, and which of them (N,) are in front of the eye.

    Args:
        rays: (N, 3) from the eye to the places.
        axis: (3,) from the eye to the middle of the picture.

    Returns:
        (N, 2) in the rays' unit at the depth of ``axis``, and (N,) bool.
    """
    depth = float(np.linalg.norm(axis))
    frame = np.linalg.svd(axis[None, :])[2]
    frame[0] = axis / depth
    along = rays @ frame.T
    before = along[:, 0] > 0.1 * depth
    return along[:, 1:] * (depth / np.where(before, along[:, 0], depth))[:, None], before


def cell_keys(flat: FloatArray, cell: float) -> IntArray:
    """A key (N,) of the cell of each place (N, 2) in a picture."""
    column, row = np.floor(flat / cell).astype(np.int64).T
    return np.asarray(column * KEY_STEP + row)
