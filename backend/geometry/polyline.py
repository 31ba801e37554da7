"""The nearest place on a polyline, with its arc length."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import FloatArray, IntArray
from backend.geometry.near import points_in_box


@dataclass(frozen=True)
class NearestOnPolyline:
    """For each of Q queries: the distance, and where on the polyline its nearest place is.

    Attributes:
        distance: (Q,).
        segment: (Q,) index of the segment, which joins vertex ``segment`` and the next.
        fraction: (Q,) in [0, 1] along the segment.
        arc_length: (Q,) from the polyline's start.
    """

    distance: FloatArray
    segment: IntArray
    fraction: FloatArray
    arc_length: FloatArray


def arc_lengths(path: FloatArray) -> FloatArray:
    """Arc length (V,) from the start to each vertex of ``path`` (V, 3).

    >>> arc_lengths(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [3.0, 4.0, 0.0]]))
    array([0., 3., 7.])
    """
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def resample_polyline(path: FloatArray, step: float) -> FloatArray:
    """Vertices about ``step`` apart along ``path`` (V, 3), both its ends kept.

    >>> resample_polyline(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]), step=1.5)
    array([[0. , 0. , 0. ],
           [1.5, 0. , 0. ],
           [3. , 0. , 0. ]])
    """
    lengths = arc_lengths(path)
    count = max(2, int(np.ceil(lengths[-1] / step)) + 1)
    places = np.linspace(0.0, lengths[-1], count)
    return np.stack([np.interp(places, lengths, path[:, axis]) for axis in range(3)], axis=1)


def resample_between_corners(path: FloatArray, step: float, angle: float) -> FloatArray:
    """As ``resample_polyline``, but vertices where ``path`` turns by more than ``angle`` stay.

    Args:
        path: (V, 3).
        step: about how far apart vertices are along the path.
        angle: radians.
    """
    steps = np.diff(path, axis=0)
    moves = steps.any(axis=1)
    path, steps = path[np.concatenate([[True], moves])], steps[moves]
    ahead = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    cosine = np.einsum("vi,vi->v", ahead[:-1], ahead[1:])
    corners = [0, *(np.flatnonzero(cosine < np.cos(angle)) + 1), len(path) - 1]
    parts = [resample_polyline(path[a : b + 1], step) for a, b in pairwise(corners)]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def points_near_polyline(points: FloatArray, path: FloatArray, radius: float) -> IntArray:
    """Sorted rows of the ``points`` (N, 3) within ``radius`` of ``path``, and few others."""
    centers = resample_polyline(path, radius)
    # Any point within radius of the path is within radius + step/2 of a center.
    reach = 1.5 * radius
    rows = points_in_box(points, centers.min(axis=0) - reach, centers.max(axis=0) + reach)
    if len(rows) == 0:
        return rows
    distance, _ = cKDTree(centers).query(points[rows], distance_upper_bound=reach)
    return rows[np.isfinite(distance)]


def nearest_on_polyline(queries: FloatArray, path: FloatArray) -> NearestOnPolyline:
    """Nearest place on ``path`` (V, 3) for ``queries`` (Q, 3); a tie goes to the first segment.

    >>> path = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    >>> nearest_on_polyline(np.array([[1.0, 2.0, 0.0]]), path).distance
    array([2.])
    """
    segment = _nearest_segment(queries, path)
    fraction, squared = _project(queries, path[segment], path[segment + 1])
    lengths = arc_lengths(path)
    along = lengths[segment] + fraction * (lengths[segment + 1] - lengths[segment])
    return NearestOnPolyline(np.sqrt(squared), segment, fraction, along)


def _nearest_segment(queries: FloatArray, path: FloatArray) -> IntArray:
    """The nearest segment, one pass over the queries a segment: paths have few segments."""
    best = np.full(len(queries), np.inf)
    segment = np.zeros(len(queries), dtype=np.int64)
    for index in range(len(path) - 1):
        _, squared = _project(queries, path[index], path[index + 1])
        closer = squared < best
        best[closer] = squared[closer]
        segment[closer] = index
    return segment


def _project(
    queries: FloatArray, start: FloatArray, end: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Fraction along the segment and squared distance, (Q,) each."""
    along = end - start
    offset = queries - start
    squared_length = np.maximum((along * along).sum(axis=-1), np.finfo(float).tiny)
    fraction = np.clip((offset * along).sum(axis=-1) / squared_length, 0.0, 1.0)
    rest = offset - fraction[:, None] * along
    return fraction, (rest * rest).sum(axis=-1)
