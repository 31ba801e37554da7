"""Deposit: material added on the surface, such as weld spatter or a foreign body (MPAS-1D)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared_schema.base import Direction, Length, Point, Ratio, Seed, suggested
from shared_schema.defects.base import (
    FACING_ANGLE_DEFAULT,
    DefectSpec,
    DefectTemplate,
    FacingAngle,
    Varying,
)


class DepositSpec(DefectSpec):
    """A concrete deposit: the cap of a sphere on a disc, stretched along ``heading``.

    With a height up to the radius it is a flat drop, with a greater one an overhanging ball.
    """

    kind: Literal["deposit"] = "deposit"
    center: Point = Field(description="Middle of the deposit's foot, on the surface.")
    normal: Direction = Field(
        description="Outward normal at the center, along which the deposit rises.",
        json_schema_extra=suggested((0.0, 0.0, 1.0)),
    )
    radius: Length = Field(
        gt=0,
        description="Radius of the foot, across the heading.",
        json_schema_extra=suggested(0.05),
    )
    height: Length = Field(
        ge=0,
        description="Height of the deposit over its center.",
        json_schema_extra=suggested(0.04),
    )
    heading: Direction = Field(
        description="Direction in which the deposit is stretched; its component along the normal "
        "does not count.",
        json_schema_extra=suggested((1.0, 0.0, 0.0)),
    )
    stretch: Ratio = Field(
        1.0, ge=1, le=50, description="Length of the foot along the heading over its width."
    )
    roughness: Ratio = Field(
        0.0, ge=0, le=1, description="Variation of the height as a ratio of the height."
    )
    seed: Seed = Field(0, description="Seed of the roughness.")
    facing_angle: FacingAngle = FACING_ANGLE_DEFAULT

    @model_validator(mode="after")
    def _heading_off_normal(self) -> Self:
        n, h = self.normal, self.heading
        dot = sum(x * y for x, y in zip(n, h, strict=True))
        if dot * dot > (1 - 1e-6) * sum(x * x for x in n) * sum(x * x for x in h):
            raise ValueError(
                f"heading {h} is parallel to normal {n}; it must run along the surface"
            )
        return self


class DepositTemplate(DefectTemplate):
    """A range of deposits at the location, stretched in a random heading."""

    spec: ClassVar = DepositSpec

    kind: Literal["deposit"] = "deposit"
    radius: Varying
    height: Varying
    stretch: Varying = 1.0
    roughness: Varying = 0.0
    facing_angle: Varying = FACING_ANGLE_DEFAULT
