# SPDX-License-Identifier: GPL-3.0-or-later
"""Between an object's stack of defects and a recipe.

A recipe's coordinates are relative to its origin, as the object's are to its local origin; which
point of the part frame that is stays with the object (see ``parts.py``). So what Blender computes
with is what the JSON holds, to the last digit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .atomic_files import write_text
from .modifiers import add_defect, defect_modifiers, diagonal, read_values
from .parts import UNIT_PROPERTY, part_origin, part_unit
from .schema import SCHEMA_VERSION, RecipeError, Schema, check_document, model, resolved
from .surface_paths import Surface, surface_path

Document = dict[str, Any]
Change = Callable[[Any], Any]

# Name of the recipe that was applied to the object; the object's own name where missing.
NAME_PROPERTY = "flawsmith_recipe"
MAX_BYTES = 64 * 1024 * 1024
# A longer chord would leave a curved surface, a shorter one only costs time.
PATH_STEP_IN_WIDTHS = 0.5


def recipe_of(obj: bpy.types.Object) -> Document:
    """The object's defects as a recipe, in absolute lengths; without those switched off.

    Raises:
        RecipeError: the object has no extent, or a value breaks the schema.
    """
    mesh: Any = obj.data
    if obj.type != "MESH" or not mesh.vertices or not diagonal(obj) > 0:
        raise RecipeError(f"{obj.name!r} is no mesh with an extent; choose the part's object")
    shown = [modifier for modifier in defect_modifiers(obj) if modifier.show_viewport]
    document = {
        "schema_version": SCHEMA_VERSION,
        "name": str(obj.get(NAME_PROPERTY, obj.name)),
        "part": {"name": obj.name, "unit": part_unit(obj), "diagonal": diagonal(obj)},
        "lengths": "absolute",
        "origin": part_origin(obj).tolist(),
        "defects": [read_values(modifier) for modifier in shown],
    }
    check_document(document)
    return document


def apply_recipe(obj: bpy.types.Object, document: Any) -> list[bpy.types.NodesModifier]:
    """Append the defects of a recipe to the object's stack, all of them or none.

    Ratios become lengths, coordinates are shifted to the object's origin, and the anchors of a
    scratch that is not resolved are joined over the surface as it is before the scratch.

    Args:
        obj: the part, a mesh object.
        document: a parsed recipe.

    Returns:
        The new modifiers.

    Raises:
        RecipeError: the recipe breaks the schema, or is in another unit than the object.
    """
    check_document(document)
    unit = document["part"].get("unit", "mm")
    if unit != part_unit(obj):
        raise RecipeError(
            f"the recipe is in {unit}, but {obj.name!r} is in {part_unit(obj)}; open the part in "
            f"{unit}, or correct its custom property {UNIT_PROPERTY!r}"
        )
    with _nothing_on_failure(obj):
        modifiers = []
        for defect in _localised(document, obj):
            _join_anchors(obj, defect)
            modifiers.append(add_defect(obj, defect["kind"], defect))
    if document.get("name"):
        obj[NAME_PROPERTY] = document["name"]
    return modifiers


def save_recipe(path: Path, obj: bpy.types.Object) -> None:
    """Write the object's recipe as JSON; raises as ``recipe_of`` does."""
    write_text(path, json.dumps(recipe_of(obj), indent=2, allow_nan=False) + "\n")


def load_recipe(path: Path) -> Document:
    """Read a recipe and hold it to the schema.

    Raises:
        RecipeError: the file cannot be read, is no JSON, or breaks the schema; the message names
            the file and, in the last case, every field with its value and what is allowed.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"larger than {MAX_BYTES >> 20} MiB")
        document = json.loads(path.read_text(encoding="utf-8"))
        check_document(document)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: not valid JSON: {error}") from error
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    return dict(document)


@contextmanager
def _nothing_on_failure(obj: bpy.types.Object) -> Iterator[None]:
    """Take back the modifiers and objects that the block has added, if it raises."""
    modifiers, objects = len(obj.modifiers), set(bpy.data.objects)
    try:
        yield
    except Exception:
        for modifier in list(obj.modifiers)[modifiers:]:
            obj.modifiers.remove(modifier)
        for support in set(bpy.data.objects) - objects:
            bpy.data.objects.remove(support)
        raise


def _localised(document: Document, obj: bpy.types.Object) -> Iterator[Document]:
    """The recipe's defects in absolute lengths, relative to the object's origin."""
    ratio = document.get("lengths") == "ratio"
    scale = document["part"]["diagonal"] if ratio else 1.0
    shift = np.array(document.get("origin", (0.0, 0.0, 0.0))) - part_origin(obj)

    def scaled(value: Any) -> Any:
        return (np.array(value) * scale).tolist()

    def moved(value: Any) -> Any:
        return (np.array(value) * scale + shift).tolist()

    changes = {"length": scaled, "vector": scaled, "point": moved}
    by_kind = model("Recipe")["properties"]["defects"]["items"]["discriminator"]["mapping"]
    for defect in document.get("defects", ()):
        yield _changed(defect, {"$ref": by_kind[defect["kind"]]}, changes)


def _changed(value: Any, schema: Schema, changes: Mapping[str, Change]) -> Any:
    """A copy of ``value`` in which each quantity is what ``changes`` makes of it."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    schema = resolved(options[0] if options else schema)
    if value is None:
        return None
    if schema.get("x-quantity") in changes:
        return changes[schema["x-quantity"]](value)
    if isinstance(value, dict):
        properties = schema["properties"]
        return {name: _changed(item, properties[name], changes) for name, item in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [_changed(item, schema["items"], changes) for item in value]
    return value


def _join_anchors(obj: bpy.types.Object, defect: Document) -> None:
    """Resolve the path of a defect, if it has one that is not."""
    path = defect.get("path")
    if path is not None and not path.get("resolved", True):
        step = PATH_STEP_IN_WIDTHS * defect["width"]
        defect["path"] = surface_path(Surface(obj), path["points"], step).as_document()
