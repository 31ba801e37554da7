"""Crack: the part opens along a patch of a plane, or breaks through (MPAS-2D)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared_schema.base import Direction, Length, Point, Ratio, Seed, Vector, suggested
from shared_schema.defects.base import DefectSpec, DefectTemplate, Varying, VaryingChoice


class Severed(StrEnum):
    """What happens to the piece on the side of the crack's plane to which its normal points."""

    NO = "no"
    SHIFT = "shift"
    REMOVE = "remove"


class CrackSpec(DefectSpec):
    """A concrete crack.

    The crack is half an ellipse in its plane: ``length`` wide at the mouth in the surface,
    ``depth`` deep along ``direction``; a severed one covers the whole plane.
    """

    kind: Literal["crack"] = "crack"
    origin: Point = Field(description="Middle of the crack's mouth, on the surface.")
    normal: Direction = Field(
        description="Normal of the crack's plane: the flanks open along it.",
        json_schema_extra=suggested((1.0, 0.0, 0.0)),
    )
    direction: Direction = Field(
        description="Direction of the crack from the surface into the material; its component "
        "along the plane's normal does not count.",
        json_schema_extra=suggested((0.0, 0.0, -1.0)),
    )
    length: Length = Field(
        gt=0, description="Length of the mouth along the surface.", json_schema_extra=suggested(0.3)
    )
    depth: Length = Field(
        gt=0,
        description="Depth of the crack from its mouth to its front.",
        json_schema_extra=suggested(0.15),
    )
    gap: Length = Field(
        ge=0,
        description="Opening at the middle of the mouth; it closes towards the crack front.",
        json_schema_extra=suggested(0.01),
    )
    opening: Ratio = Field(
        0.5,
        ge=0,
        le=0.9,
        description="Share of the gap that opens by pushing the flanks apart; the rest is lost "
        "material.",
    )
    flank: Length = Field(
        gt=0,
        description="Distance from the gap at which the surface is no longer pushed aside.",
        json_schema_extra=suggested(0.03),
    )
    walls: Length = Field(
        0.0,
        ge=0,
        description="Depth to which the walls of the gap are present; 0: the points in the gap are "
        "removed.",
    )
    roughness: Ratio = Field(
        0.0,
        ge=0,
        le=1,
        description="Largest distance of the crack from its plane, as a ratio of flank.",
    )
    seed: Seed = Field(0, description="Seed of the roughness.")
    severed: Severed = Field(Severed.NO, description="Whether the part is broken through.")
    offset: Vector = Field(
        (0.0, 0.0, 0.0), description="Shift of the far piece, if severed is shift."
    )

    @model_validator(mode="after")
    def _runs_in_plane(self) -> Self:
        n, d = self.normal, self.direction
        dot = sum(x * y for x, y in zip(n, d, strict=True))
        if dot * dot > (1 - 1e-6) * sum(x * x for x in n) * sum(x * x for x in d):
            raise ValueError(f"direction {d} is parallel to normal {n}; it must lie in the plane")
        return self


class CrackTemplate(DefectTemplate):
    """A range of cracks at the location, across a random heading, into the part by its normal."""

    spec: ClassVar = CrackSpec

    kind: Literal["crack"] = "crack"
    length: Varying
    depth: Varying
    gap: Varying
    opening: Varying = 0.5
    flank: Varying
    walls: Varying = 0.0
    roughness: Varying = 0.0
    severed: VaryingChoice = "no"
    offset: Vector = (0.0, 0.0, 0.0)
