"""Where the sensor stood, and how each point is seen from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud, check_points
from backend.errors import CloudError
from backend.geometry.rotations import even_directions
from shared_schema.sensor import AroundViews, GivenViews, Views


@dataclass(frozen=True, eq=False)
class Rays:
    """How each of N points is seen from the one viewpoint that measures it.

    Attributes:
        eye: (N, 3) the viewpoint.
        direction: (N, 3) unit, from the viewpoint to the point.
        distance: (N,) between them.
        cosine: (N,) of the angle of incidence, negative where the surface faces away.
    """

    eye: FloatArray
    direction: FloatArray
    distance: FloatArray
    cosine: FloatArray

    @classmethod
    def between(cls, eye: FloatArray, points: FloatArray, normals: FloatArray) -> Rays:
        """From ``eye`` (3,) or (N, 3) to ``points`` (N, 3) with unit ``normals`` (N, 3)."""
        way = points - eye
        distance = np.linalg.norm(way, axis=1)
        direction = way / np.maximum(distance, np.finfo(float).tiny)[:, None]
        cosine = -np.einsum("ni,ni->n", direction, normals)
        return cls(np.broadcast_to(eye, points.shape), direction, distance, cosine)

    @classmethod
    def best(cls, eyes: FloatArray, points: FloatArray, normals: FloatArray) -> Rays:
        """From the one of ``eyes`` (V, 3) that each point faces most."""
        return cls.between(eyes[_most_faced(eyes, points, normals)], points, normals)

    def of(self, rows: NDArray) -> Rays:
        """Those of some points: ``rows`` is a mask (N,) or indices."""
        return Rays(self.eye[rows], self.direction[rows], self.distance[rows], self.cosine[rows])


def _most_faced(eyes: FloatArray, points: FloatArray, normals: FloatArray) -> IntArray:
    best = np.full(len(points), -np.inf)
    chosen = np.zeros(len(points), dtype=np.int64)
    for index, eye in enumerate(eyes):
        cosine = Rays.between(eye, points, normals).cosine
        better = cosine > best
        best[better], chosen[better] = cosine[better], index
    return chosen


def find_viewpoints(
    views: Views | None,
    cloud: PointCloud,
    own: Sequence[Sequence[float]] | FloatArray | None,
    rng: np.random.Generator,
) -> FloatArray | None:
    """Viewpoints (V, 3) in the frame and unit of ``cloud``; None without ``views``.

    Args:
        views: with lengths in the unit of the cloud.
        cloud: what is scanned.
        own: (V, 3) where the scan itself was made from, if known.
        rng: for viewpoints that are drawn.

    Raises:
        CloudError: the scan's own viewpoints are asked for but not known.
    """
    if views is None:
        return None
    if isinstance(views, GivenViews):
        return np.array(views.viewpoints)
    if isinstance(views, AroundViews):
        return _around(views, cloud, rng)
    if own is None:
        raise CloudError(
            "the sensor should stand at the viewpoint of the scan, which is not known; "
            "give the scan's viewpoint (--viewpoint), or let the sensor have views of type "
            '"around"'
        )
    return check_points(own, "viewpoints")


def _around(views: AroundViews, cloud: PointCloud, rng: np.random.Generator) -> FloatArray:
    low, high = cloud.box
    diagonal = cloud.part_diagonal
    standoff = diagonal if views.standoff is None else views.standoff
    away = diagonal / 2.0 + standoff
    return (low + high) / 2.0 + away * even_directions(views.count, rng)
