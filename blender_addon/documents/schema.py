# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema, read with the standard library: fields, bounds, constants, checks.

``schema.json`` is written from the project's pydantic models (``python build.py schema``). It is
the only place where the extension learns what a defect has and what is allowed. Under ``$defs`` it
holds a model of each document: ``Recipe``, ``RecipeTemplate``, ``ViewSet``, ``Scanner``.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import AddonError
from .rules import RULES, ends, has_length, nothing_else

Schema = Mapping[str, Any]
# Names and indices that lead to a value of a document.
Steps = tuple[str | int, ...]
# What a value of some quantity becomes.
Change = Callable[[Any], Any]

FILE = Path(__file__).parents[1] / "schema.json"
SCHEMA: Schema = json.loads(FILE.read_text(encoding="utf-8"))
SCHEMA_VERSION: int = SCHEMA["x-flawsmith"]["schema_version"]
CONSTANTS: Mapping[str, float] = SCHEMA["x-flawsmith"]["constants"]
OUTSIDE: Mapping[str, Any] = SCHEMA["x-flawsmith"]["outside"]
MM_PER_UNIT: Mapping[str, float] = SCHEMA["x-flawsmith"]["mm_per_unit"]

# How far inside an excluded bound a value is kept.
MARGIN = 1e-6
SMALLEST = 1e-9
# By which part of itself a value may exceed a bound through rounding to single precision.
ROUNDING = 2.0**-22
# How many problems a message names.
SHOWN_PROBLEMS = 10


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
        low, high: bounds of values; excluded ones are moved inside.
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
        """``value``, or the bound that single precision has rounded it just beyond."""
        bound = min(max(value, self.low), self.high)
        return bound if abs(value - bound) <= ROUNDING * abs(bound) else value


def model(name: str) -> Schema:
    """The schema of a model by its name, such as ``"Recipe"``."""
    return dict(SCHEMA["$defs"][name])


def resolved(schema: Schema) -> Schema:
    """``schema``, or what its ``$ref`` points to with its own keywords on top."""
    if "$ref" not in schema:
        return schema
    target = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def title_of(name: str) -> str:
    """A field's name as people read it."""
    return name.replace("_", " ").title()


def kinds() -> tuple[str, ...]:
    """The defect kinds, in the schema's order."""
    return tuple(model("Recipe")["properties"]["defects"]["items"]["discriminator"]["mapping"])


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """The fields of a defect but its kind and name, in the schema's order, own ones first."""
    properties = defect_schema(kind)["properties"]
    own = [name for name in properties if name not in ("kind", "name", *SHARED)]
    return tuple(_field(name, properties[name]) for name in (*own, *SHARED))


# What every defect has; shown after what is its own.
SHARED = ("mask_threshold", "label")


