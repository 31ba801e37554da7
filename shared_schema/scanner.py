"""Virtual scanners that measure a part ray by ray; the Blender extension runs them.

A ``Sensor`` applies the effects of a real sensor to a replayed cloud. A scanner needs no cloud: it
measures the surface of the part with its defects. Angles are in radians, lengths in the scanner's
own ``unit``. ``docs/reference/scanner.md`` has the formula and the source of each effect.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared_schema.base import Angle, Length, Model
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.recipe import Unit
from shared_schema.sensor import (
    AroundViews,
    GivenViews,
    IncidenceDropout,
    RandomDropout,
    RayNoise,
)

Pixels = Annotated[int, Field(ge=8, le=8192)]
ScannerDropout = Annotated[RandomDropout | IncidenceDropout, Field(discriminator="model")]


class Scanner(Model):
    """A camera that measures a point through the middle of each pixel, from several views."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = ""
    description: str = Field("", description="The device it stands for, and its sources.")
    unit: Unit = Field(Unit.MM, description="Unit of every length and position.")
    width: Pixels = Field(512, description="Pixels of a row.")
    height: Pixels = Field(512, description="Pixels of a column; pixels are square.")
    field_of_view: Angle = Field(
        0.6, ge=0.01, le=2.6, description="Angle that the shorter side of the image spans."
    )
    views: Annotated[GivenViews | AroundViews, Field(discriminator="type")] = Field(
        AroundViews(count=4),
        description="Places of the camera; it looks at the middle of the part's bounding box.",
    )
    baseline: Length = Field(
        0.0,
        ge=0,
        description="Distance from the camera to the projector, on its right; surface in the "
        "projector's shadow is lost. 0: the projector is where the camera is.",
    )
    max_incidence: Angle = Field(
        1.3,
        gt=0,
        le=1.5707963267948966,
        description="Surface is lost if its normal is turned away from the camera, or from the "
        "projector, by more than this angle.",
    )
    dropout: tuple[ScannerDropout, ...] = Field(
        (), max_length=16, description="Losses, which are applied one after the other."
    )
    noise: RayNoise | None = Field(None, description="Noise along the ray from the camera.")
    spacing: float | None = Field(
        None,
        gt=0,
        description="One point of all views is kept in each cube of this size; null keeps all.",
        json_schema_extra={"x-quantity": "length"},
    )
