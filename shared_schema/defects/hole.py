"""Hole: material missing through a disc, with or without walls (MPAS-1D, beyond the paper)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from shared_schema.base import Direction, Length, Point, Ratio, Seed, suggested
from shared_schema.defects.base import (
    FACING_ANGLE_DEFAULT,
    DefectSpec,
    DefectTemplate,
    FacingAngle,
    Varying,
    VaryingChoice,
)


class HoleWalls(StrEnum):
    """The surface inside the hole."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"


class HoleSpec(DefectSpec):
    """A concrete hole: a cylinder along ``direction``, from the surface down to ``depth``.

    Surface in the cylinder that faces away, such as the far side of a thin wall, is missing
    whatever the walls are: the hole has gone through it.
    """

    kind: Literal["hole"] = "hole"
    center: Point = Field(description="Middle of the hole, on the surface.")
    direction: Direction = Field(
        description="Direction of the hole, from the surface into the material.",
        json_schema_extra=suggested((0.0, 0.0, -1.0)),
    )
    radius: Length = Field(
        gt=0, description="Radius of the hole.", json_schema_extra=suggested(0.06)
    )
    depth: Length = Field(
        ge=0,
        description="Depth of the hole below its center; more than the wall is thick goes through.",
        json_schema_extra=suggested(0.04),
    )
    walls: HoleWalls = Field(
        HoleWalls.NONE,
        description="Surface inside the hole: none, its wall, or its wall and a flat bottom.",
    )
    rim: Length = Field(
        0.0, description="Height of the raised rim about the hole; negative makes a bevel."
    )
    rim_width: Length = Field(
        gt=0,
        description="Distance from the hole where the rim ends.",
        json_schema_extra=suggested(0.02),
    )
    roughness: Ratio = Field(
        0.0, ge=0, le=0.9, description="Variation of the radius around the hole, as a ratio of it."
    )
    seed: Seed = Field(0, description="Seed of the roughness.")
    facing_angle: FacingAngle = FACING_ANGLE_DEFAULT


class HoleTemplate(DefectTemplate):
    """A range of holes at the location, against the normal of the surface."""

    spec: ClassVar = HoleSpec

    kind: Literal["hole"] = "hole"
    radius: Varying
    depth: Varying
    walls: VaryingChoice = "none"
    rim: Varying = 0.0
    rim_width: Varying
    roughness: Varying = 0.0
    facing_angle: Varying = FACING_ANGLE_DEFAULT
