"""Scratch: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud import DefectEffect, PointCloud
from backend.defects.push import push_directions, require_normals, unit
from backend.errors import ReplayError
from backend.geometry.facing import facing
from backend.geometry.falloff import falloff, smoothstep
from backend.geometry.noise import noise
from backend.geometry.polyline import (
    NearestOnPolyline,
    arc_lengths,
    nearest_on_polyline,
    points_near_polyline,
)
from shared_schema.constants import FORMULA_CONSTANTS
from shared_schema.defects import ScratchSpec


def scratch(cloud: PointCloud, spec: ScratchSpec) -> DefectEffect:
    """Groove the surface along ``spec.path``, which must be resolved.

    Raises:
        ReplayError: the path is not resolved, or the cloud lacks normals that the spec needs.
    """
    if not spec.path.resolved:
        raise ReplayError(
            f"the path holds only {len(spec.path.points)} anchors; replay the whole recipe, which "
            "joins them over the surface"
        )
    effect = DefectEffect.none(len(cloud))
    if spec.depth == 0:
        return effect
    path = np.array(spec.path.points)
    half_width = spec.width / 2.0
    reach = FORMULA_CONSTANTS["lip_extent"] if spec.pile_up > 0 else 1.0
    near = points_near_polyline(cloud.points, path, half_width * reach)
    place = nearest_on_polyline(cloud.points[near], path)
    strength = _taper(place.arc_length, arc_lengths(path)[-1], spec.taper)
    strength *= _facing(cloud, near, place, spec)
    groove, lip = _profile(place.distance / half_width, spec)
    effect.weight[near] = strength * np.maximum(groove, lip)
    if spec.roughness > 0:
        wavelength = FORMULA_CONSTANTS["scratch_wavelength"] * spec.width
        rough = noise(cloud.points[near] - path[0], wavelength, spec.seed)
        strength = strength * (1.0 + spec.roughness * rough)
    depth = spec.depth * strength * (groove - lip)
    effect.displacement[near] = push_directions(cloud, near, spec.direction) * depth[:, None]
    return effect


def _taper(along: FloatArray, length: float, taper: float) -> FloatArray:
    if taper == 0:
        return np.ones(len(along))
    return smoothstep(np.minimum(along, length - along) / (taper * length))


def _profile(u: FloatArray, spec: ScratchSpec) -> tuple[FloatArray, FloatArray]:
    """Groove and lip, in parts of the depth, at ``u`` half widths from the path."""
    end = FORMULA_CONSTANTS["lip_extent"]
    lip = 0.5 * spec.pile_up * (1.0 - np.cos(2.0 * np.pi * (u - 1.0) / (end - 1.0)))
    return falloff(u, spec.profile), np.where((u > 1.0) & (u < end), lip, 0.0)


def _facing(
    cloud: PointCloud, near: IntArray, place: NearestOnPolyline, spec: ScratchSpec
) -> FloatArray:
    if spec.path.normals is None:
        return np.ones(len(near))
    path_normals = unit(spec.path.normals)
    start, end = path_normals[place.segment], path_normals[place.segment + 1]
    support = unit(start + place.fraction[:, None] * (end - start))
    normals = require_normals(cloud, "the facing test")
    return facing(normals[near], support, spec.facing_angle)
