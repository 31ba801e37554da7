"""Freeform: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import push_directions, require_normals, unit
from backend.geometry.blur import blur, grow
from backend.geometry.facing import facing
from backend.geometry.falloff import smoothstep
from backend.geometry.hull import hull_planes, signed_distance
from shared_schema.defects import Bump, FreeformSpec


def freeform(cloud: PointCloud, spec: FreeformSpec) -> DefectEffect:
    """Displace by the sum of ``spec.bumps`` and smooth, within the hull of ``spec.hull``.

    Raises:
        ReplayError: the hull has no volume, or the cloud lacks normals that the spec needs.
    """
    effect = DefectEffect.none(len(cloud))
    planes = hull_planes(spec.hull)
    bumps = [bump for bump in spec.bumps if bump.amplitude != 0]
    if not bumps and spec.smoothing == 0:
        return effect
    near, weight = _support(cloud, spec, planes)
    effect.weight[near] = weight
    if bumps:
        amount = _sum_of_bumps(cloud.points[near], bumps) * weight
        directions = push_directions(cloud, near, spec.direction)
        effect.displacement[near] = directions * amount[:, None]
    if spec.smoothing:
        effect.displacement[near] += _smoothing(cloud, effect, near, spec.smoothing)
    return effect


def _support(
    cloud: PointCloud, spec: FreeformSpec, planes: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Points with a weight above zero, and their weights."""
    corners = np.array(spec.hull)
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((cloud.points >= low) & (cloud.points <= high)).all(axis=1))
    depth_inside = -signed_distance(cloud.points[near], planes)
    if spec.margin > 0:
        weight = smoothstep(depth_inside / spec.margin)
    else:
        weight = (depth_inside > 0).astype(np.float64)
    if spec.normal is not None:
        normals = require_normals(cloud, "the facing test")
        weight *= facing(normals[near], unit(spec.normal), spec.facing_angle)
    inside = weight > 0
    return near[inside], weight[inside]


def _sum_of_bumps(points: FloatArray, bumps: list[Bump]) -> FloatArray:
    total = np.zeros(len(points))
    for bump in bumps:
        offset = points - np.array(bump.center)
        squared = np.einsum("ij,ij->i", offset, offset)
        total += bump.amplitude * np.exp(-squared / (2.0 * bump.sigma**2))
    return total


def _smoothing(cloud: PointCloud, effect: DefectEffect, near: IntArray, rounds: int) -> FloatArray:
    """How far the weighted average of the displaced surface moves ``near``, (len(near), 3)."""
    selected = np.zeros(len(cloud), dtype=bool)
    selected[near] = True
    # Values reach one ring further each round, so only the support and its surroundings matter;
    # one ring more keeps the degree of the outermost that matters.
    region = grow(selected, cloud.edges, rounds + 1)
    renumber = np.cumsum(region) - 1
    edges = renumber[cloud.edges[region[cloud.edges].all(axis=1)]]
    displaced = cloud.points[region] + effect.displacement[region]
    moved = blur(displaced, edges, rounds) - displaced
    return effect.weight[near, None] * moved[renumber[near]]
