# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges beside the values of a defect, and the rule by which its place is drawn.

They belong to the object, each to a modifier by its ``persistent_uid``: that number stays when the
modifier is renamed or moved, and when the object is copied. The file keeps them while the
extension is switched off. Lengths are in the object's local space, in single precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import bpy
import numpy as np
from numpy.typing import NDArray

from ..documents.errors import AddonError
from ..documents.schema import Field, defect_schema, fields, resolved, title_of
from .modifiers import defect_kind, defect_modifiers
from .remembered import VARIATIONS_PROPERTY

DRAWS_PROPERTY = "flawsmith_draws"

PLACES = (
    ("DESIGNED", "As Designed", "Where the defect is: at its point, path, plane or hull"),
    ("HERE", "Here, Any Heading", "At the middle of the defect; heading and outline by chance"),
    ("ANYWHERE", "On the Surface", "Anywhere on the surface, or in the region"),
    ("EDGES", "Along Edges", "Along the sharp edges of the part, or of the region"),
    ("NEAR", "Near the First", "Near the first defect; the first one itself anywhere"),
    ("IMPORTED", "As Imported", "As the template says that was imported"),
)
DISTRIBUTIONS = (
    ("uniform", "Uniform", "Every value is as likely as any other"),
    ("log_uniform", "Logarithmic", "Every order of size is as likely as any other"),
)
EDGE_ANGLE = resolved({"$ref": "#/$defs/EdgeRandomLocation"})["properties"]["angle"]

# What a template says of a defect that is no value of the defect itself.
_NOT_VALUES = ("kind", "name", "label", "chance", "location", "repeat", "along")
# A new range reaches this far to both sides of the value, as a part of it.
SPREAD = 0.25


@dataclass(frozen=True)
class TemplateField:
    """A field of a defect's template.

    Attributes:
        name, title, quantity: as in ``schema.Field``.
        varies: ``"Range"``, ``"Choice"``, or none where it is a value only.
        spec: the concrete defect's field of that name, whose bounds hold; None if it has none.
    """

    name: str
    title: str
    quantity: str | None
    varies: str | None
    spec: Field | None

    def clip(self, value: float) -> float:
        """``value``, or the bound that single precision has rounded it just beyond."""
        return self.spec.clip(value) if self.spec else value


def template_fields(kind: str) -> tuple[TemplateField, ...]:
    """The values that a template of a ``kind`` holds, in the schema's order."""
    spec = {field.name: field for field in fields(kind)}
    properties = defect_schema(kind, "RecipeTemplate")["properties"]
    found = []
    for name, schema in properties.items():
        if name not in _NOT_VALUES:
            own = spec.get(name)
            quantity = own.quantity if own else schema.get("x-quantity")
            found.append(TemplateField(name, title_of(name), quantity, _varies(schema), own))
    return tuple(found)


def _varies(schema: Any) -> str | None:
    options = {option.get("$ref", "").rpartition("/")[2] for option in schema.get("anyOf", ())}
    return next((name for name in ("Range", "Choice") if name in options), None)


def _as(name: str) -> dict[str, Any]:
    """Reads and writes ``name`` under another name, to show it in another unit."""
    return {
        "get": lambda self: getattr(self, name),
        "set": lambda self, value: setattr(self, name, value),
    }


class FLAWSMITH_PG_range(bpy.types.PropertyGroup):  # noqa: N801
    """What a field of a defect is drawn from."""

    field: bpy.props.StringProperty(name="Field")  # type: ignore[valid-type]
    low: bpy.props.FloatProperty(name="Min", description="Smallest value that is drawn")  # type: ignore[valid-type]
    high: bpy.props.FloatProperty(name="Max", description="Largest value that is drawn")  # type: ignore[valid-type]
    low_length: bpy.props.FloatProperty(name="Min", subtype="DISTANCE", **_as("low"))  # type: ignore[valid-type]
    high_length: bpy.props.FloatProperty(name="Max", subtype="DISTANCE", **_as("high"))  # type: ignore[valid-type]
    low_angle: bpy.props.FloatProperty(name="Min", subtype="ANGLE", **_as("low"))  # type: ignore[valid-type]
    high_angle: bpy.props.FloatProperty(name="Max", subtype="ANGLE", **_as("high"))  # type: ignore[valid-type]
    distribution: bpy.props.EnumProperty(name="Distribution", items=DISTRIBUTIONS)  # type: ignore[valid-type]
    random_sign: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Random Sign", description="Flip the sign of the drawn value half the time"
    )
    choices: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Choices", description="Values separated by commas; one of them is drawn"
    )

    def as_document(self, field: TemplateField) -> dict[str, Any]:
        """The range as a template's JSON holds it."""
        if field.varies == "Choice":
            return {"choices": [choice for choice in self.choices.split(",") if choice]}
        drawn = {"min": field.clip(self.low), "max": field.clip(self.high)}
        if self.distribution != "uniform":
            drawn["distribution"] = self.distribution
        return {**drawn, "random_sign": True} if self.random_sign else drawn


