"""The surface that placed scans have in common: evenly spread points, and how much they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.children import threads
from backend.cloud import PointCloud
from backend.geometry.normals import NEIGHBORS, estimate_normals, turned_to
from backend.geometry.poisson_disk import poisson_disk
from backend.geometry.thinning import thin

# Points of all scans, and of the surface, at most.
MOST_POOLED = 400_000
MOST_POINTS = 60_000
# Of evenly spread points, this share stay if none may be nearer than they usually are.
STAY = 0.36
# Normals and places are fitted to a disc of this many standard deviations of the noise, within
# NEIGHBORS and MOST_NEIGHBORS points.
NOISE_DISC, MOST_NEIGHBORS = 3.0, 64
TO_SIGMA = 1.4826
AREA_NEIGHBORS = 8
# Places of a scan that tell its noise.
SOME = 2_000
# Points lie on one side of a wall, and of an edge, if the cosine between their normals is larger.
SAME_SIDE = 0.8
# The height of a scan at a place is the mean of so many of its points, if they are no farther away
# than REACH times the square that each of its points stands for.
HEIGHT_POINTS, REACH = 4, 3.0
# A place's own spread weighs as much as that of all places with this many scans more than one.
PRIOR_SCANS = 3.0
SEED = 0


def fused_surface(scans: Sequence[PointCloud]) -> PointCloud:
    """Evenly spread points of all ``scans``, each on the plane through those about it.

    The planes are as small as the noise allows, so that edges stay sharp. No two points of the
    surface are nearer than the points of all scans usually are.

    Args:
        scans: placed, in one frame and unit, with outward normals.

    Returns:
        M points with outward normals.
    """
    pooled = _pooled(scans)
    points, said = pooled.points, _normals(pooled)
    normals = turned_to(estimate_normals(points, pooled.tree), said)
    edge = square_edge(pooled)
    order = np.random.default_rng(SEED).permutation(len(points))
    rows = poisson_disk(points, order, edge * max(1.0, np.sqrt(STAY * len(points) / MOST_POINTS)))
    near = _nearest(pooled, rows, NEIGHBORS)
    sigma = _noise(points, normals, near, rows)
    count = int(np.clip(np.pi * (NOISE_DISC * sigma / edge) ** 2, NEIGHBORS, MOST_NEIGHBORS))
    if count > NEIGHBORS:
        normals = turned_to(estimate_normals(points, pooled.tree, count), said)
        near = _nearest(pooled, rows, count)
    places = points[rows] + _height(points, normals, near, rows)[:, None] * normals[rows]
    return PointCloud(places, normals[rows], unit=scans[0].unit)


def heights(surface: PointCloud, scan: PointCloud) -> FloatArray:
    """Height (M,) of a placed scan over each point of a fused ``surface``; NaN where it has none.

    Args:
        surface: M points with outward normals.
        scan: N points with outward normals, in the frame of the surface.
    """
    distance, near = scan.tree.query(
        surface.points, k=min(HEIGHT_POINTS, len(scan)), workers=threads()
    )
    distance, near = distance.reshape(len(surface), -1), near.reshape(len(surface), -1)
    normals = _normals(surface)
    alike = np.einsum("mki,mi->mk", _normals(scan)[near], normals) > SAME_SIDE
    counts = alike & (distance <= REACH * square_edge(scan))
    over = np.einsum("mki,mi->mk", scan.points[near] - surface.points[:, None], normals)
    number = counts.sum(axis=1)
    mean = (over * counts).sum(axis=1) / np.maximum(number, 1)
    return np.where(number > 0, mean, np.nan)


def left_out_residuals(heights: FloatArray) -> FloatArray:
    """How far (M, S) each scan lies over the mean of the others; NaN where it or they have none.

    Args:
        heights: (M, S) of each scan over each point of the surface; NaN where it has none.
    """
    seen = np.isfinite(heights)
    others = seen.sum(axis=1, keepdims=True) - seen
    total = np.where(seen, heights, 0.0)
    mean = (total.sum(axis=1, keepdims=True) - total) / np.maximum(others, 1)
    return np.where(seen & (others > 0), heights - mean, np.nan)


def shrunk_spread(heights: FloatArray) -> FloatArray:
    """Standard deviation (M,) of scans at each place, drawn towards that of all places.

    The fewer scans show a place, the more its variance is that of all: with a handful of scans it
    is mostly chance. ``heights`` are those of ``left_out_residuals``.
    """
    seen = np.isfinite(heights)
    count = seen.sum(axis=1)
    mean = np.where(seen, heights, 0.0).sum(axis=1) / np.maximum(count, 1)
    squares = np.where(seen, (heights - mean[:, None]) ** 2, 0.0).sum(axis=1)
    free = np.maximum(count - 1, 0)
    usual = squares.sum() / max(int(free.sum()), 1)
    return np.asarray(np.sqrt((PRIOR_SCANS * usual + squares) / (PRIOR_SCANS + free)))


def square_edge(cloud: PointCloud) -> float:
    """Edge of the square that a point stands for, by the median reach of eight neighbours."""
    count = min(AREA_NEIGHBORS + 1, len(cloud))
    step = max(1, len(cloud) // 2_000)
    reach = np.ravel(cloud.tree.query(cloud.points[::step], k=[count])[0])
    return float(np.median(reach)) * np.sqrt(np.pi / AREA_NEIGHBORS)


def noise_of(scan: PointCloud) -> float:
    """Standard deviation of the points of a scan from the planes through their neighbours."""
    rows = np.arange(0, len(scan), max(1, len(scan) // SOME))
    near = _nearest(scan, rows, NEIGHBORS)
    normals = np.zeros_like(scan.points)
    normals[rows] = estimate_normals(scan.points, scan.tree, subset=rows)
    return _noise(scan.points, normals, near, rows)


def _pooled(scans: Sequence[PointCloud]) -> PointCloud:
    """The points of all scans, or many of them."""
    points = np.concatenate([scan.points for scan in scans])
    kept = thin(points, MOST_POOLED)
    return PointCloud(points[kept], np.concatenate([_normals(scan) for scan in scans])[kept])


def _normals(cloud: PointCloud) -> FloatArray:
    assert cloud.normals is not None  # scans are given some before they are fused
    return cloud.normals


def _nearest(pooled: PointCloud, rows: IntArray, count: int) -> IntArray:
    count = min(count, len(pooled))
    near = pooled.tree.query(pooled.points[rows], k=count, workers=threads())[1]
    return np.asarray(near.reshape(len(rows), count))


def _noise(points: FloatArray, normals: FloatArray, near: IntArray, rows: IntArray) -> float:
    """Standard deviation of the points ``near`` (M, K) from planes through those in ``rows``."""
    over = np.einsum("mki,mi->mk", points[near] - points[rows][:, None], normals[rows])
    return TO_SIGMA * float(np.median(np.abs(over)))


def _height(points: FloatArray, normals: FloatArray, near: IntArray, rows: IntArray) -> FloatArray:
    """Mean height (M,) over the points in ``rows`` of those ``near`` (M, K) that face alike."""
    alike = np.einsum("mki,mi->mk", normals[near], normals[rows]) > SAME_SIDE
    over = np.einsum("mki,mi->mk", points[near] - points[rows][:, None], normals[rows])
    return np.asarray((over * alike).sum(axis=1) / np.maximum(alike.sum(axis=1), 1))
