"""Parts with known features, as meshes of plain triangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.sampling.places import SURFACE_POINTS, Surface
from shared_schema.recipe import Part

Triangles = NDArray[np.float64]
ROUND = 48


def solid(*parts: Triangles) -> PointCloud:
    """Triangles (T, 3, 3) of several pieces of one surface as a mesh with its own vertices."""
    corners = np.concatenate(parts).reshape(-1, 3)
    points, faces = np.unique(corners.round(9), axis=0, return_inverse=True)
    return PointCloud.of(points, faces=faces.reshape(-1, 3), unit="mm")


def part(mesh: PointCloud) -> Surface:
    """A mesh as a part to draw recipes on."""
    cloud = subsample_surface(mesh, SURFACE_POINTS, np.random.default_rng(0))
    return Surface(cloud, Part(name="part", diagonal=mesh.diagonal), mesh=mesh)


def quads(low: ArrayLike, high: ArrayLike, *, closed: bool = False) -> Triangles:
    """Triangles of the strip between two lines of points (K, 3) each."""
    a, b = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if closed:
        a, b = np.concatenate([a, a[:1]]), np.concatenate([b, b[:1]])
    one = np.stack([a[:-1], a[1:], b[1:]], axis=1)
    return np.concatenate([one, np.stack([a[:-1], b[1:], b[:-1]], axis=1)])


def fan(tip: Triangles, border: Triangles) -> Triangles:
    """Triangles between a point (3,) and each side of a closed line (K, 3) about it."""
    tips = np.broadcast_to(tip, border.shape)
    return np.stack([tips, border, np.roll(border, -1, axis=0)], axis=1)


def arc(middle: Sequence[float], radius: float, start: float, end: float) -> list[list[float]]:
    """Points of an arc in a plane, from angle to angle in degrees."""
    turns = np.radians(np.linspace(start, end, 13))
    x, y = middle
    return [[x + radius * np.cos(t), y + radius * np.sin(t)] for t in turns]


def extruded(profile: ArrayLike, seen_from: Sequence[float], length: float) -> PointCloud:
    """A profile (K, 2) in x and z, counterclockwise from -y, along y from 0 to ``length``.

    Args:
        profile: all of which is seen from one point of it.
        seen_from: that point.
        length: along y.
    """
    flat = np.asarray(profile, dtype=np.float64)
    front, back = (np.insert(flat, 1, y, axis=1) for y in (0.0, length))
    tip = np.insert(np.asarray(seen_from, dtype=np.float64), 1, 0.0)
    caps = fan(tip, front), fan(tip + np.array([0.0, length, 0.0]), back[::-1])
    return solid(*caps, quads(back, front, closed=True))


def revolved(profile: ArrayLike) -> PointCloud:
    """A closed profile (K, 2) of radius and z, counterclockwise, about the z axis."""
    turns = np.linspace(0.0, 2.0 * np.pi, ROUND, endpoint=False)
    rings = [
        np.stack([r * np.cos(turns), r * np.sin(turns), np.full(ROUND, z)], axis=1)
        for r, z in np.asarray(profile, dtype=np.float64)
    ]
    return solid(*(quads(a, b, closed=True) for a, b in pairwise([*rings, rings[0]])))


def plate(size: float, thickness: float, features: Sequence[tuple[float, float]]) -> PointCloud:
    """A row of square tiles along x, each with a round feature in its middle.

    Args:
        size: of a tile; the first one's middle is at the origin.
        thickness: the top is at z = 0.
        features: for each tile, the radius and the height of its feature. A boss has a height; a
            through hole has none.
    """
    return solid(*_plate(size, thickness, features))


def _plate(
    size: float, thickness: float, features: Sequence[tuple[float, float]]
) -> Iterator[Triangles]:
    turns = np.linspace(0.0, 2.0 * np.pi, ROUND, endpoint=False) + np.pi / 4
    ring = np.stack([np.cos(turns), np.sin(turns), np.zeros(ROUND)], axis=1)
    square = size / 2.0 * ring / np.abs(ring).max(axis=1, keepdims=True)
    down = np.array([0.0, 0.0, -thickness])
    for number, (radius, height) in enumerate(features):
        middle = np.array([number * size, 0.0, 0.0])
        border, circle = middle + square, middle + radius * ring
        yield quads(border, circle, closed=True)
        if height > 0:
            up = np.array([0.0, 0.0, height])
            yield quads(circle, circle + up, closed=True)
            yield fan(middle + up, circle + up)
            yield fan(middle + down, (border + down)[::-1])
        else:
            yield quads(circle, circle + down, closed=True)
            yield quads(circle + down, border + down, closed=True)
        sides = quads(border + down, border, closed=True)
        across = sides.mean(axis=1)[:, 0]
        first = np.isclose(across, middle[0] - size / 2) & (number > 0)
        last = np.isclose(across, middle[0] + size / 2) & (number < len(features) - 1)
        yield sides[~first & ~last]
