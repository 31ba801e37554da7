"""Bend: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import unit
from backend.geometry.falloff import falloff
from shared_schema.constants import Falloff
from shared_schema.defects import BendSpec


def bend(cloud: PointCloud, spec: BendSpec) -> DefectEffect:
    """Turn what lies to ``spec.side`` of the hinge by ``spec.angle``; the mask is the band.

    >>> rows = [[x, y, 0.0] for x in range(-8, 9) for y in range(-8, 9)]
    >>> plate = PointCloud.of(rows, normals=np.tile([0.0, 0.0, 1.0], (len(rows), 1)))
    >>> hinge = {"hinge_point": (0, 0, 0), "hinge_axis": (0, 1, 0)}
    >>> spec = BendSpec(**hinge, side=(1, 0, 0), angle=0.5, band=2)
    >>> bend(plate, spec).displacement[:, 2].round(2).min().item()
    -3.37
    """
    effect = DefectEffect.none(len(cloud))
    if spec.angle == 0:
        return effect
    axis = unit(spec.hinge_axis)
    up = unit(np.cross(axis, spec.side))
    side = np.cross(up, axis)
    offset = cloud.points - np.array(spec.hinge_point)
    behind = np.flatnonzero(offset @ side > 0)
    x, y = offset[behind] @ side, offset[behind] @ up
    turned = spec.angle * np.clip(x / spec.band, 0.0, 1.0)
    new_x, new_y = _on_arc(x, y, turned, spec.band)
    effect.displacement[behind] = np.outer(new_x - x, side) + np.outer(new_y - y, up)
    u = np.abs(x - spec.band / 2.0) / (spec.band / 2.0)
    effect.weight[behind] = falloff(u, Falloff.FLAT)
    normals = cloud.normals
    if normals is not None:
        normals = normals.copy()
        normals[behind] = _turn(normals[behind], axis, turned)
    return DefectEffect(effect.displacement, effect.weight, effect.removed, normals, exact=True)


def _on_arc(
    x: FloatArray, y: FloatArray, turned: FloatArray, band: float
) -> tuple[FloatArray, FloatArray]:
    """Where (x, y) goes when the fibre y = 0 follows an arc through ``turned`` and its tangent."""
    within, beyond = np.minimum(x, band), np.maximum(x - band, 0.0)
    sine, cosine = np.sin(turned), np.cos(turned)
    half = turned / 2.0
    new_x = within * _sinc(turned) - y * sine + beyond * cosine
    new_y = within * _sinc(half) * np.sin(half) + y * cosine + beyond * sine
    return new_x, new_y


def _sinc(angle: FloatArray) -> FloatArray:
    """sin(angle) / angle, 1 at 0 (numpy's sinc is the normalised one)."""
    return np.sinc(angle / np.pi)


def _turn(vectors: FloatArray, axis: FloatArray, angles: FloatArray) -> FloatArray:
    """Rodrigues' rotation of each vector (N, 3) about ``axis`` by its angle (N,)."""
    sine, cosine = np.sin(angles)[:, None], np.cos(angles)[:, None]
    along = np.outer(vectors @ axis, axis)
    return cosine * (vectors - along) + sine * np.cross(axis, vectors) + along
