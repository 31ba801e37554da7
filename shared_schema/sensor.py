"""Sensors: what a real scanner does to a surface, effect by effect; everything is off by default.

Lengths are in the sensor's own ``unit``, positions in the frame of the scan. What each effect does,
with its formula and source, is in ``docs/reference/sensor.md``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared_schema.base import Angle, Length, Model, Point, Ratio
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.recipe import Unit

Share = Annotated[Ratio, Field(ge=0, lt=1)]


class GivenViews(Model):
    """The sensor stood at these places."""

    type: Literal["given"] = "given"
    viewpoints: tuple[Point, ...] = Field(
        min_length=1, max_length=1000, description="Places of the sensor, in the scan's frame."
    )


class AroundViews(Model):
    """The sensor stood at places spread evenly round the part, turned by chance."""

    type: Literal["around"] = "around"
    count: int = Field(1, ge=1, le=1000, description="How many places.")
    standoff: float | None = Field(
        None,
        gt=0,
        description="Distance to the sphere about the part's bounding box; none takes the "
        "sphere's diameter.",
        json_schema_extra={"x-quantity": "length"},
    )


class ScanViews(Model):
    """The sensor stood where the scan was made from, as told with the scan."""

    type: Literal["scan"] = "scan"


Views = Annotated[GivenViews | AroundViews | ScanViews, Field(discriminator="type")]


class Resample(Model):
    """Restore the scan's own density where defects stretched or compressed the surface."""

    stretch: Ratio = Field(
        1.3,
        gt=1,
        le=10,
        description="Surface stretched by more than this factor is filled up, and surface "
        "compressed by more than it is thinned.",
    )
    thin: bool = Field(True, description="Also take points away where the surface is compressed.")


class Occlusion(Model):
    """Lose what no viewpoint sees."""

    hidden: bool = Field(True, description="Surface behind other surface is lost.")
    max_incidence: Angle = Field(
        1.5,
        gt=0,
        le=1.5707963267948966,
        description="Surface whose normal is turned from the viewpoint by more is lost.",
    )


class RandomDropout(Model):
    """Points are lost independently of each other."""

    model: Literal["random"] = "random"
    share: Share = Field(description="Chance of each point to be lost.")


class IncidenceDropout(Model):
    """Points are lost where the sensor sees the surface at a grazing angle."""

    model: Literal["incidence"] = "incidence"
    sure_cosine: Ratio = Field(
        0.5,
        gt=0,
        le=1,
        description="Cosine of the angle of incidence from which on a point is kept for sure; "
        "below it the chance falls in proportion.",
    )


class PatchDropout(Model):
    """Patches are lost, as by reflections, dirt or lost packets."""

    model: Literal["patches"] = "patches"
    share: Share = Field(description="Share of the surface that is lost, in the mean.")
    radius: Length = Field(gt=0, description="Radius of a patch.")


class NormalNoise(Model):
    """Independent Gaussian noise along the normal."""

    model: Literal["normal"] = "normal"
    sigma: Length = Field(ge=0, description="Standard deviation.")


class Incidence(StrEnum):
    """How the noise along the ray grows with the angle of incidence."""

    NONE = "none"
    COSINE = "cosine"
    HYPERBOLIC = "hyperbolic"


class RayNoise(Model):
    """Independent Gaussian noise along the ray from the viewpoint."""

    model: Literal["ray"] = "ray"
    sigma: Length = Field(ge=0, description="Standard deviation at vertical incidence.")
    distance: float | None = Field(
        None,
        gt=0,
        description="Distance at which that holds; it grows with the square of the distance, as "
        "by triangulation. None: the same at every distance.",
        json_schema_extra={"x-quantity": "length"},
    )
    incidence: Incidence = Field(
        Incidence.COSINE, description="How it grows with the angle of incidence."
    )
    grazing: Ratio = Field(
        0.05, ge=0, description="Strength of the growth where incidence is hyperbolic."
    )


class CorrelatedNoise(Model):
    """Smooth waves along the normal, as by calibration, fringes or stereo matching."""

    model: Literal["correlated"] = "correlated"
    sigma: Length = Field(ge=0, description="Standard deviation.")
    wavelength: Length = Field(gt=0, description="Longest wavelength; the shortest is half of it.")


class OutlierNoise(Model):
    """Flying points: some points lie off the surface, along the ray."""

    model: Literal["outliers"] = "outliers"
    share: Share = Field(description="Chance of each point to be one.")
    reach: Length = Field(
        gt=0, description="Largest distance from the surface; all up to it are equally likely."
    )


class QuantisationNoise(Model):
    """Distances come in steps."""

    model: Literal["quantisation"] = "quantisation"
    step: Length = Field(gt=0, description="Step of the distance to the viewpoint.")


AnyDropout = Annotated[
    RandomDropout | IncidenceDropout | PatchDropout, Field(discriminator="model")
]
AnyNoise = Annotated[
    NormalNoise | RayNoise | CorrelatedNoise | OutlierNoise | QuantisationNoise,
    Field(discriminator="model"),
]

# Effects for which it matters where the sensor stood.
SEEN_FROM = (IncidenceDropout, RayNoise, OutlierNoise, QuantisationNoise)


class Sensor(Model):
    """Effects of a sensor, in the order resample, occlusion, dropout, noise."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = ""
    description: str = Field("", description="What it stands for, and where its numbers are from.")
    unit: Unit = Field(Unit.MM, description="Unit of every length and position.")
    views: Views | None = Field(None, description="Where the sensor stood.")
    resample: Resample | None = Field(None, description="Density of the deformed surface.")
    occlusion: Occlusion | None = Field(None, description="What no viewpoint sees.")
    dropout: tuple[AnyDropout, ...] = Field(
        (), max_length=16, description="Losses, one after the other."
    )
    noise: tuple[AnyNoise, ...] = Field(
        (), max_length=16, description="Noise, one after the other."
    )

    @model_validator(mode="after")
    def _views_where_needed(self) -> Self:
        seen = [e.model for e in (*self.dropout, *self.noise) if isinstance(e, SEEN_FROM)]
        effects = ["occlusion"] * (self.occlusion is not None) + [str(model) for model in seen]
        if effects and self.views is None:
            raise ValueError(f"without views no {', '.join(effects)}: say where the sensor stood")
        return self
