"""The frozen base model, and the physical quantities of the fields.

Each quantity publishes its meaning as ``x-quantity`` in the JSON Schema. The Blender sockets take
their subtype from it, and a change of scale finds the fields to scale by it:

==========  =====================================================================
length      in the recipe's unit, or a ratio of the part's diagonal
point       three lengths, a position in the part frame relative to ``Recipe.origin``
vector      three lengths, a shift in the part frame
direction   three numbers in the part frame, of any length except zero
angle       radians
ratio       a number without unit
==========  =====================================================================

``x-suggested`` is a sensible value for a new defect, lengths as a ratio of the part's diagonal.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


def without_examples(core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """The JSON Schema whose description is the docstring up to its examples in Python."""
    schema = handler(core_schema)
    resolved = handler.resolve_ref_schema(schema)
    if "description" in resolved:
        resolved["description"] = resolved["description"].partition(">>>")[0].rstrip()
    return schema


class Model(BaseModel):
    """A frozen model that refuses unknown fields and numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The JSON Schema, without the docstring's examples in Python."""
        return without_examples(core_schema, handler)


def suggested(value: object) -> dict[str, Any]:
    """JSON Schema extra that proposes ``value`` for a new defect (lengths: ratio of diagonal)."""
    return {"x-suggested": value}


def _check_direction(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    if sum(component * component for component in vector) < 1e-24:
        raise ValueError("a direction needs a length greater than zero")
    return vector


Triple = tuple[float, float, float]

Length = Annotated[float, Field(json_schema_extra={"x-quantity": "length"})]
Angle = Annotated[float, Field(json_schema_extra={"x-quantity": "angle"})]
Ratio = Annotated[float, Field(json_schema_extra={"x-quantity": "ratio"})]
Point = Annotated[Triple, Field(json_schema_extra={"x-quantity": "point"})]
Vector = Annotated[Triple, Field(json_schema_extra={"x-quantity": "vector"})]
Direction = Annotated[
    Triple,
    AfterValidator(_check_direction),
    Field(json_schema_extra={"x-quantity": "direction"}),
]
Seed = Annotated[
    int,
    # Six digits are exact in float32, in which Blender's nodes compute.
    Field(ge=0, le=999_999, json_schema_extra={"x-quantity": "seed"}),
]
