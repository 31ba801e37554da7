"""Crack: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import require_normals, unit
from backend.geometry.falloff import falloff
from backend.geometry.noise import noise
from shared_schema.constants import FORMULA_CONSTANTS, Falloff
from shared_schema.defects import CrackSpec, Severed


@dataclass(frozen=True, eq=False)
class _Gap:
    """Points about the crack, in its own coordinates.

    Attributes:
        rows: (P,) in the cloud.
        normal: (3,) unit, of the plane.
        inward: (3,) unit, in the plane and into the material.
        wide: (P,) from the middle of the mouth along it, in half lengths.
        deep: (P,) along ``inward``, in depths.
        across: (P,) s, signed distance to the rough crack, positive where the normal points.
        openness: (P,) q, 1 at the middle of the mouth, 0 at the crack front; 1 if severed.
        half: (P,) half of the gap there.
    """

    rows: IntArray
    normal: FloatArray
    inward: FloatArray
    wide: FloatArray
    deep: FloatArray
    across: FloatArray
    openness: FloatArray
    half: FloatArray


def crack(cloud: PointCloud, spec: CrackSpec) -> DefectEffect:
    """Open the part along a patch of a plane, or break it through.

    Raises:
        ReplayError: the cloud has no normals, and there are walls.
    """
    effect = DefectEffect.none(len(cloud))
    severed = spec.severed is not Severed.NO
    if spec.gap == 0 and not severed:
        return effect
    gap = _gap(cloud.points, spec)
    away, side = np.abs(gap.across), np.sign(gap.across)
    lost = gap.half * (1.0 - spec.opening)
    fade = falloff((away - lost) / spec.flank, Falloff.COSINE)
    effect.displacement[gap.rows] = np.outer(side * gap.half * spec.opening * fade, gap.normal)
    effect.weight[gap.rows] = gap.openness * fade
    effect.removed[gap.rows] = away < lost
    if spec.walls > 0:
        effect = _with_walls(effect, cloud, gap, away < lost, spec)
    if severed:
        far = np.zeros(len(cloud), dtype=bool)
        far[gap.rows] = gap.across > 0
        _move_far_piece(effect, far, spec)
    return effect


def _gap(points: FloatArray, spec: CrackSpec) -> _Gap:
    normal = unit(spec.normal)
    inward = unit(np.array(spec.direction) - np.dot(spec.direction, normal) * normal)
    offset = points - np.array(spec.origin)
    wide = offset @ np.cross(normal, inward) * (2.0 / spec.length)
    deep = offset @ inward / spec.depth
    openness = np.clip(1.0 - wide**2 - deep**2, 0.0, 1.0)
    if spec.severed is not Severed.NO:
        openness = np.ones(len(points))
    rows = np.flatnonzero(openness > 0)
    across = _distance_across(offset[rows], normal, spec)
    openness = openness[rows]
    half = openness * spec.gap / 2.0
    return _Gap(rows, normal, inward, wide[rows], deep[rows], across, openness, half)


def _distance_across(offset: FloatArray, normal: FloatArray, spec: CrackSpec) -> FloatArray:
    """s (P,): signed distance to the rough crack surface, positive where the normal points."""
    across = offset @ normal
    if spec.roughness == 0:
        return across
    in_plane = offset - np.outer(across, normal)
    wavelength = FORMULA_CONSTANTS["crack_wavelength"] * spec.length
    return across - spec.roughness * spec.flank * noise(in_plane, wavelength, spec.seed)


def _with_walls(
    effect: DefectEffect, cloud: PointCloud, gap: _Gap, lost: BoolArray, spec: CrackSpec
) -> DefectEffect:
    """``effect`` with the ``lost`` (P,) surface of the mouth's side drawn down over the walls.

    The middle of the gap goes as deep as the walls are seen, which is less where they are closer;
    a point at its edge stays there.
    """
    normals = require_normals(cloud, "a crack with walls")
    mouth = normals[gap.rows] @ gap.inward < -FORMULA_CONSTANTS["mouth_cosine"]
    drawn = np.flatnonzero(lost & mouth)
    wide, deep, half = gap.wide[drawn], gap.deep[drawn], gap.half[drawn]
    away, seen = np.abs(gap.across[drawn]), spec.walls * gap.openness[drawn]
    if spec.severed is Severed.NO:
        front = np.sqrt(np.maximum(1.0 - wide**2, 0.0))
        seen = np.minimum(seen, (front - deep) * spec.depth)
    down = seen * (1.0 - away / (half * (1.0 - spec.opening)))
    if spec.severed is Severed.NO:
        below = np.clip(1.0 - wide**2 - (deep + down / spec.depth) ** 2, 0.0, 1.0)
        half = below * spec.gap / 2.0
    side = np.where(gap.across[drawn] < 0, -1.0, 1.0)
    rows = gap.rows[drawn]
    shift = np.outer(down, gap.inward) + np.outer(side * (half - away), gap.normal)
    effect.displacement[rows] = shift
    effect.removed[rows] = False
    normals = normals.copy()
    normals[rows] = np.outer(-side, gap.normal)
    return DefectEffect(effect.displacement, effect.weight, effect.removed, normals)


def _move_far_piece(effect: DefectEffect, far: BoolArray, spec: CrackSpec) -> None:
    if spec.severed is Severed.REMOVE:
        effect.removed[far] = True
    else:
        effect.displacement[far] += spec.offset
