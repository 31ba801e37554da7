"""Dent: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import numpy as np

from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import push_directions, require_normals, unit
from backend.geometry.facing import facing
from backend.geometry.falloff import falloff
from backend.geometry.near import points_within
from shared_schema.defects import DentSpec


def dent(cloud: PointCloud, spec: DentSpec) -> DefectEffect:
    """Press ``spec.center`` in by ``spec.depth``; a cloud of N points gives an effect of N rows.

    Raises:
        ReplayError: the cloud has no normals and the spec needs them.

    >>> rows = [[x, y, 0.0] for x in range(-8, 9) for y in range(-8, 9)]
    >>> plate = PointCloud.of(rows, normals=np.tile([0.0, 0.0, 1.0], (len(rows), 1)))
    >>> effect = dent(plate, DentSpec(center=(0, 0, 0), radius=5, depth=1))
    >>> int((effect.weight > 0).sum()), effect.displacement[:, 2].min().round(6).item()
    (69, -1.0)
    """
    effect = DefectEffect.none(len(cloud))
    if spec.depth == 0:
        return effect
    center = np.array(spec.center)
    near = points_within(cloud.points, center, spec.radius)
    distance = np.linalg.norm(cloud.points[near] - center, axis=1)
    weight = falloff(distance / spec.radius, spec.falloff)
    if spec.center_normal is not None:
        normals = require_normals(cloud, "the facing test")
        weight *= facing(normals[near], unit(spec.center_normal), spec.facing_angle)
    effect.weight[near] = weight
    effect.displacement[near] = push_directions(cloud, near, spec.direction) * (
        spec.depth * weight[:, None]
    )
    return effect