def _field(name: str, schema: Schema) -> Field:
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    value = resolved({**resolved(options[0] if options else schema), **schema})
    low = value.get("minimum", value.get("exclusiveMinimum", -math.inf))
    high = value.get("maximum", value.get("exclusiveMaximum", math.inf))
    return Field(
        name,
        title_of(name),
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


def defect_schema(kind: str, of_model: str = "Recipe") -> Schema:
    """The schema of a defect of a recipe, or of a template."""
    union = model(of_model)["properties"]["defects"]["items"]["discriminator"]
    return resolved({"$ref": union["mapping"][kind]})


def changed(value: Any, schema: Schema, changes: Mapping[str, Change]) -> Any:
    """A copy of ``value`` in which each quantity is what ``changes`` makes of it."""
    if value is None:
        return None
    schema = _chosen(value, schema)
    if schema.get("x-quantity") in changes:
        return changes[schema["x-quantity"]](value)
    if isinstance(value, dict):
        properties = schema["properties"]
        return {name: changed(item, properties[name], changes) for name, item in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [changed(item, schema["items"], changes) for item in value]
    return value


def completed(value: Any, schema: Schema) -> Any:
    """A copy of ``value`` in which all that is left out has the schema's default.

    Args:
        value: keeps to the schema.
        schema: of the document, or of a part of it.
    """
    if value is None:
        return None
    schema = _chosen(value, schema)
    if isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        defaults = {name: of["default"] for name, of in properties.items() if "default" in of}
        given = {**defaults, **value}
        return {name: completed(item, properties[name]) for name, item in given.items()}
    if isinstance(value, list) and "items" in schema:
        return [completed(item, schema["items"]) for item in value]
    return value


def _chosen(value: Any, schema: Schema) -> Schema:
    """Of what a value other than null may be, what it is: by its type, or as its key says."""
    options = [resolved(option) for option in schema.get("anyOf", ())]
    if options:
        of_type = (option for option in options if _is_of_type(value, option))
        schema = {**next(of_type, options[0]), **schema}
    schema = resolved(schema)
    union = schema.get("discriminator")
    if union is None:
        return schema
    return resolved({"$ref": union["mapping"][value[union["propertyName"]]]})


@dataclass(frozen=True)
class Problem:
    """One thing in a document that is not allowed.

    Attributes:
        path: names and indices that lead to it from the document.
        found: what is there, as text.
        must: what would be allowed, as the end of a sentence that begins with the field.
    """

    path: Steps
    found: str
    must: str

    def __str__(self) -> str:
        """The problem by its place in the JSON."""
        return f"{json_path(self.path)}: {self.found}; it {self.must}"

    def in_stack(self, document: Any) -> str:
        """The problem as people see its place: name of the defect, title of the socket."""
        if len(self.path) < 3 or self.path[0] != "defects":
            return str(self)
        _, index, field, *rest = self.path
        defect = document["defects"][index]
        name = defect.get("name") or title_of(str(defect.get("kind", index)))
        inside = f" {json_path(tuple(rest))}" if rest else ""
        return f'"{name}": {title_of(str(field))}{inside} {self.must}; it is {self.found}'


def check_document(document: Any, of_model: str = "Recipe") -> None:
    """Hold a parsed document to the schema of a model, and to its rules.

    Raises:
        AddonError: naming every field that breaks it, its value, and what is allowed.
    """
    problems = problems_of(document, of_model)
    if problems:
        raise AddonError("\n".join(map(str, problems[:SHOWN_PROBLEMS])))


def problems_of(document: Any, of_model: str = "Recipe") -> list[Problem]:
    """All that is not allowed in a parsed document of a model.

    Raises:
        AddonError: it is none of ours, or of another version.
    """
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise AddonError(
            f"schema_version: {shown(version)} is not supported; "
            f"this extension reads {SCHEMA_VERSION}"
        )
    return list(_problems(document, model(of_model), ()))


def json_path(path: Steps) -> str:
    """``defects[0].radius``; ``document`` for the whole of it."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "document"


def _problems(value: Any, schema: Schema, path: Steps) -> Iterator[Problem]:
    schema = resolved(schema)
    if "discriminator" in schema:
        yield from _union_problems(value, schema["discriminator"], path)
    elif "anyOf" in schema:
        yield from _option_problems(value, schema["anyOf"], path)
    elif not _is_of_type(value, schema):
        yield Problem(path, shown(value), f"must be {_type_in_words(schema)}")
    elif isinstance(value, dict):
        yield from _object_problems(value, schema, path)
    elif isinstance(value, list):
        yield from _list_problems(value, schema, path)
    else:
        yield from _bound_problems(value, schema, path)


def _union_problems(value: Any, union: Schema, path: Steps) -> Iterator[Problem]:
    key, mapping = union["propertyName"], union["mapping"]
    name = value.get(key) if isinstance(value, dict) else None
    if name not in mapping:
        yield Problem((*path, key), shown(name), f"must be one of {', '.join(mapping)}")
    else:
        yield from _problems(value, {"$ref": mapping[name]}, path)


def _option_problems(value: Any, options: list[Schema], path: Steps) -> Iterator[Problem]:
    """Of several types, what is wrong with the value as one of its own type."""
    of_type = [option for option in options if _is_of_type(value, resolved(option))]
    if not of_type:
        words = " or ".join(_type_in_words(resolved(option)) for option in options)
        yield Problem(path, shown(value), f"must be {words}")
        return
    found = [list(_problems(value, option, path)) for option in of_type]
    yield from min(found, key=len)


def _object_problems(value: dict[str, Any], schema: Schema, path: Steps) -> Iterator[Problem]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    problems = [
        Problem((*path, name), "missing", "must be given")
        for name in schema.get("required", ())
        if name not in value
    ]
    for name, item in value.items():
        if name in properties:
            problems.extend(_problems(item, properties[name], (*path, name)))
        elif isinstance(others, dict):
            problems.extend(_problems(item, others, (*path, name)))
        elif others is False:
            known = ", ".join(properties)
            problems.append(Problem((*path, name), "unknown", f"must be one of {known}"))
    # A rule looks at several fields, which must be what the schema says for that.
    yield from problems or _rule_problems(value, schema, path)


def _rule_problems(value: dict[str, Any], schema: Schema, path: Steps) -> Iterator[Problem]:
    title = schema.get("title", "")
    for name, found, must in RULES.get(title, nothing_else)(value):
        yield Problem((*path, *name), shown(found), must)
    if title.endswith("Template") and "kind" in value:
        yield from _varying_problems(value, path)


def _varying_problems(template: dict[str, Any], path: Steps) -> Iterator[Problem]:
    """What a defect's template may draw beyond the bounds of the concrete defect's fields."""
    spec = defect_schema(template["kind"])["properties"]
    for name in spec.keys() & template.keys() - {"kind"}:
        for end in ends(template[name]):
            for problem in _problems(end, spec[name], (*path, name)):
                yield problem
                break


def _list_problems(value: list[Any], schema: Schema, path: Steps) -> Iterator[Problem]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not least <= len(value) <= most:
        wanted = f"{least} to {most}" if least < most < math.inf else f"at least {least}"
        wanted = f"{least}" if least == most else wanted
        yield Problem(path, f"a list of {len(value)}", f"must have {wanted} items")
        return
    first = schema.get("prefixItems", [])
    problems: list[Problem] = []
    for index, item in enumerate(value):
        of_item = first[index] if index < len(first) else schema.get("items", {})
        problems.extend(_problems(item, of_item, (*path, index)))
    if not problems and schema.get("x-quantity") == "direction" and not has_length(value):
        problems.append(Problem(path, shown(value), "must have a length greater than 0"))
    yield from problems


def _bound_problems(value: Any, schema: Schema, path: Steps) -> Iterator[Problem]:
    if isinstance(value, str):
        most = schema.get("maxLength", math.inf)
        if len(value) > most:
            yield Problem(path, shown(value), f"must be no longer than {most} characters")
        return
    for keyword, (holds, words) in _BOUNDS.items():
        if keyword in schema and not holds(value, schema[keyword]):
            yield Problem(path, shown(value), f"must be {words} {schema[keyword]:.6g}")


_BOUNDS = {
    "minimum": (operator.ge, "at least"),
    "maximum": (operator.le, "at most"),
    "exclusiveMinimum": (operator.gt, "greater than"),
    "exclusiveMaximum": (operator.lt, "less than"),
}
_WORDS = {
    "object": "an object with fields",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def _type_in_words(schema: Schema) -> str:
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    return shown(schema["const"]) if "const" in schema else _WORDS[schema.get("type", "object")]


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


def shown(value: Any) -> str:
    """A value of a document, short enough for a message."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
