"""Scratch: a groove along a path over the surface (MPAS-1D), or a ridge."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared_schema.base import Direction, Length, Ratio, Seed, suggested
from shared_schema.constants import Falloff
from shared_schema.defects.base import (
    FACING_ANGLE_DEFAULT,
    DefectSpec,
    DefectTemplate,
    FacingAngle,
    Varying,
    VaryingChoice,
    VaryingLength,
)
from shared_schema.locations import SurfacePath


class ScratchSpec(DefectSpec):
    """A concrete scratch."""

    kind: Literal["scratch"] = "scratch"
    path: SurfacePath = Field(description="The line that the scratch follows over the surface.")
    width: Length = Field(
        gt=0,
        description="Full width of the groove; its lips lie outside of it.",
        json_schema_extra=suggested(0.03),
    )
    depth: Length = Field(
        description="Depth along the path, positive into the material; negative makes a ridge.",
        json_schema_extra=suggested(0.01),
    )
    profile: Falloff = Field(Falloff.COSINE, description="Shape of the groove across the path.")
    taper: Ratio = Field(
        0.15,
        ge=0,
        le=0.5,
        description="Share of the length over which the depth fades at each end.",
    )
    pile_up: Ratio = Field(
        0.2, ge=0, le=1, description="Height of the raised lips as a ratio of the depth."
    )
    roughness: Ratio = Field(
        0.0, ge=0, le=1, description="Variation of the depth as a ratio of the depth."
    )
    seed: Seed = Field(0, description="Seed of the roughness.")
    direction: Direction | None = Field(
        None, description="Push along this direction instead of along each point's inward normal."
    )
    facing_angle: FacingAngle = FACING_ANGLE_DEFAULT


class ScratchTemplate(DefectTemplate):
    """A range of scratches: a random heading and length, or the path of the location."""

    spec: ClassVar = ScratchSpec

    kind: Literal["scratch"] = "scratch"
    length: VaryingLength = Field(
        description="Length over the surface, if the location is not a path."
    )
    width: Varying
    depth: Varying
    profile: VaryingChoice = "cosine"
    taper: Varying = 0.15
    pile_up: Varying = 0.2
    roughness: Varying = 0.0
    direction: Direction | None = None
    facing_angle: Varying = FACING_ANGLE_DEFAULT
