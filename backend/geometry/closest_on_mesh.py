"""The place on a triangle mesh nearest to a point."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray

# Where the corners' weights leave the triangle: the two ends of the side that is nearest instead.
SIDES = ((0, 1), (1, 2), (2, 0))


def closest_on_mesh(points: FloatArray, faces: IntArray, queries: FloatArray) -> FloatArray:
    """The nearest place (Q, 3) on the triangles ``faces`` (M, 3) to each of ``queries`` (Q, 3).

    >>> triangle = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> closest_on_mesh(triangle, np.array([[0, 1, 2]]), np.array([[0.2, 0.2, 3.0]])).round(6)
    array([[0.2, 0.2, 0. ]])
    """
    centers, radii = face_spheres(points, faces)
    return np.array([_closest(points, faces, centers, radii, q) for q in queries]).reshape(-1, 3)


def face_spheres(points: FloatArray, faces: IntArray) -> tuple[FloatArray, FloatArray]:
    """Centroids (M, 3) of triangles, and radii (M,) about them that hold the triangles."""
    corners = [points[faces[:, corner]] for corner in range(3)]
    centers = (corners[0] + corners[1] + corners[2]) / 3.0
    squared = [np.einsum("mi,mi->m", c - centers, c - centers) for c in corners]
    return centers, np.sqrt(np.maximum(np.maximum(squared[0], squared[1]), squared[2]))


def _closest(
    points: FloatArray, faces: IntArray, centers: FloatArray, radii: FloatArray, query: FloatArray
) -> FloatArray:
    """Only triangles whose sphere comes nearer than some triangle's center are looked at."""
    away = np.linalg.norm(centers - query, axis=1)
    near = np.flatnonzero(away - radii <= away.min())
    corners = points[faces[near]]
    weights = closest_weights(corners, query)
    places = np.einsum("mc,mci->mi", weights, corners)
    return np.asarray(places[np.argmin(np.linalg.norm(places - query, axis=1))])


def closest_weights(corners: FloatArray, query: FloatArray) -> FloatArray:
    """Weights (M, 3) of the corners of triangles (M, 3, 3) at their place nearest to ``query``.

    They are not negative and add up to one.
    """
    weights = _plane_weights(corners, query)
    outside = np.flatnonzero(~(weights >= 0.0).all(axis=1))
    weights[outside] = _side_weights(corners[outside], query)
    return weights


def _plane_weights(corners: FloatArray, query: FloatArray) -> FloatArray:
    """Weights (M, 3) at the foot of ``query`` on each plane; not a number without a plane."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    w = query - corners[:, 0]
    normal = np.cross(u, v)
    squared = np.einsum("mi,mi->m", normal, normal)
    squared = np.where(squared > 0.0, squared, np.nan)
    second = np.einsum("mi,mi->m", np.cross(w, v), normal) / squared
    third = np.einsum("mi,mi->m", np.cross(u, w), normal) / squared
    return np.stack([1.0 - second - third, second, third], axis=1)


def _side_weights(corners: FloatArray, query: FloatArray) -> FloatArray:
    """Weights (M, 3) of the nearest place on the three sides."""
    best = np.full(len(corners), np.inf)
    weights = np.zeros((len(corners), 3))
    for start, end in SIDES:
        along = corners[:, end] - corners[:, start]
        squared = np.maximum(np.einsum("mi,mi->m", along, along), np.finfo(float).tiny)
        offset = query - corners[:, start]
        fraction = np.clip(np.einsum("mi,mi->m", offset, along) / squared, 0.0, 1.0)
        away = np.linalg.norm(offset - fraction[:, None] * along, axis=1)
        closer = away < best
        best[closer] = away[closer]
        weights[closer] = 0.0
        weights[closer, start] = 1.0 - fraction[closer]
        weights[closer, end] = fraction[closer]
    return weights