class FLAWSMITH_PG_variation(bpy.types.PropertyGroup):  # noqa: N801
    """How a defect is drawn: its ranges, and the rule of its place."""

    uid: bpy.props.IntProperty()  # type: ignore[valid-type]
    ranges: bpy.props.CollectionProperty(type=FLAWSMITH_PG_range)  # type: ignore[valid-type]
    place: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Place", items=PLACES, description="Where recipes put the defect"
    )
    region: bpy.props.PointerProperty(  # type: ignore[valid-type]
        name="Region",
        type=bpy.types.Object,
        description="Box to which the place is restricted: the bounds of this object",
    )
    edge_angle: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Edge Angle",
        subtype="ANGLE",
        default=EDGE_ANGLE["default"],
        min=0.001,
        max=EDGE_ANGLE["maximum"],
        description="Surface that turns by more than this is an edge",
    )
    distance: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Distance",
        subtype="DISTANCE",
        default=1.0,
        min=1e-9,
        description="Largest distance from the first defect",
    )
    imported: bpy.props.StringProperty(  # type: ignore[valid-type]
        description="The location of the template that was imported, as JSON, in local space"
    )
    chance: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Chance",
        default=1.0,
        min=1e-6,
        description="Relative probability to be drawn, if a recipe gets only some of the defects",
    )
    auto_label: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Number Labels", description="Number the drawn defects of a recipe 1, 2, and so on"
    )
    along_place: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Push Straight In",
        description="Push along the normal of the place instead of the given direction",
    )
    use_repeat: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Repeat", description="Draw a row of such defects instead of one"
    )
    count_min: bpy.props.FloatProperty(name="Count Min", default=2.0, min=1.0)  # type: ignore[valid-type]
    count_max: bpy.props.FloatProperty(name="Max", default=5.0, min=1.0)  # type: ignore[valid-type]
    spacing_min: bpy.props.FloatProperty(name="Spacing Min", subtype="DISTANCE", default=1.0)  # type: ignore[valid-type]
    spacing_max: bpy.props.FloatProperty(name="Max", subtype="DISTANCE", default=1.0)  # type: ignore[valid-type]


class FLAWSMITH_PG_draws(bpy.types.PropertyGroup):  # noqa: N801
    """How many of a stack's defects a recipe gets."""

    use: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Only Some",
        description="Draw some of the defects for a recipe; otherwise it gets each of them once",
    )
    low: bpy.props.FloatProperty(name="Min", default=1.0, min=0.0)  # type: ignore[valid-type]
    high: bpy.props.FloatProperty(name="Max", default=1.0, min=0.0)  # type: ignore[valid-type]


def variation_of(modifier: bpy.types.Modifier) -> Any:
    """How a defect is drawn; None if nothing has been said."""
    there: Any = getattr(modifier.id_data, VARIATIONS_PROPERTY, ())
    return next((one for one in there if one.uid == modifier.persistent_uid), None)


def ensure_variation(modifier: bpy.types.Modifier) -> Any:
    """How a defect is drawn, to be changed; those of defects that are gone are forgotten.

    Raises:
        AddonError: the modifier is no defect, or the extension is switched off.
    """
    if defect_kind(modifier) is None:
        raise AddonError(f"modifier {modifier.name!r} is not a defect of flawsmith")
    obj: Any = modifier.id_data
    if not hasattr(obj, VARIATIONS_PROPERTY):
        raise AddonError("ranges need the Flawsmith extension switched on")
    found = variation_of(modifier)
    if found is None:
        _forget_removed(obj)
        found = getattr(obj, VARIATIONS_PROPERTY).add()
        found.uid = modifier.persistent_uid
    return found


def copy_variation(source: bpy.types.Modifier, target: bpy.types.Modifier) -> None:
    """Give a copy of a defect, on the same object or another, what the original varies by."""
    given = variation_of(source)
    if given is None:
        return
    ensure_variation(target)
    # Making one may have moved the other.
    given, copy = variation_of(source), variation_of(target)
    _copy_properties(given, copy, ("uid", "ranges"))
    copy.ranges.clear()
    for one in given.ranges:
        _copy_properties(one, copy.ranges.add(), ())


def _copy_properties(source: Any, target: Any, but: tuple[str, ...]) -> None:
    for name in [found.identifier for found in source.bl_rna.properties]:
        views = name.endswith(("_length", "_angle")) and name != "edge_angle"
        if name not in ("rna_type", "name", *but) and not views:
            setattr(target, name, getattr(source, name))


def _forget_removed(obj: Any) -> None:
    there = {modifier.persistent_uid for modifier in obj.modifiers}
    variations = getattr(obj, VARIATIONS_PROPERTY)
    for index in reversed(range(len(variations))):
        if variations[index].uid not in there:
            variations.remove(index)


def template_field(modifier: bpy.types.Modifier, name: str) -> TemplateField:
    """A field of the template of a defect.

    Raises:
        AddonError: the kind has none of that name.
    """
    kind = str(defect_kind(modifier))
    known = {field.name: field for field in template_fields(kind)}
    if name not in known:
        raise AddonError(f"a {kind} has no {name!r} to vary; it has {', '.join(known)}")
    return known[name]


