"""Sensors: the effects of a real scanner on a surface; every effect is off by default.

Lengths are in the sensor's own ``unit``, positions in the frame of the scan.
``docs/reference/sensor.md`` has the formula and the source of each effect.
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
    """The sensor stood at places spread evenly around the part and turned at random."""

    type: Literal["around"] = "around"
    count: int = Field(1, ge=1, le=1000, description="Number of places.")
    standoff: float | None = Field(
        None,
        gt=0,
        description="Distance to the sphere about the part's bounding box; null takes the "
        "sphere's diameter.",
        json_schema_extra={"x-quantity": "length"},
    )


class ScanViews(Model):
    """The sensor stood at the viewpoint that was given with the scan."""

    type: Literal["scan"] = "scan"


Views = Annotated[GivenViews | AroundViews | ScanViews, Field(discriminator="type")]


class Resample(Model):
    """The scan's own density is restored where defects stretched or compressed the surface."""

    stretch: Ratio = Field(
        1.3,
        gt=1,
        le=10,
        description="Surface stretched by more than this factor is filled up, and surface "
        "compressed by more than it is thinned.",
    )
    thin: bool = Field(
        True, description="Whether points are removed where the surface is compressed."
    )


class Occlusion(Model):
    """Points that no viewpoint sees are lost."""

    hidden: bool = Field(True, description="Surface behind other surface is lost.")
    max_incidence: Angle = Field(
        1.5,
        gt=0,
        le=1.5707963267948966,
        description="Surface is lost if its normal is turned away from the viewpoint by more than "
        "this angle.",
    )


class RandomDropout(Model):
    """Points are lost independently of each other."""

    model: Literal["random"] = "random"
    share: Share = Field(description="Probability of each point to be lost.")


class IncidenceDropout(Model):
    """Points are lost where the sensor sees the surface at a grazing angle."""

    model: Literal["incidence"] = "incidence"
    sure_cosine: Ratio = Field(
        0.5,
        gt=0,
        le=1,
        description="Smallest cosine of the angle of incidence at which every point is kept; "
        "below it the probability falls in proportion.",
    )


class PatchDropout(Model):
    """Patches are lost, as by reflections, dirt or lost packets."""

    model: Literal["patches"] = "patches"
    share: Share = Field(description="Share of the surface that is lost on average.")
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
        description="Distance at which sigma holds. The noise grows with the square of the "
        "distance, as in triangulation; null: it is the same at every distance.",
        json_schema_extra={"x-quantity": "length"},
    )
    incidence: Incidence = Field(
        Incidence.COSINE, description="How the noise grows with the angle of incidence."
    )
    grazing: Ratio = Field(
        0.05, ge=0, description="Strength of the growth if incidence is hyperbolic."
    )


class CorrelatedNoise(Model):
    """Smooth waves along the normal, as from calibration, fringes or stereo matching."""

    model: Literal["correlated"] = "correlated"
    sigma: Length = Field(ge=0, description="Standard deviation.")
    wavelength: Length = Field(gt=0, description="Longest wavelength; the shortest is half of it.")


class OutlierNoise(Model):
    """Flying points: some points lie off the surface, along the ray."""

    model: Literal["outliers"] = "outliers"
    share: Share = Field(description="Probability of each point to be a flying point.")
    reach: Length = Field(
        gt=0, description="Largest distance from the surface; all distances are equally likely."
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

# Effects that depend on where the sensor stood.
SEEN_FROM = (IncidenceDropout, RayNoise, OutlierNoise, QuantisationNoise)


class Sensor(Model):
    """Effects of a sensor, in the order resample, occlusion, dropout, noise."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = ""
    description: str = Field("", description="The device it stands for, and its sources.")
    unit: Unit = Field(Unit.MM, description="Unit of every length and position.")
    views: Views | None = Field(None, description="Where the sensor stood.")
    resample: Resample | None = Field(None, description="Density of the deformed surface.")
    occlusion: Occlusion | None = Field(None, description="Loss of points that no viewpoint sees.")
    dropout: tuple[AnyDropout, ...] = Field(
        (), max_length=16, description="Losses, which are applied one after the other."
    )
    noise: tuple[AnyNoise, ...] = Field(
        (), max_length=16, description="Noises, which are applied one after the other."
    )

    @model_validator(mode="after")
    def _views_where_needed(self) -> Self:
        seen = [e.model for e in (*self.dropout, *self.noise) if isinstance(e, SEEN_FROM)]
        effects = ["occlusion"] * (self.occlusion is not None) + [str(model) for model in seen]
        if effects and self.views is None:
            raise ValueError(f"{', '.join(effects)}: needs views, which say where the sensor stood")
        return self
