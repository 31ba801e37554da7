"""A turned part with a loose hexagon nut, as scans from one side, nominal and dented."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from backend.cloud import LabeledCloud, PointCloud
from backend.sensor.virtual_scan import virtual_scan

FloatArray = NDArray[np.float64]

NOISE = 0.03
# Radius, lower and upper end along z, of the steps; the nut is a hexagon about the middle one.
STEPS = ((6.0, 0.0, 10.0), (5.0, 10.0, 26.0), (7.0, 26.0, 34.0))
NUT = (9.0, 14.0, 20.0)


def mesh(nut_angle: float) -> PointCloud:
    """The part with its axis along z and the nut turned by ``nut_angle``."""
    solids = []
    for sections, angle, (radius, low, high) in [
        *((96, 0.0, step) for step in STEPS),
        (6, nut_angle, NUT),
    ]:
        solid = trimesh.creation.cylinder(radius, high - low, sections=sections)
        solid.apply_transform(trimesh.transformations.rotation_matrix(angle, (0, 0, 1)))
        solid.apply_translation((0.0, 0.0, (low + high) / 2))
        solids.append(solid)
    whole = trimesh.util.concatenate(solids)
    return PointCloud(np.array(whole.vertices), faces=np.array(whole.faces))


def scan(seed: int, points: int = 4000) -> PointCloud:
    """The part from a side of its own, its nut turned at random, somewhere in space."""
    return posed_scan(seed, points)[0]


def posed_scan(seed: int, points: int = 4000) -> tuple[PointCloud, FloatArray, FloatArray]:
    """Such a scan, and a point (3,) and the direction (3,) of its axis."""
    rng = np.random.default_rng(seed)
    seen = virtual_scan(
        mesh(rng.uniform(0.0, np.pi / 3)), views=1, points=points, noise=NOISE, rng=rng
    )
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3)
    assert seen.normals is not None
    cloud = PointCloud(seen.points @ turn.T + shift, seen.normals @ turn.T, unit="mm")
    return cloud, shift, turn[:, 2]


def dented(seed: int, depth: float = 1.5, radius: float = 3.0) -> LabeledCloud:
    """A scan of its own with a dent somewhere in it."""
    cloud = scan(seed)
    assert cloud.normals is not None
    center = np.random.default_rng([seed, 1]).integers(len(cloud))
    away = np.linalg.norm(cloud.points - cloud.points[center], axis=1) / radius
    facing = cloud.normals @ cloud.normals[center] > 0.3
    weight = np.where((away < 1.0) & facing, (1.0 - away**2) ** 2, 0.0)
    mask = weight > 0.05
    return LabeledCloud(
        cloud.points - depth * weight[:, None] * cloud.normals,
        cloud.normals,
        mask,
        mask.astype(np.int32),
        weight,
        np.arange(len(cloud)),
    )
