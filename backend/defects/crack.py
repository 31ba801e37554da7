"""Crack: formulas in ``docs/defects.md``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import unit
from backend.geometry.falloff import falloff
from backend.geometry.noise import noise
from shared_schema.constants import FORMULA_CONSTANTS, Falloff
from shared_schema.defects import CrackSpec, Severed

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def crack(cloud: PointCloud, spec: CrackSpec) -> DefectEffect:
    """Open the part along a patch of a plane, or break it through."""
    effect = DefectEffect.none(len(cloud))
    severed = spec.severed is not Severed.NO
    if spec.gap == 0 and not severed:
        return effect
    normal = unit(spec.normal)
    openness = np.ones(len(cloud)) if severed else _openness(cloud.points, normal, spec)
    inside = np.flatnonzero(openness > 0)
    across = _distance_across(cloud.points[inside], normal, spec)
    half = openness[inside] * spec.gap / 2.0
    lost = half * (1.0 - spec.opening)
    fade = falloff((np.abs(across) - lost) / spec.flank, Falloff.COSINE)
    shift = np.sign(across) * half * spec.opening * fade
    effect.displacement[inside] = np.outer(shift, normal)
    effect.weight[inside] = openness[inside] * fade
    effect.removed[inside] = np.abs(across) < lost
    if severed:
        _move_far_piece(effect, across > 0, spec)
    return effect


def _openness(points: FloatArray, normal: FloatArray, spec: CrackSpec) -> FloatArray:
    """q (N,): 1 at the middle of the mouth, 0 at the crack front and beyond."""
    inward = unit(np.array(spec.direction) - np.dot(spec.direction, normal) * normal)
    along = np.cross(normal, inward)
    offset = points - np.array(spec.origin)
    q = 1.0 - (offset @ along * (2.0 / spec.length)) ** 2 - (offset @ inward / spec.depth) ** 2
    return np.clip(q, 0.0, 1.0)


def _distance_across(points: FloatArray, normal: FloatArray, spec: CrackSpec) -> FloatArray:
    """s (N,): signed distance to the rough crack surface, positive where the normal points."""
    offset = points - np.array(spec.origin)
    across = offset @ normal
    if spec.roughness == 0:
        return across
    in_plane = offset - np.outer(across, normal)
    wavelength = FORMULA_CONSTANTS["crack_wavelength"] * spec.length
    return across - spec.roughness * spec.flank * noise(in_plane, wavelength, spec.seed)


def _move_far_piece(effect: DefectEffect, far: BoolArray, spec: CrackSpec) -> None:
    if spec.severed is Severed.REMOVE:
        effect.removed[far] = True
    else:
        effect.displacement[far] += spec.offset
