"""Scans of parts of revolution about their own axis.

In the *axis frame* of a scan z runs along the axis and the angle about it is measured from where
the scan faces the sensor, so that a place in the frame is a place on the part together with the
direction that it was seen from. How far a part is turned about its own axis is left open: the nuts
and the thread of one specimen lie otherwise than those of the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.arrays import FloatArray
from backend.geometry.revolution import revolution_axis

# This share of the normals, those that face the sensor least, tell where it stands.
FACED_LEAST = 0.4
VIEW_ROUNDS = 60
# A scan from one side faces its sensor with more than this, on average of those that do least.
ONE_SIDED = 0.1
LEAST_ASIDE = 0.01
# At least LEAST_LEANING of the normals lean away from the axis by more than 30 degrees (the sine is
# LEANING), and the mean of their unit directions across the axis is no longer than ONE_WAY.
LEANING, LEAST_LEANING, ONE_WAY = 0.5, 0.2, 0.95


@dataclass(frozen=True, eq=False)
class AxisFrame:
    """A scan of N points in its axis frame.

    Attributes:
        place: (N, 2) z and radius, in the scan's unit.
        normal: (N, 2) the outward normal's parts along the axis and away from it.
        angle: (N,) about the axis; pi / 2 faces the sensor.
        tilt: cosine between the axis and the direction to the sensor; 0 where it saw all sides.
        roundness: see ``roundness``.
    """

    place: FloatArray
    normal: FloatArray
    angle: FloatArray
    tilt: float
    roundness: float

    @classmethod
    def of(cls, points: FloatArray, normals: FloatArray) -> AxisFrame:
        """From points (N, 3) and outward normals (N, 3); the axis may point either way."""
        axis = revolution_axis(points, normals)
        view = facing_direction(normals)
        along = axis.direction
        # Seen from all around, angles begin where the scan has most points.
        front = points.mean(axis=0) - axis.point if view is None else view
        side = np.cross(front, along)
        if np.linalg.norm(side) < LEAST_ASIDE * np.linalg.norm(front):  # any angle is as good
            side = np.cross(np.eye(3)[np.argmin(np.abs(along))], along)
        side /= np.linalg.norm(side)
        turn = np.stack([side, np.cross(along, side), along])
        x, y, z = ((points - axis.point) @ turn.T).T
        radius = np.hypot(x, y)
        turned = normals @ turn.T
        outwards = np.stack([x, y], axis=1) / np.maximum(radius, 1e-9 * radius.max())[:, None]
        away = (turned[:, :2] * outwards).sum(axis=1)
        return cls(
            np.stack([z, radius], axis=1),
            np.stack([turned[:, 2], away], axis=1),
            np.arctan2(y, x),
            0.0 if view is None else float(view @ along),
            roundness(turned[:, :2], outwards),
        )

    def moved(self, sign: float, shift: float) -> AxisFrame:
        """With the axis reversed where ``sign`` is -1, then moved along it by ``shift``."""
        # Reversing is half a turn about the line of sight: what faced the sensor still does.
        angle = self.angle if sign > 0 else np.pi - self.angle
        place = self.place * (sign, 1.0) + (shift, 0.0)
        return AxisFrame(place, self.normal * (sign, 1.0), angle, sign * self.tilt, self.roundness)


def roundness(normals: FloatArray, outwards: FloatArray) -> float:
    """Median cosine between normals and the direction away from the axis, of what leans that way.

    It is 1 for a cylinder, about 0.97 for a hexagon, 0.92 for a square bar; 0 where few normals
    lean away from the axis or all of them the same way, since there are many such axes then.

    Args:
        normals: (N, 2) their parts across the axis.
        outwards: (N, 2) unit.
    """
    length = np.linalg.norm(normals, axis=1)
    leaning = length > LEANING
    if leaning.mean() < LEAST_LEANING:
        return 0.0
    across = normals[leaning] / length[leaning, None]
    if np.linalg.norm(across.mean(axis=0)) > ONE_WAY:
        return 0.0
    return float(np.median(np.abs((across * outwards[leaning]).sum(axis=1))))


def facing_direction(normals: FloatArray) -> FloatArray | None:
    """The unit direction (3,) that the normals (N, 3) of a scan from one side face best.

    It maximises the mean cosine of the 40 % of the normals that face it least: unlike the mean
    normal, it does not depend on how much surface of each slope the part has. None where they face
    all sides, as in a scan from all around.
    """
    direction = normals.mean(axis=0)
    count = max(1, round(FACED_LEAST * len(normals)))
    for step in range(VIEW_ROUNDS):
        direction = direction / np.maximum(np.linalg.norm(direction), 1e-12)
        least = np.argpartition(normals @ direction, count - 1)[:count]
        direction = direction + 0.5 / (step + 1) * normals[least].mean(axis=0)
    direction /= np.maximum(np.linalg.norm(direction), 1e-12)
    least_facing = np.partition(normals @ direction, count - 1)[:count].mean()
    return direction if least_facing > ONE_SIDED else None