def range_of(modifier: bpy.types.Modifier, name: str) -> Any:
    """The range beside a field; None if its value is fixed."""
    found = variation_of(modifier)
    return next((one for one in found.ranges if one.field == name), None) if found else None


def set_range(modifier: bpy.types.Modifier, name: str, drawn: dict[str, Any]) -> Any:
    """Put a range beside a field.

    Args:
        modifier: the defect.
        name: a field that may vary.
        drawn: as a template's JSON: ``min``, ``max``, ``distribution`` and ``random_sign``, or
            ``choices``; lengths in local space.

    Raises:
        AddonError: the field cannot vary so.
    """
    field = template_field(modifier, name)
    if field.varies != ("Choice" if "choices" in drawn else "Range"):
        raise AddonError(f"{field.title} of a {defect_kind(modifier)} cannot vary in this way")
    one = range_of(modifier, name) or ensure_variation(modifier).ranges.add()
    one.field = name
    if "choices" in drawn:
        one.choices = ",".join(drawn["choices"])
        return one
    one.low, one.high = drawn["min"], drawn["max"]
    one.distribution = drawn.get("distribution", "uniform")
    one.random_sign = drawn.get("random_sign", False)
    return one


def clear_range(modifier: bpy.types.Modifier, name: str) -> None:
    """Fix the value of a field again."""
    found = variation_of(modifier)
    for index, one in enumerate(found.ranges if found else ()):
        if one.field == name:
            found.ranges.remove(index)
            return


def spread_about(field: TemplateField, value: Any) -> dict[str, Any]:
    """A first range about a value, within the field's bounds."""
    if field.varies == "Choice":
        return {"choices": list(field.spec.choices) if field.spec else [value]}
    if isinstance(value, dict):
        return value
    reach = SPREAD * abs(value)
    low = field.spec.low if field.spec else 0.0
    high = field.spec.high if field.spec else math.inf
    return {"min": max(value - reach, low), "max": min(value + reach, high)}


def scale_ranges(obj: bpy.types.Object, factor: float) -> None:
    """Multiply the lengths of an object's ranges and place rules."""
    for modifier in defect_modifiers(obj):
        one = variation_of(modifier)
        if one is None:
            continue
        for name in ("distance", "spacing_min", "spacing_max"):
            setattr(one, name, getattr(one, name) * factor)
        for drawn in one.ranges:
            if template_field(modifier, drawn.field).quantity == "length":
                drawn.low, drawn.high = drawn.low * factor, drawn.high * factor


def new_region(
    obj: bpy.types.Object, name: str, low: NDArray[np.float64], high: NDArray[np.float64]
) -> bpy.types.Object:
    """An empty box below the part, from ``low`` (3,) to ``high`` (3,) in its local space."""
    region = bpy.data.objects.new(name, None)
    region.empty_display_type, region.empty_display_size = "CUBE", 1.0
    region.parent = obj
    region.location = ((low + high) / 2.0).tolist()
    region.scale = np.maximum((high - low) / 2.0, np.finfo(np.float32).tiny).tolist()
    for collection in obj.users_collection:
        collection.objects.link(region)
    return region


def region_box(obj: bpy.types.Object, region: bpy.types.Object) -> NDArray[np.float64]:
    """Lowest and highest corner (2, 3) of a region in the part's local space.

    Raises:
        AddonError: the region has no extent, or is turned against the part.
    """
    if region.type == "EMPTY":
        size = region.empty_display_size
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * size
    else:
        corners = np.array(region.bound_box, dtype=np.float64)
    if region.parent == obj:
        to_part = np.array(region.matrix_parent_inverse @ region.matrix_basis)
    else:
        to_part = np.array(obj.matrix_world.inverted_safe() @ region.matrix_world)
    placed = corners @ to_part[:3, :3].T + to_part[:3, 3]
    low, high = placed.min(axis=0), placed.max(axis=0)
    own = np.prod(np.ptp(corners, axis=0)) * abs(np.linalg.det(to_part[:3, :3]))
    if not (high > low).all():
        raise AddonError(f"region {region.name!r} is flat; choose an object with an extent")
    if not np.isclose(np.prod(high - low), own, rtol=1e-3):
        raise AddonError(
            f"region {region.name!r} is turned against the part; "
            "a region's sides run along the part's axes"
        )
    return np.stack([low, high])


CLASSES = (FLAWSMITH_PG_range, FLAWSMITH_PG_variation, FLAWSMITH_PG_draws)


def register() -> None:
    """Add the properties to Blender's objects."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    of_object, props = bpy.types.Object, cast(Any, bpy.props)
    setattr(of_object, VARIATIONS_PROPERTY, props.CollectionProperty(type=FLAWSMITH_PG_variation))
    setattr(of_object, DRAWS_PROPERTY, props.PointerProperty(type=FLAWSMITH_PG_draws))


def unregister() -> None:
    """Take them away; files keep their values."""
    for name in (DRAWS_PROPERTY, VARIATIONS_PROPERTY):
        delattr(bpy.types.Object, name)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
