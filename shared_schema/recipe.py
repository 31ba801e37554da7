"""Recipes: an ordered list of concrete defects, and templates from which recipes are drawn."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared_schema.base import Length, Model, Point, without_examples
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.defects import AnyDefect, AnyDefectTemplate
from shared_schema.defects.base import Varying
from shared_schema.locations import BoxRegion, EdgeRandomLocation, SurfaceRandomLocation


class Unit(StrEnum):
    """Length unit of a recipe, a part or a scan.

    >>> fs.Unit("inch") is fs.Unit.INCH
    True
    """

    MM = "mm"
    CM = "cm"
    M = "m"
    UM = "um"
    INCH = "inch"
    FT = "ft"

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The JSON Schema, without the docstring's examples in Python."""
        return without_examples(core_schema, handler)


MM_PER_UNIT: dict[Unit, float] = {
    Unit.MM: 1.0,
    Unit.CM: 10.0,
    Unit.M: 1000.0,
    Unit.UM: 0.001,
    Unit.INCH: 25.4,
    Unit.FT: 304.8,
}


class Lengths(StrEnum):
    """Whether lengths and coordinates of a recipe are absolute, or ratios of the diagonal."""

    ABSOLUTE = "absolute"
    RATIO = "ratio"


class Part(Model):
    """The nominal part that a recipe was made on."""

    name: str = Field("", description="Name of the part or of its model.")
    unit: Unit = Field(Unit.MM, description="Unit of every length, and of the part's coordinates.")
    diagonal: Length = Field(gt=0, description="Diagonal of the nominal part's bounding box.")


class Recipe(Model):
    """Concrete defects in the order in which they are applied; nothing is random in it.

    >>> dent = {"kind": "dent", "center": [0, 0, 10], "radius": 5, "depth": 1}
    >>> part = {"name": "block", "unit": "mm", "diagonal": 30}
    >>> recipe = fs.Recipe.model_validate({"part": part, "defects": [dent]})
    >>> recipe.defects[0].radius
    5.0
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = ""
    part: Part
    lengths: Lengths = Field(
        Lengths.ABSOLUTE,
        description="ratio: lengths and coordinates are multiples of the part's diagonal.",
    )
    origin: Point = Field(
        (0.0, 0.0, 0.0),
        description="Point of the part frame to which all coordinates are relative, in the part's "
        "unit; Blender computes in single precision and is exact only near it.",
    )
    defects: tuple[AnyDefect, ...] = Field((), max_length=1000)


class RecipeTemplate(Model):
    """Ranges and places from which concrete recipes are drawn.

    >>> template = fs.load_template("casting/porosity")
    >>> isinstance(template, fs.RecipeTemplate)
    True
    >>> template.defects[0].kind
    'hole'
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = ""
    unit: Unit = Unit.MM
    lengths: Lengths = Field(
        Lengths.RATIO,
        description="ratio: lengths and coordinates are multiples of the part's diagonal.",
    )
    regions: dict[str, BoxRegion] = Field(
        default_factory=dict, description="Named regions for surface_random locations."
    )
    draws: Varying | None = Field(
        None,
        description="Number of defects of a recipe, drawn at random with replacement; null takes "
        "every defect once, in order.",
    )
    defects: tuple[AnyDefectTemplate, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _regions_exist(self) -> Self:
        for defect in self.defects:
            place = defect.location
            named = None
            if isinstance(place, SurfaceRandomLocation | EdgeRandomLocation):
                named = place.region
            if named is not None and named not in self.regions:
                known = ", ".join(sorted(self.regions)) or "none"
                raise ValueError(f"region {named!r} is not defined; known regions: {known}")
        return self
