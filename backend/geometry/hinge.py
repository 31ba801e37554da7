"""Where a part bends when it is loaded across a plane: the hinge of the plane's section."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray


def principal_axes(points: FloatArray) -> FloatArray:
    """Rows (3, 3): unit axes of ``points`` (N, 3) from the greatest extent to the least (PCA).

    >>> points = np.array([[x, y / 2, 0.0] for x in range(5) for y in range(5)])
    >>> abs(principal_axes(points).round(6))
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    centered = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    return axes.T[::-1]


def section_hinge(
    points: FloatArray, origin: FloatArray, normal: FloatArray, band: float
) -> tuple[FloatArray, FloatArray]:
    """Hinge point (3,) and unit axis (3,) of the section of ``points`` (N, 3) by a plane.

    The section is the points within half of ``band`` of the plane, brought onto it; the hinge runs
    through its middle along its principal axis, across which it is thinnest and so bends first.
    """
    height = (points - origin) @ normal
    section = points[np.abs(height) <= band / 2.0]
    if len(section) < 3:
        section = points[np.argsort(np.abs(height))[:3]]
    section = section - np.outer((section - origin) @ normal, normal)
    return section.mean(axis=0), principal_axes(section)[0]
