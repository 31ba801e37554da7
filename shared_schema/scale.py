"""Change of scale. The schema says which fields are lengths, so no list of names is needed."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic.fields import FieldInfo

from shared_schema.base import Model
from shared_schema.recipe import Lengths, Recipe

ModelT = TypeVar("ModelT", bound=Model)

SCALED_QUANTITIES = {"length", "point", "vector"}


def in_absolute_lengths(recipe: Recipe) -> Recipe:
    """The recipe with every length and coordinate in the part's unit."""
    if recipe.lengths is Lengths.ABSOLUTE:
        return recipe
    defects = tuple(scaled(defect, recipe.part.diagonal) for defect in recipe.defects)
    return recipe.model_copy(update={"lengths": Lengths.ABSOLUTE, "defects": defects})


def scaled(model: ModelT, factor: float) -> ModelT:
    """A copy with every length, point and vector multiplied by ``factor``."""
    update = {
        name: _scaled_value(getattr(model, name), quantity_of(field), field.annotation, factor)
        for name, field in type(model).model_fields.items()
    }
    return model.model_copy(update=update)


def _scaled_value(value: Any, quantity: str | None, annotation: Any, factor: float) -> Any:
    if value is None:
        return None
    if quantity in SCALED_QUANTITIES:
        return tuple(x * factor for x in value) if isinstance(value, tuple) else value * factor
    if isinstance(value, Model):
        return scaled(value, factor)
    if isinstance(value, tuple):
        item = (get_args(annotation) or (None,))[0]
        item_quantity = next(
            (quantity_of(x) for x in getattr(item, "__metadata__", ()) if isinstance(x, FieldInfo)),
            None,
        )
        return tuple(_scaled_value(x, item_quantity, item, factor) for x in value)
    return value


def quantity_of(field: FieldInfo) -> str | None:
    """The field's ``x-quantity``; None if the field is not a quantity."""
    extra = field.json_schema_extra
    return str(extra["x-quantity"]) if isinstance(extra, dict) and "x-quantity" in extra else None
