"""Deposit: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import require_normals, unit
from backend.geometry.facing import facing
from backend.geometry.falloff import falloff, smoothstep
from backend.geometry.near import points_within
from backend.geometry.noise import noise
from shared_schema.constants import FORMULA_CONSTANTS, Falloff
from shared_schema.defects import DepositSpec


def deposit(cloud: PointCloud, spec: DepositSpec) -> DefectEffect:
    """Raise the surface of the foot to the cap of a sphere, evenly spread over it.

    Raises:
        ReplayError: the cloud has no normals.

    >>> rows = [[x, y, 0.0] for x in range(-8, 9) for y in range(-8, 9)]
    >>> plate = PointCloud.of(rows, normals=np.tile([0.0, 0.0, 1.0], (len(rows), 1)))
    >>> foot = {"center": (0, 0, 0), "normal": (0, 0, 1), "heading": (1, 0, 0)}
    >>> spec = DepositSpec(**foot, radius=4, height=1)
    >>> deposit(plate, spec).displacement[:, 2].max().round(6).item()
    1.0
    """
    effect = DefectEffect.none(len(cloud))
    if spec.height == 0:
        return effect
    normals = require_normals(cloud, "a deposit")
    normal, heading, across = _axes(spec)
    reach = spec.radius * np.hypot(spec.stretch, 1.0)
    near = points_within(cloud.points, spec.center, reach)
    offset = cloud.points[near] - np.array(spec.center)
    flat = np.stack([offset @ heading / spec.stretch, offset @ across], axis=1)
    u = np.linalg.norm(flat, axis=1) / spec.radius
    level = smoothstep(2.0 * (1.0 - np.abs(offset @ normal) / spec.radius))
    share = level * facing(normals[near], normal, spec.facing_angle)
    near, offset, flat, u, share = (a[u < 1.0] for a in (near, offset, flat, u, share))
    height = _height(offset, spec)
    effect.weight[near] = share * falloff(u, Falloff.FLAT)
    sideways, up = _cap(u, height, spec.radius)
    foot = offset - np.outer(offset @ normal, normal)
    rise = foot * (sideways - 1.0)[:, None] + np.outer(up, normal)
    effect.displacement[near] = rise * share[:, None]
    curvature = 2.0 * height / (spec.radius**2 + height**2)
    lean = np.outer(flat[:, 0] / spec.stretch, heading) + np.outer(flat[:, 1], across)
    outward = lean * (curvature * sideways)[:, None]
    outward += np.outer(1.0 - u * u * height * curvature, normal)
    turned = normals.copy()
    turned[near] = unit(normals[near] + (unit(outward) - normals[near]) * share[:, None])
    return DefectEffect(effect.displacement, effect.weight, effect.removed, turned)


def _axes(spec: DepositSpec) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit axes (3,) of the foot: its normal, its heading, and across."""
    normal = unit(spec.normal)
    heading = unit(np.array(spec.heading) - np.dot(spec.heading, normal) * normal)
    return normal, heading, np.cross(normal, heading)


def _height(offset: FloatArray, spec: DepositSpec) -> FloatArray:
    """H (P,): how high the deposit rises, rough or not."""
    height = np.full(len(offset), spec.height)
    if spec.roughness > 0:
        wavelength = FORMULA_CONSTANTS["deposit_wavelength"] * spec.radius
        height *= 1.0 + spec.roughness * noise(offset, wavelength, spec.seed)
    return height


def _cap(u: FloatArray, height: FloatArray, radius: float) -> tuple[FloatArray, FloatArray]:
    """Where (P,) the disc goes on the cap: factor of its distance to the axis, and height.

    The map that keeps ratios of areas: on a sphere, the area of a cap grows with the square of the
    distance to its pole (Archimedes), as that of a disc with the square of its radius.
    """
    rest = 1.0 - u * u
    return np.sqrt(1.0 + (height / radius) ** 2 * rest), height * rest
