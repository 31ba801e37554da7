"""The fields that all defects share, and those that all templates of defects share."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from shared_schema.base import Angle, Model, Ratio
from shared_schema.locations import Location, SurfaceRandomLocation


class DefectSpec(Model):
    """Fields common to all concrete defects."""

    kind: str
    name: str = Field(
        "", max_length=63, description="Name of the defect, as shown in the modifier stack."
    )
    label: int = Field(
        1, ge=1, le=65_535, description="Number that this defect's points get in the label map."
    )
    mask_threshold: Ratio = Field(
        0.1, ge=0.0, lt=1.0, description="A point is anomalous if its weight exceeds this."
    )


FacingAngle = Annotated[
    Angle,
    Field(
        ge=0.5,
        le=3.141592653589793,
        description="Surface whose normal is turned away by this angle or more does not change, so "
        "that the far side of a thin wall stays; up to half of it, the effect is full.",
    ),
]
FACING_ANGLE_DEFAULT = 2.0


class Distribution(StrEnum):
    """How a value is drawn between the ends of a range."""

    UNIFORM = "uniform"
    LOG_UNIFORM = "log_uniform"


class Range(Model):
    """A number that is drawn between ``min`` and ``max`` for every recipe."""

    min: float
    max: float
    distribution: Distribution = Distribution.UNIFORM
    random_sign: bool = Field(False, description="Flip the sign of the drawn value half the time.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        if self.distribution is Distribution.LOG_UNIFORM and self.min <= 0:
            raise ValueError(f"log_uniform needs min > 0; got {self.min}")
        return self

    def ends(self) -> tuple[float, ...]:
        """The extreme values that may be drawn."""
        ends = (self.min, self.max)
        return ends + tuple(-end for end in ends) if self.random_sign else ends


class Choice(Model):
    """One of several values, drawn with equal probability."""

    choices: tuple[str, ...] = Field(min_length=1)

    def ends(self) -> tuple[str, ...]:
        """Every value that may be drawn."""
        return self.choices


Varying = float | Range
VaryingLength = Annotated[Varying, Field(json_schema_extra={"x-quantity": "length"})]
VaryingChoice = str | Choice


class Along(StrEnum):
    """The direction in which a drawn defect pushes if its template gives none."""

    NORMALS = "normals"
    PLACE = "place"


class Repeat(Model):
    """A row of defects instead of one, such as the marks of a tool that chatters."""

    count: Varying = Field(description="Number of defects, as a number or a range.")
    spacing: VaryingLength = Field(
        description="Distance from one defect to the next over the surface."
    )


class DefectTemplate(Model):
    """A defect with ranges in place of values, and a location in place of coordinates.

    A field with the name of a field of the concrete defect has to stay within its bounds.
    """

    spec: ClassVar[type[DefectSpec]]

    kind: str
    name: str = Field("", max_length=63)
    label: int | Literal["auto"] = Field(
        "auto", description="Label in the map; auto numbers the drawn defects 1, 2, …"
    )
    mask_threshold: Varying = 0.1
    chance: float = Field(
        1.0, gt=0, description="Relative probability to be drawn, if the template draws a subset."
    )
    location: Location = Field(default_factory=SurfaceRandomLocation)
    repeat: Repeat | None = Field(
        None,
        description="Draw a row of such defects across a random heading, centred at the location.",
    )

    @field_validator("repeat")
    @classmethod
    def _at_least_one(cls, repeat: Repeat | None) -> Repeat | None:
        if repeat is not None and min(_ends(repeat.count)) < 1:
            raise ValueError(f"repeat.count: {min(_ends(repeat.count))} is less than 1")
        return repeat

    @model_validator(mode="after")
    def _within_bounds_of_spec(self) -> Self:
        for name in type(self).model_fields.keys() & self.spec.model_fields.keys() - {"kind"}:
            for value in _ends(getattr(self, name)):
                _check_field(self.spec, name, value)
        return self


def _ends(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Range | Choice):
        return value.ends()
    return () if value is None or value == "auto" else (value,)


def _must(error: ValidationError) -> str:
    return error.errors()[0]["msg"].replace("Input should be", "it must be")


def _check_field(spec: type[DefectSpec], name: str, value: object) -> None:
    try:
        _adapter(spec, name).validate_python(value)
    except ValidationError as error:
        raise ValueError(f"{name}: {value!r} is out of bounds: {_must(error)}") from None


@cache
def _adapter(spec: type[DefectSpec], name: str) -> TypeAdapter[object]:
    """What checks values of one field of a concrete defect; making it takes milliseconds."""
    field = spec.model_fields[name]
    annotated: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotated)
