# SPDX-License-Identifier: GPL-3.0-or-later
"""Between an object's stack of defects, with its ranges, and a template.

A template draws defects at places of a surface. So what a drawn defect takes from its place, such
as the heading of a deposit, is not in it; and coordinates, which have no origin of their own in a
template, are those of the part frame.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..documents.atomic_files import write_text
from ..documents.errors import AddonError
from ..documents.schema import (
    MM_PER_UNIT,
    SCHEMA_VERSION,
    changed,
    completed,
    defect_schema,
    model,
    resolved,
)
from ..parts.frame import part_origin, part_unit
from ..placing.places import HULL_RADIUS, Place, place_at, placed_values, separated_vertices
from ..placing.surface_paths import Surface, surface_path
from ..stack import ranges
from ..stack.baked import require_unbaked
from ..stack.labels import labels_past
from ..stack.modifiers import add_defect, defect_kind, diagonal, read_values, shown_defects
from ..stack.scaling import require_true_size
from .recipes import (
    NAME_PROPERTY,
    Document,
    as_text,
    changing_stack,
    first_new_label,
    join_anchors,
    load_document,
    recipe_name,
    require_valid,
    settle_names,
)

Floats = NDArray[np.float64]
Values = dict[str, Any]

GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))
# How far from the middle the bumps of an imported freeform defect reach, as a part of its size.
BUMPS_REACH = 0.7


def template_of(obj: bpy.types.Object) -> Document:
    """The object's defects as a template, in absolute lengths; without those switched off.

    Raises:
        AddonError: there are no defects, the object is scaled, defects were applied to its mesh,
            or a value or range breaks the schema; the message names the defect and the field.
    """
    require_true_size(obj)
    require_unbaked(obj)
    shown = shown_defects(obj)
    if not shown:
        raise AddonError(f"{obj.name!r} has no defects to draw; add some first")
    document = {
        "schema_version": SCHEMA_VERSION,
        "name": str(obj.get(NAME_PROPERTY, obj.name)),
        "unit": part_unit(obj),
        "lengths": "absolute",
        "regions": _regions(obj, shown),
        "defects": [_defect_template(modifier) for modifier in shown],
    }
    draws: Any = getattr(obj, ranges.DRAWS_PROPERTY, None)
    if draws is not None and draws.use:
        document["draws"] = _span(draws.low, draws.high)
    require_valid(document, "RecipeTemplate")
    return document


def save_template(path: Path, obj: bpy.types.Object) -> None:
    """Write the object's template as JSON; raises as ``template_of`` does."""
    write_text(path, as_text(template_of(obj)))


def load_template(path: Path) -> Document:
    """Read a template; raises as ``load_document`` does."""
    return load_document(path, "RecipeTemplate")


def _regions(obj: bpy.types.Object, modifiers: list[Any]) -> Document:
    variations = [ranges.variation_of(modifier) for modifier in modifiers]
    used = {one.region for one in variations if one is not None and _takes_region(one)}
    boxes = {region.name: ranges.region_box(obj, region) + part_origin(obj) for region in used}
    return {
        name: {"min": low.tolist(), "max": high.tolist()}
        for name, (low, high) in sorted(boxes.items())
    }


def _takes_region(variation: Any) -> bool:
    return variation.place in ("ANYWHERE", "EDGES") and variation.region is not None


def _defect_template(modifier: Any) -> Document:
    kind, values = str(defect_kind(modifier)), read_values(modifier)
    variation = ranges.variation_of(modifier)
    template: Document = {"kind": kind, "name": recipe_name(modifier), "label": values["label"]}
    template["location"] = _location(modifier, values)
    for field in ranges.template_fields(kind):
        drawn = ranges.range_of(modifier, field.name)
        value = drawn.as_document(field) if drawn else value_of(field.name, values)
        if value is not None:
            template[field.name] = value
    if variation is not None:
        template.update(_rules(variation))
        if variation.along_place:
            template.pop("direction", None)
    return template


def _rules(variation: Any) -> Document:
    rules: Document = {"chance": variation.chance}
    if variation.auto_label:
        rules["label"] = "auto"
    if variation.along_place:
        rules["along"] = "place"
    if variation.use_repeat:
        rules["repeat"] = {
            "count": _span(variation.count_min, variation.count_max),
            "spacing": _span(variation.spacing_min, variation.spacing_max),
        }
    return rules


def _span(low: float, high: float) -> Any:
    return low if low == high else {"min": low, "max": high}


def value_of(name: str, values: Values) -> Any:
    """What a defect's values are as a field of its template; None where it has none."""
    return DERIVED[name](values) if name in DERIVED else values.get(name)


def _path_length(values: Values) -> float:
    steps = np.diff(np.array(values["path"]["points"]), axis=0)
    return float(np.linalg.norm(steps, axis=1).sum())


