"""Hole: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import require_normals, unit
from backend.geometry.facing import facing
from backend.geometry.falloff import falloff
from backend.geometry.near import points_within
from backend.geometry.noise import noise
from shared_schema.constants import FORMULA_CONSTANTS, Falloff
from shared_schema.defects import HoleSpec, HoleWalls


@dataclass(frozen=True, eq=False)
class _Cylinder:
    """Points of the cloud in the coordinates of the hole.

    Attributes:
        rows: (P,) in the cloud.
        axis: (3,) unit, into the material.
        below: (P,) z, along the axis from the center.
        outward: (P, 3) unit, away from the axis.
        away: (P,) r, from the axis.
        edge: (P,) R, radius of the hole in the point's direction.
    """

    rows: IntArray
    axis: FloatArray
    below: FloatArray
    outward: FloatArray
    away: FloatArray
    edge: FloatArray


def hole(cloud: PointCloud, spec: HoleSpec) -> DefectEffect:
    """Take the surface in the cylinder away, or turn it into the hole's wall and bottom.

    Raises:
        ReplayError: the cloud has no normals, and there are walls or a rim.

    >>> rows = [[x, y, 0.0] for x in range(-8, 9) for y in range(-8, 9)]
    >>> plate = PointCloud.of(rows, normals=np.tile([0.0, 0.0, 1.0], (len(rows), 1)))
    >>> at, into = (0, 0, 0), (0, 0, -1)
    >>> spec = HoleSpec(center=at, direction=into, radius=3, depth=2, rim_width=1)
    >>> int(hole(plate, spec).removed.sum())  # open walls: the surface is gone
    25
    """
    effect = DefectEffect.none(len(cloud))
    if spec.depth == 0:
        return effect
    near = _near(cloud, spec)
    inside = near.away < near.edge
    effect.removed[near.rows[inside]] = True
    effect.weight[near.rows[inside]] = 1.0
    if spec.walls is HoleWalls.NONE and spec.rim == 0:
        return effect
    normals = require_normals(cloud, "a hole with walls or a rim")
    faced = facing(normals[near.rows], -near.axis, spec.facing_angle)
    raised = faced * falloff((near.away - near.edge) / spec.rim_width, Falloff.COSINE)
    if spec.rim != 0:
        effect.weight[near.rows[~inside]] = raised[~inside]
        effect.displacement[near.rows[~inside]] = np.outer(raised[~inside] * -spec.rim, near.axis)
    if spec.walls is HoleWalls.NONE:
        return effect
    return _with_walls(effect, near, inside & (faced > 0), spec.rim * raised, normals, spec)


def _near(cloud: PointCloud, spec: HoleSpec) -> _Cylinder:
    """Points in the cylinder and its rim, no higher above the center than a radius."""
    axis = unit(spec.direction)
    reach = np.hypot(
        spec.radius * (1.0 + spec.roughness) + spec.rim_width, max(spec.radius, spec.depth)
    )
    rows = points_within(cloud.points, spec.center, reach)
    offset = cloud.points[rows] - np.array(spec.center)
    below = offset @ axis
    reached = (below > -spec.radius) & (below <= spec.depth)
    rows, offset, below = rows[reached], offset[reached], below[reached]
    across = offset - np.outer(below, axis)
    outward = unit(across)
    edge = np.full(len(rows), spec.radius)
    if spec.roughness > 0:
        wavelength = FORMULA_CONSTANTS["hole_wavelength"] * spec.radius
        edge *= 1.0 + spec.roughness * noise(spec.radius * outward, wavelength, spec.seed)
    return _Cylinder(rows, axis, below, outward, np.linalg.norm(across, axis=1), edge)


def _with_walls(
    effect: DefectEffect,
    near: _Cylinder,
    mouth: BoolArray,
    lift: FloatArray,
    normals: FloatArray,
    spec: HoleSpec,
) -> DefectEffect:
    """``effect`` with the surface in the ``mouth`` (P,) drawn over wall and bottom.

    The outer ring of the disc becomes the wall and the rest the bottom, in the ratio of their
    areas, so that the points spread evenly over both. ``lift`` (P,) is the height of the rim.
    """
    axis, rows = near.axis, near.rows[mouth]
    below, away, edge = near.below[mouth], near.away[mouth], near.edge[mouth]
    outward = near.outward[mouth]
    spread = np.sqrt(1.0 + 2.0 * spec.depth / spec.radius)
    u = away / edge
    on_wall = u * spread >= 1.0
    down = np.clip((1.0 - u) / (1.0 - 1.0 / spread), 0.0, 1.0)
    new_away = np.where(on_wall, edge, u * spread * edge)
    new_below = (below - lift[mouth]) * (1.0 - down) + spec.depth * down
    effect.displacement[rows] = outward * (new_away - away)[:, None]
    effect.displacement[rows] += np.outer(new_below - below, axis)
    effect.removed[rows] = ~on_wall & (spec.walls is HoleWalls.OPEN)
    normals = normals.copy()
    normals[rows] = np.where(on_wall[:, None], -outward, -axis)
    return DefectEffect(effect.displacement, effect.weight, effect.removed, normals)
