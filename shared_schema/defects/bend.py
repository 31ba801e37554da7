"""Bend: the part turns about a hinge behind a plane through it (MPAS-2D)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared_schema.base import Angle, Direction, Length, Point, suggested
from shared_schema.defects.base import DefectSpec, DefectTemplate, Varying


class BendSpec(DefectSpec):
    """A concrete bend."""

    kind: Literal["bend"] = "bend"
    hinge_point: Point = Field(description="A point of the hinge; the bend's band starts here.")
    hinge_axis: Direction = Field(
        description="Axis of the hinge; the angle turns about it by the right-hand rule.",
        json_schema_extra=suggested((0.0, 1.0, 0.0)),
    )
    side: Direction = Field(
        description="Direction from the hinge to the side that turns; its component along the axis "
        "does not count.",
        json_schema_extra=suggested((1.0, 0.0, 0.0)),
    )
    angle: Angle = Field(
        ge=-3.141592653589793,
        le=3.141592653589793,
        description="Angle by which the side turns.",
        json_schema_extra=suggested(0.35),
    )
    band: Length = Field(
        gt=0,
        description="Length, along the side, over which the bend is spread.",
        json_schema_extra=suggested(0.15),
    )

    @model_validator(mode="after")
    def _side_off_axis(self) -> Self:
        a, s = self.hinge_axis, self.side
        cross = (a[1] * s[2] - a[2] * s[1], a[2] * s[0] - a[0] * s[2], a[0] * s[1] - a[1] * s[0])
        size = sum(x * x for x in cross) / (sum(x * x for x in a) * sum(x * x for x in s))
        if size < 1e-6:
            raise ValueError(f"side {s} is parallel to hinge_axis {a}; it must point away from it")
        return self


class BendTemplate(DefectTemplate):
    """A range of bends: the location gives the plane, the section's shape gives the hinge."""

    spec: ClassVar = BendSpec

    kind: Literal["bend"] = "bend"
    angle: Varying
    band: Varying
