"""Motions that a scan leaves open, and how far poses are apart but for these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from backend.arrays import FloatArray
from backend.geometry.transform import transform_points

# A motion is free if it moves points across the surface this much less than along it (squared).
FREE_RATIO = 5e-4


@dataclass(frozen=True, eq=False)
class Freedom:
    """The small motions that slide points along the surface.

    Attributes:
        middle: (3,) of the points.
        length: their radius.
        motions: (6, F) orthonormal: a rotation vector about the middle, and a shift as a ratio of
            the radius.
    """

    middle: FloatArray
    length: float
    motions: FloatArray


def free_motions(points: FloatArray, normals: FloatArray) -> Freedom:
    """Small motions that slide ``points`` (P, 3) along a surface with ``normals`` (P, 3).

    Small eigenvalues of the point-to-plane information matrix (Gelfand et al., "Geometrically
    stable sampling for the ICP algorithm", 2003).
    """
    if len(points) == 0:
        return Freedom(np.zeros(3), 1.0, np.eye(6))
    middle = points.mean(axis=0)
    arms = points - middle
    length = float(np.sqrt((arms**2).sum(axis=1).mean()))
    jacobian = np.hstack([np.cross(arms / length, normals), normals])
    values, motions = np.linalg.eigh(jacobian.T @ jacobian / len(points))
    return Freedom(middle, length, motions[:, values < FREE_RATIO])


def motion_between(transform: FloatArray, other: FloatArray, freedom: Freedom) -> float:
    """How far ``other`` (4, 4) is from ``transform``, but for what its free motions cover.

    The motion from one to the other is a screw. Its twist about the middle of the scan (Murray, Li
    and Sastry, "A mathematical introduction to robotic manipulation", 1994, app. A) lies in the
    span of the free motions if they alone lead from one to the other, however far.
    """
    motion = other @ np.linalg.inv(transform)
    turn = Rotation.from_matrix(motion[:3, :3]).as_rotvec()
    shift = transform_points(motion, freedom.middle) - freedom.middle
    twist = np.concatenate([turn, _along(turn, shift) / freedom.length])
    return float(np.linalg.norm(twist - freedom.motions @ (freedom.motions.T @ twist)))


def _along(turn: FloatArray, shift: FloatArray) -> FloatArray:
    """Velocity (3,) that, while turning by ``turn`` (3,) in unit time, ends at ``shift`` (3,)."""
    angle = np.linalg.norm(turn)
    if angle < 1e-6:
        return shift
    across = np.cross(turn, shift)
    rest = (1.0 - angle / 2.0 / np.tan(angle / 2.0)) / angle**2
    return np.asarray(shift - across / 2.0 + rest * np.cross(turn, across))


def apart(transform: FloatArray, other: FloatArray, points: FloatArray) -> float:
    """Root mean square distance between ``points`` (P, 3) under two transforms."""
    between = transform_points(transform, points) - transform_points(other, points)
    return float(np.sqrt((between**2).sum(axis=1).mean()))