def _hull_size(values: Values) -> float:
    """Half the extent of the hull along its longest side."""
    return float(np.ptp(np.array(values["hull"]), axis=0).max() / 2.0)


def _amplitude(values: Values) -> Any:
    amplitudes = np.array([bump["amplitude"] for bump in values["bumps"]] or [0.0])
    signs = np.sign(amplitudes[amplitudes != 0.0])
    if len(set(signs)) < 2:
        return _span(float(amplitudes.min()), float(amplitudes.max()))
    sizes = np.abs(amplitudes)
    return {"min": float(sizes.min()), "max": float(sizes.max()), "random_sign": True}


def _sigma_ratio(values: Values) -> Any:
    sigmas = np.array([bump["sigma"] for bump in values["bumps"]])
    ratios = sigmas / _hull_size(values)
    return _span(float(ratios.min()), float(ratios.max())) if len(sigmas) else None


# Fields of a template that the concrete defect does not have.
DERIVED: dict[str, Callable[[Values], Any]] = {
    "length": lambda values: _path_length(values) if "path" in values else values["length"],
    "size": _hull_size,
    "amplitude": _amplitude,
    "bump_count": lambda values: len(values["bumps"]),
    "sigma_ratio": _sigma_ratio,
    "margin_ratio": lambda values: values["margin"] / _hull_size(values),
}


def _location(modifier: Any, values: Values) -> Document:
    """Where the defect is drawn, in the part frame."""
    obj, variation = modifier.id_data, ranges.variation_of(modifier)
    rule = variation.place if variation is not None else "DESIGNED"
    if rule in ("ANYWHERE", "EDGES"):
        kind = "surface_random" if rule == "ANYWHERE" else "edge_random"
        location: Document = {"type": kind}
        if rule == "EDGES":
            location["angle"] = variation.edge_angle
        return {**location, "region": variation.region.name} if variation.region else location
    if rule == "NEAR":
        return {"type": "near", "distance": variation.distance}
    if rule == "IMPORTED":
        location = json.loads(variation.imported or '{"type": "surface_random"}')
    else:
        designed = rule == "DESIGNED"
        location = (_DESIGNED if designed else _HERE)[values["kind"]](values)
    return _moved(location, part_origin(obj))


def _moved(location: Document, shift: Floats, scale: float = 1.0) -> Document:
    """A location with its lengths and coordinates scaled, and moved by ``shift`` (3,)."""

    def scaled(value: Any) -> Any:
        return (np.array(value) * scale).tolist()

    def moved(value: Any) -> Any:
        return (np.array(value) * scale + shift).tolist()

    mapping = defect_schema("dent", "RecipeTemplate")["properties"]["location"]["discriminator"]
    schema = resolved({"$ref": mapping["mapping"][location["type"]]})
    return dict(changed(location, schema, {"length": scaled, "vector": scaled, "point": moved}))


def _point(name: str) -> Callable[[Values], Document]:
    return lambda values: {"type": "point", "position": values[name]}


def _hinge_plane(values: Values) -> Document:
    axis, side = np.array(values["hinge_axis"]), np.array(values["side"])
    across = side - (side @ axis) / (axis @ axis) * axis
    return {"type": "plane", "origin": values["hinge_point"], "normal": across.tolist()}


