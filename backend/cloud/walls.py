"""How thick a part is under places of its surface, from the points on its other side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud.point_cloud import PointCloud

# Cosine between the normals of two sides of a wall, at most.
OPPOSITE = -0.5
# A point lies opposite if it is off the place's axis by no more than so many spacings.
OPPOSITE_REACH = 1.5
# Cosine between normals from which on two points are of one side, which bounds no ball.
SAME_SIDE = 0.7
# Distances that are held in memory at once.
AT_ONCE = 2_000_000


def wall_thickness(cloud: PointCloud, rows: IntArray) -> FloatArray:
    """How far it is (P,) straight through the material to the other side of the part.

    Args:
        cloud: with outward unit normals (N, 3), in any unit.
        rows: (P,) of the points under which the wall is measured.

    Returns:
        In the cloud's unit; infinite where no other side is seen.

    >>> plate = fs.subsample_surface(fs.load_sample("plate_holes"), 4000, np.random.default_rng(0))
    >>> round(float(np.median(wall_thickness(plate, np.arange(0, 4000, 40)))), 1)
    12.7
    """
    reach = (OPPOSITE_REACH * cloud.spacing) ** 2
    found = [
        np.where((deep > 0) & (far - deep**2 <= reach) & (cosine < OPPOSITE), deep, np.inf).min(
            axis=1
        )
        for deep, far, cosine in _seen_from(cloud, rows)
    ]
    return np.concatenate([np.empty(0), *found])


def ball_diameters(cloud: PointCloud, rows: IntArray) -> FloatArray:
    """Diameter (P,) of the largest ball in the material that touches the surface at each point.

    At a massive place the ball is large; at an edge, and in a wall, it is small. The ball that
    touches ``p`` from inside and goes through ``q`` has the diameter ``|q - p|^2 / depth of q``.

    Args:
        cloud, rows: as for ``wall_thickness``.

    >>> plate = fs.subsample_surface(fs.load_sample("plate_holes"), 4000, np.random.default_rng(0))
    >>> round(float(np.median(ball_diameters(plate, np.arange(0, 4000, 40)))))
    13
    """
    found = []
    for deep, far, cosine in _seen_from(cloud, rows):
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where((deep > 0) & (cosine < SAME_SIDE), far / deep, np.inf)
        found.append(size.min(axis=1))
    return np.concatenate([np.empty(0), *found])


def _seen_from(
    cloud: PointCloud, rows: IntArray
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Of some ``rows`` (K,) after others, what lies where, each (K, N).

    How deep each point lies below the tangent plane of the row's point, the square of its distance,
    and the cosine between both normals.
    """
    assert cloud.normals is not None  # surfaces have outward normals
    points, normals = cloud.points - cloud.points.mean(axis=0), cloud.normals
    squares = np.einsum("ni,ni->n", points, points)
    few = max(1, AT_ONCE // len(points))
    for start in range(0, len(rows), few):
        some = rows[start : start + few]
        place, normal = points[some], normals[some]
        deep = np.einsum("ki,ki->k", place, normal)[:, None] - normal @ points.T
        far = np.maximum(squares[some][:, None] + squares - 2.0 * place @ points.T, 0.0)
        yield deep, far, normal @ normals.T
