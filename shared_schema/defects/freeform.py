"""Freeform: bumps and smoothing within a convex hull over the surface (MPAS-3D)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared_schema.base import Direction, Length, Model, Point, suggested
from shared_schema.defects.base import (
    Along,
    DefectSpec,
    DefectTemplate,
    FacingAngle,
    Varying,
    VaryingLength,
)

# Wide, so that a hull over an edge takes both faces in, and only the far side is left.
FACING_ANGLE_OF_HULL = 2.8


class Bump(Model):
    """One Gaussian of the displacement."""

    center: Point
    amplitude: Length = Field(description="Displacement at the center, positive into the material.")
    sigma: Length = Field(gt=0, description="Standard deviation of the Gaussian.")


class FreeformSpec(DefectSpec):
    """A concrete freeform defect."""

    kind: Literal["freeform"] = "freeform"
    hull: tuple[Point, ...] = Field(
        min_length=4, max_length=256, description="Points whose convex hull bounds the defect."
    )
    bumps: tuple[Bump, ...] = Field(
        (), max_length=256, description="Gaussians whose sum displaces the surface."
    )
    margin: Length = Field(
        ge=0,
        description="Soft edge: distance inside the hull over which the defect reaches its full "
        "weight.",
        json_schema_extra=suggested(0.02),
    )
    smoothing: int = Field(
        0, ge=0, le=100, description="Rounds of averaging over the surface's neighbours."
    )
    direction: Direction | None = Field(
        None, description="Push along this direction instead of along each point's inward normal."
    )
    normal: Direction | None = Field(
        None,
        description="Outward normal of the surface that the defect lies on; null switches the "
        "facing test off.",
    )
    facing_angle: FacingAngle = FACING_ANGLE_OF_HULL


class FreeformTemplate(DefectTemplate):
    """A range of freeform defects: a random hull around the location, filled with bumps."""

    spec: ClassVar = FreeformSpec

    kind: Literal["freeform"] = "freeform"
    size: VaryingLength = Field(description="Half the extent of the hull along the surface.")
    amplitude: VaryingLength
    bump_count: Varying = Field(8, description="Number of bumps, as a number or a range.")
    sigma_ratio: Varying = Field(
        0.35, description="Standard deviation of the bumps, as a ratio of size."
    )
    margin_ratio: Varying = Field(0.25, description="Soft edge, as a ratio of size.")
    smoothing: int = Field(0, ge=0, le=100)
    direction: Direction | None = None
    along: Along = Along.NORMALS
    facing_angle: Varying = FACING_ANGLE_OF_HULL
