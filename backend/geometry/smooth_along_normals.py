"""Noise taken from a scan without moving its points along the surface or shrinking its curves."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray


def smooth_along_normals(
    points: FloatArray, normals: FloatArray, edges: IntArray, rounds: int
) -> FloatArray:
    """``points`` (N, 3) moved along their normals to the mean height of their neighbours.

    The height of q over p is (q − p) · (m + n) / 2 with the normals m, n of both: zero on any
    surface of constant curvature, so only noise is smoothed. Neighbours count by the cosine between
    the normals, those over a sharp edge not at all.

    Args:
        points: (N, 3).
        normals: (N, 3) unit.
        edges: (E, 2) adjacency.
        rounds: how often.
    """
    start, end = edges.T
    both = normals[start] + normals[end]
    weight = np.maximum(0.5 * np.einsum("ei,ei->e", both, both) - 1.0, 0.0)
    total = 1.0 + np.bincount(start, weight, len(points)) + np.bincount(end, weight, len(points))
    for _ in range(rounds):
        height = 0.5 * weight * np.einsum("ei,ei->e", points[end] - points[start], both)
        lift = np.bincount(start, height, len(points)) - np.bincount(end, height, len(points))
        points = points + (lift / total)[:, None] * normals
    return points
