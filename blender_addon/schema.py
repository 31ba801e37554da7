# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema, read with the standard library: fields, bounds, constants, checks.

``schema.json`` is written from the project's pydantic models (``python build.py schema``). It is
the only place where the extension learns what a defect has and what is allowed. Under ``$defs`` it
holds a model of each document: ``Recipe``, ``RecipeTemplate``, ``ViewSet``.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

SCHEMA: Schema = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
SCHEMA_VERSION: int = SCHEMA["x-flawsmith"]["schema_version"]
CONSTANTS: Mapping[str, float] = SCHEMA["x-flawsmith"]["constants"]

# How far inside an excluded bound a value is kept.
MARGIN = 1e-6
SMALLEST = 1e-9


class RecipeError(ValueError):
    """A recipe breaks the schema, or does not fit the object; the message says what would."""


@dataclass(frozen=True)
class Field:
    """One field of a defect.

    Attributes:
        name: as in the JSON.
        title: as people read it.
        description: what it means.
        type: ``"number"``, ``"integer"``, ``"triple"`` (three numbers), ``"choice"``, or the name
            of a structure: ``"SurfacePath"``, ``"points"``, ``"Bump"`` (a list of them).
        quantity: ``"length"``, ``"point"``, ``"vector"``, ``"direction"``, ``"angle"``,
            ``"ratio"``, ``"seed"``, or none.
        optional: whether it may be left out as null.
        default: the value of a recipe that does not say; None where it must say.
        suggested: a sensible value for a new defect; lengths as a ratio of the diagonal.
        low, high: bounds that values are kept within, excluded ones moved inside.
        choices: of a ``"choice"``.
    """

    name: str
    title: str
    description: str
    type: str
    quantity: str | None
    optional: bool
    default: Any
    suggested: Any
    low: float
    high: float
    choices: tuple[str, ...]

    def clip(self, value: float) -> float:
        """``value`` within the bounds: single precision may have rounded it just outside."""
        return min(max(value, self.low), self.high)


def model(name: str) -> Schema:
    """The schema of a model by its name, such as ``"Recipe"``."""
    return dict(SCHEMA["$defs"][name])


def resolved(schema: Schema) -> Schema:
    """``schema``, or what its ``$ref`` points to with its own keywords on top."""
    if "$ref" not in schema:
        return schema
    target = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def kinds() -> tuple[str, ...]:
    """The defect kinds, in the schema's order."""
    return tuple(_defect_union()["mapping"])


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """The fields of a defect but its kind and name, in the schema's order, own ones first."""
    properties = resolved({"$ref": _defect_union()["mapping"][kind]})["properties"]
    own = [name for name in properties if name not in ("kind", "name", *SHARED)]
    return tuple(_field(name, properties[name]) for name in (*own, *SHARED))


# What every defect has; shown after what is its own.
SHARED = ("mask_threshold", "label")


def _defect_union() -> Schema:
    items: Schema = model("Recipe")["properties"]["defects"]["items"]["discriminator"]
    return items


def _field(name: str, schema: Schema) -> Field:
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    value = resolved({**resolved(options[0] if options else schema), **schema})
    low = value.get("minimum", value.get("exclusiveMinimum", -math.inf))
    high = value.get("maximum", value.get("exclusiveMaximum", math.inf))
    return Field(
        name,
        name.replace("_", " ").title(),
        value.get("description", ""),
        _type_of(value),
        "seed" if name == "seed" else value.get("x-quantity"),
        bool(options),
        value.get("default"),
        value.get("x-suggested"),
        low + SMALLEST if "exclusiveMinimum" in value else low,
        high - MARGIN if "exclusiveMaximum" in value else high,
        tuple(value.get("enum", ())),
    )


def _type_of(schema: Schema) -> str:
    if "enum" in schema:
        return "choice"
    if schema["type"] == "object":
        return str(schema["title"])
    if schema["type"] != "array":
        return str(schema["type"])
    if "prefixItems" in schema:
        return "triple"
    items = resolved(schema["items"])
    return str(items["title"]) if items["type"] == "object" else "points"


def check_document(document: Any, of_model: str = "Recipe") -> None:
    """Hold a parsed document to the schema of a model.

    Raises:
        RecipeError: naming every field that breaks it, its value, and what is allowed.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise RecipeError(
            f"schema_version: {_shown(version)} is not supported; "
            f"this extension reads {SCHEMA_VERSION}"
        )
    problems = list(_problems(document, model(of_model), ""))
    if problems:
        raise RecipeError("\n".join(problems[:10]))


def _problems(value: Any, schema: Schema, path: str) -> Iterator[str]:
    schema = resolved(schema)
    if "discriminator" in schema:
        yield from _union_problems(value, schema["discriminator"], path)
    elif "anyOf" in schema:
        found = [list(_problems(value, option, path)) for option in schema["anyOf"]]
        yield from min(found, key=len) if all(found) else ()
    elif not _is_of_type(value, schema):
        allowed = schema.get("type") or schema.get("const") or schema.get("enum")
        yield f"{path or 'document'}: {_shown(value)} is not allowed; it must be {allowed}"
    elif isinstance(value, dict):
        yield from _object_problems(value, schema, path)
    elif isinstance(value, list):
        yield from _list_problems(value, schema, path)
    else:
        yield from _bound_problems(value, schema, path)


def _union_problems(value: Any, union: Schema, path: str) -> Iterator[str]:
    key, mapping = union["propertyName"], union["mapping"]
    name = value.get(key) if isinstance(value, dict) else None
    if name not in mapping:
        yield f"{path}.{key}: {_shown(name)} is none of {', '.join(mapping)}"
    else:
        yield from _problems(value, {"$ref": mapping[name]}, path)


def _object_problems(value: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{_joined(path, name)}: missing"
    for name, item in value.items():
        if name in properties:
            yield from _problems(item, properties[name], _joined(path, name))
        elif schema.get("additionalProperties") is False:
            yield f"{_joined(path, name)}: unknown; known are {', '.join(properties)}"


def _list_problems(value: list[Any], schema: Schema, path: str) -> Iterator[str]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not least <= len(value) <= most:
        yield f"{path}: {len(value)} items; {least} to {most} are allowed"
        return
    first = schema.get("prefixItems", [])
    for index, item in enumerate(value):
        of_item = first[index] if index < len(first) else schema.get("items", {})
        yield from _problems(item, of_item, f"{path}[{index}]")


def _bound_problems(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", math.inf):
            yield f"{path}: {_shown(value)} is longer than {schema['maxLength']} characters"
        return
    for keyword, holds in _BOUNDS.items():
        if keyword in schema and not holds(value, schema[keyword]):
            yield f"{path}: {_shown(value)} breaks the bound {keyword} {schema[keyword]}"


_BOUNDS = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def _is_of_type(value: Any, schema: Schema) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    if "const" in schema:
        return bool(value == schema["const"])
    number = isinstance(value, int | float) and not isinstance(value, bool)
    holds = {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": number and isinstance(value, int),
        "number": number and math.isfinite(value),
        "null": value is None,
    }
    return holds.get(schema.get("type", ""), True)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