def _middle_of_path(values: Values) -> Document:
    points = values["path"]["points"]
    return {"type": "point", "position": points[len(points) // 2]}


_DESIGNED: dict[str, Callable[[Values], Document]] = {
    "dent": _point("center"),
    "hole": _point("center"),
    "deposit": _point("center"),
    "scratch": lambda values: {"type": "path", "path": values["path"]},
    "bend": _hinge_plane,
    "crack": lambda v: {"type": "plane", "origin": v["origin"], "normal": v["normal"]},
    "freeform": lambda values: {"type": "hull", "points": values["hull"]},
}
_HERE: dict[str, Callable[[Values], Document]] = {
    **_DESIGNED,
    "scratch": _middle_of_path,
    "bend": _point("hinge_point"),
    "crack": _point("origin"),
    "freeform": lambda values: {
        "type": "point",
        "position": np.mean(values["hull"], axis=0).tolist(),
    },
}


def apply_template(
    obj: bpy.types.Object, document: Any, *, replace: bool = False, renumber: bool = False
) -> list[bpy.types.NodesModifier]:
    """Append the defects of a template: values in the middle of their ranges, ranges beside them.

    A defect whose place is drawn is put somewhere on the surface, or in its region.

    Args:
        obj: the part, a mesh object.
        document: a parsed template.
        replace: take the defects that were there away.
        renumber: give the new ones labels past those that are there; otherwise they keep those
            that the template names. What it leaves to chance is past the others in either case.

    Raises:
        AddonError: the template breaks the schema, or the object has no surface.
    """
    require_valid(document, "RecipeTemplate")
    document = completed(document, model("RecipeTemplate"))
    with changing_stack(obj, replace=replace):
        first_label = first_new_label(obj, replace=replace)
        importer = _Importer(obj, document, _labels(document, first_label, renumber))
        added = [importer.add(index) for index in range(len(document["defects"]))]
    settle_names(added, [defect["name"] for defect in document["defects"]])
    if document["name"]:
        obj[NAME_PROPERTY] = document["name"]
    if document["draws"] is not None:
        draws: Any = getattr(obj, ranges.DRAWS_PROPERTY)
        draws.use, (draws.low, draws.high) = True, _ends(document["draws"])
    return added


def _labels(document: Document, first: int, renumber: bool) -> list[int]:
    """The label of each defect of a template on a part whose labels end before ``first``."""
    given = [defect["label"] for defect in document["defects"]]
    numbered = [index + 1 if label == "auto" else label for index, label in enumerate(given)]
    if renumber:
        past = labels_past(numbered, first)
        return [past[label] for label in numbered]
    return [first + index if label == "auto" else label for index, label in enumerate(given)]


def middle(drawn: Any) -> Any:
    """The middle of what a value is drawn from: geometric for a logarithmic range."""
    if isinstance(drawn, dict) and "choices" in drawn:
        return drawn["choices"][0]
    if not isinstance(drawn, dict):
        return drawn
    low, high = drawn["min"], drawn["max"]
    geometric = drawn["distribution"] == "log_uniform"
    return math.sqrt(low * high) if geometric else (low + high) / 2.0


def _ends(drawn: Any) -> tuple[float, float]:
    return (drawn["min"], drawn["max"]) if isinstance(drawn, dict) else (drawn, drawn)


class _Importer:
    """Adds the defects of a template to a part, in its local space and unit."""

    def __init__(self, obj: bpy.types.Object, document: Document, labels: list[int]) -> None:
        self.obj, self.document, self.labels = obj, document, labels
        unit = MM_PER_UNIT[document["unit"]] / MM_PER_UNIT[part_unit(obj)]
        absolute = document["lengths"] == "absolute"
        self.scale = unit if absolute else diagonal(obj)
        self.surface = Surface(obj)
        self.regions = {
            name: ranges.new_region(obj, name, *self._box(box))
            for name, box in document.get("regions", {}).items()
        }
        self.spots = self._spots()

    def add(self, index: int) -> Any:
        """Append one defect with its ranges; returns the modifier."""
        template = self.document["defects"][index]
        kind = template["kind"]
        location = template.get("location", {"type": "surface_random"})
        location = _moved(location, -part_origin(self.obj), self.scale)
        place = self._place(location, self.spots[index])
        drawn = self._drawn(template)
        middles = {name: middle(value) for name, value in drawn.items()}
        values = _designed_values(kind, self.surface, place, location, middles)
        if template.get("along") == "place":
            values["direction"] = (-place.normal).tolist()
        values["label"] = self.labels[index]
        join_anchors(self.obj, values)
        modifier = add_defect(self.obj, kind, values)
        self._store(modifier, template, location, drawn)
        return modifier

    def _box(self, box: Document) -> list[Floats]:
        return [np.array(box[end]) * self.scale - part_origin(self.obj) for end in ("min", "max")]

    def _drawn(self, template: Document) -> Values:
        """The template's values and ranges, lengths in local space."""
        return {
            field.name: self._sized(template[field.name], field.quantity)
            for field in ranges.template_fields(template["kind"])
            if template.get(field.name) is not None
        }

    def _sized(self, drawn: Any, quantity: str | None = "length") -> Any:
        if quantity not in ("length", "vector"):
            return drawn
        if isinstance(drawn, dict):
            ends = {name: drawn[name] * self.scale for name in ("min", "max")}
            return {**drawn, **ends}
        return (np.array(drawn) * self.scale).tolist()

    def _spots(self) -> list[int]:
        """A vertex for each defect whose place is drawn, well apart, within its region."""
        defects = self.document["defects"]
        names = [defect.get("location", {}).get("region") for defect in defects]
        spots = [0] * len(defects)
        for name in sorted(set(names), key=str):
            wanted = [index for index, other in enumerate(names) if other == name]
            found = separated_vertices(self.surface, self._within(name), len(wanted))
            for index, vertex in zip(wanted, found, strict=True):
                spots[index] = int(vertex)
        return spots

    def _within(self, region: str | None) -> NDArray[np.bool_]:
        points = self.surface.points
        if region is None:
            return np.ones(len(points), dtype=bool)
        low, high = self._box(self.document["regions"][region])
        inside = np.asarray(((points >= low) & (points <= high)).all(axis=1))
        if not inside.any():
            raise AddonError(f"region {region!r} holds no surface of {self.obj.name!r}")
        return inside

    def _place(self, location: Document, spot: int) -> Place:
        near = _middle_of(location)
        vertex = spot
        position = self.surface.points[spot]
        if near is not None:
            position, vertex = self.surface.nearest(near)
        return place_at(self.surface, position, self.surface.normals[vertex], diagonal(self.obj))

    def _store(self, modifier: Any, template: Document, location: Document, drawn: Values) -> None:
        """The ranges and rules, beside the modifier's values."""
        variation = ranges.ensure_variation(modifier)
        variation.chance = template["chance"]
        variation.auto_label = template["label"] == "auto"
        variation.along_place = template.get("along") == "place"
        variation.place = _rule(template["kind"], location["type"])
        variation.region = self.regions.get(location.get("region"))
        variation.edge_angle = location.get("angle", variation.edge_angle)
        variation.distance = location.get("distance", variation.distance)
        variation.imported = json.dumps(location) if variation.place == "IMPORTED" else ""
        repeat = template["repeat"]
        if repeat is not None:
            variation.use_repeat = True
            variation.count_min, variation.count_max = _ends(repeat["count"])
            spacing = self._sized(repeat["spacing"])
            variation.spacing_min, variation.spacing_max = _ends(spacing)
        for name, value in drawn.items():
            # What a defect has no field for is kept as a range of one value.
            if isinstance(value, dict):
                ranges.set_range(modifier, name, value)
            elif name in DERIVED and name not in ("length",):
                ranges.set_range(modifier, name, {"min": value, "max": value})


def _rule(kind: str, location: str) -> str:
    """The place rule that stands for a location."""
    designed = {"scratch": "path", "bend": "plane", "crack": "plane", "freeform": "hull"}
    if location == designed.get(kind, "point"):
        return "DESIGNED"
    rules = {"point": "HERE", "surface_random": "ANYWHERE", "edge_random": "EDGES", "near": "NEAR"}
    return rules.get(location, "IMPORTED")


def _middle_of(location: Document) -> Floats | None:
    """The point (3,) of an explicit location; None where it is to be drawn."""
    match location["type"]:
        case "point":
            return np.array(location["position"])
        case "path":
            points = location["path"]["points"]
            return np.array(points[len(points) // 2])
        case "plane":
            return np.array(location["origin"])
        case "hull" | "lasso":
            return np.mean(location["points"], axis=0)
    return None


def _designed_values(
    kind: str, surface: Surface, place: Place, location: Document, middles: Values
) -> Values:
    """The fields of a concrete defect at a place, with the middles of a template's ranges."""
    values = placed_values(kind, surface, _sized_place(place, kind, middles))
    known = defect_schema(kind)["properties"]
    values.update({name: value for name, value in middles.items() if name in known})
    if kind == "scratch":
        values["path"] = location.get("path") or _drawn_path(surface, place, middles)
    if kind == "crack" and location["type"] == "plane":
        values["normal"] = location["normal"]
    if kind == "bend" and location["type"] == "plane":
        values["side"] = location["normal"]
    if kind == "freeform":
        if location["type"] == "hull":
            values["hull"] = location["points"]
        values["bumps"] = _drawn_bumps(surface, place, middles)
        values["margin"] = middles["margin_ratio"] * middles["size"]
    return values


def _sized_place(place: Place, kind: str, middles: Values) -> Place:
    """The place with the size that makes a freeform defect's hull as large as the template's."""
    if kind != "freeform":
        return place
    size = middles["size"] / HULL_RADIUS
    return Place(place.position, place.normal, place.heading, place.axis, size)


def _drawn_path(surface: Surface, place: Place, middles: Values) -> Document:
    reach = 0.5 * middles["length"] * place.heading
    anchors = [place.position - reach, place.position, place.position + reach]
    return surface_path(surface, anchors, 0.5 * middles["width"]).as_document()


def _drawn_bumps(surface: Surface, place: Place, middles: Values) -> list[Document]:
    """Bumps evenly about the place, in a spiral like the seeds of a sunflower."""
    size, count = middles["size"], max(round(middles["bump_count"]), 0)
    bumps = []
    for index in range(count):
        away = BUMPS_REACH * size * math.sqrt(index / max(count - 1, 1))
        turn = GOLDEN_ANGLE * index
        offset = math.cos(turn) * place.heading + math.sin(turn) * place.across
        center, _ = surface.nearest(place.position + away * offset)
        bumps.append(
            {
                "center": center.tolist(),
                "amplitude": middles["amplitude"],
                "sigma": middles["sigma_ratio"] * size,
            }
        )
    return bumps
