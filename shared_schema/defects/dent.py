"""Dent: a point pressed into the surface (MPAS-1D), or a bump if the depth is negative."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared_schema.base import Direction, Length, Point, suggested
from shared_schema.constants import Falloff
from shared_schema.defects.base import (
    FACING_ANGLE_DEFAULT,
    Along,
    DefectSpec,
    DefectTemplate,
    FacingAngle,
    Varying,
    VaryingChoice,
)


class DentSpec(DefectSpec):
    """A concrete dent."""

    kind: Literal["dent"] = "dent"
    center: Point = Field(description="Middle of the dent, on the surface.")
    center_normal: Direction | None = Field(
        None, description="Outward normal at the center; null switches the facing test off."
    )
    radius: Length = Field(
        gt=0,
        description="Distance from the center where the dent ends.",
        json_schema_extra=suggested(0.08),
    )
    depth: Length = Field(
        description="Depth at the center, positive into the material; negative makes a bump.",
        json_schema_extra=suggested(0.02),
    )
    falloff: Falloff = Field(Falloff.COSINE, description="Shape of the wall of the dent.")
    direction: Direction | None = Field(
        None, description="Push along this direction instead of along each point's inward normal."
    )
    facing_angle: FacingAngle = FACING_ANGLE_DEFAULT


class DentTemplate(DefectTemplate):
    """A range of dents."""

    spec: ClassVar = DentSpec

    kind: Literal["dent"] = "dent"
    radius: Varying
    depth: Varying
    falloff: VaryingChoice = "cosine"
    direction: Direction | None = None
    along: Along = Along.NORMALS
    facing_angle: Varying = FACING_ANGLE_DEFAULT
