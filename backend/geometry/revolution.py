"""The axis of a part of revolution, from the normals of a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.arrays import FloatArray

ROUNDS = 30
# Residuals below this part of the cloud's size are noise, however well the rest fits.
FINEST = 1.0 / 60.0
COOLING = 0.9
# Keeps normals along the axis, which meet it anywhere, from deciding.
LEAST_SINE = 0.2


@dataclass(frozen=True, eq=False)
class Axis:
    """A line in space.

    Attributes:
        point: (3,) on the line.
        direction: (3,) unit; its sign says nothing.
        residual: median distance of the normal lines from it.
    """

    point: FloatArray
    direction: FloatArray
    residual: float


def revolution_axis(points: FloatArray, normals: FloatArray) -> Axis:
    """The line that the normal lines of a surface of revolution meet.

    The normal lines of such a surface lie in a singular linear complex (Pottmann & Wallner,
    "Computational Line Geometry", 2001, 3.4): with Plücker coordinates ``(n, p x n)`` of the
    normals and ``(d, m)`` of the axis, ``n . m + (p x n) . d = 0``. It is solved in the sense of
    least squares under ``|d| = 1``, reweighted so that ribs, flats, threads and defects have no
    say.

    Args:
        points: (N, 3).
        normals: (N, 3) unit, of any sign.

    >>> angle, height = np.meshgrid(np.linspace(0.0, 6.0, 40), np.linspace(-1.0, 1.0, 20))
    >>> normals = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=-1).reshape(-1, 3)
    >>> points = normals + np.stack([0.0 * height, 0.0 * height, height], axis=-1).reshape(-1, 3)
    >>> abs(revolution_axis(points, normals).direction).round(6)  # that of a cylinder
    array([0., 0., 1.])
    """
    center = points.mean(axis=0)
    size = float(np.sqrt(((points - center) ** 2).sum(axis=1).mean()))
    local = (points - center) / size
    lines = np.hstack([normals, np.cross(local, normals)])
    weight = np.ones(len(points))
    for step in range(ROUNDS):
        direction, moment = _complex(lines, weight)
        sine = np.linalg.norm(np.cross(normals, direction), axis=1) + LEAST_SINE
        residual = np.abs(lines @ np.concatenate([moment, direction])) / sine
        scale = max(FINEST, 2.0 * float(np.median(residual)) * COOLING**step)
        weight = 1.0 / (1.0 + (residual / scale) ** 2) ** 2 / sine**2
    point = center + size * np.cross(direction, moment)
    return Axis(point, direction, size * float(np.median(residual)))


def _complex(lines: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Direction (3,), unit, and moment (3,) of the best axis; the moment is eliminated first."""
    gram = (lines * weight[:, None]).T @ lines
    normal, mixed, moment = gram[:3, :3], gram[:3, 3:], gram[3:, 3:]
    stable = normal + 1e-9 * np.trace(normal) * np.eye(3)
    solved = np.linalg.solve(stable, mixed)
    direction = np.linalg.eigh(moment - mixed.T @ solved)[1][:, 0]
    return direction, -solved @ direction
