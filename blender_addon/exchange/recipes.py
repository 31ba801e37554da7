# SPDX-License-Identifier: GPL-3.0-or-later
"""Between an object's stack of defects and a recipe.

A recipe's coordinates are relative to its origin, as the object's are to its local origin; which
point of the part frame that is stays with the object (see ``parts/frame.py``). So what Blender
computes with is what the JSON holds, to the last digit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..documents.atomic_files import replacing, write_text
from ..documents.errors import AddonError
from ..documents.json_files import read_json
from ..documents.schema import (
    CONSTANTS,
    SCHEMA_VERSION,
    SHOWN_PROBLEMS,
    Schema,
    changed,
    completed,
    defect_schema,
    model,
    problems_of,
)
from ..parts.frame import UNIT_PROPERTY, part_origin, part_unit
from ..placing.surface_paths import Surface, surface_path
from ..stack.baked import baked_labels, require_unbaked
from ..stack.labels import labels_past
from ..stack.modifiers import (
    add_defect,
    defect_kind,
    defect_modifiers,
    diagonal,
    free_label,
    read_values,
    remove_defect,
    shown_defects,
)
from ..stack.remembered import NAMES_PROPERTY
from ..stack.scaling import require_true_size

Document = dict[str, Any]

# Name of the recipe that was applied to the object; the object's own name where missing.
NAME_PROPERTY = "flawsmith_recipe"


def recipe_of(obj: bpy.types.Object) -> Document:
    """The object's defects as a recipe, in absolute lengths; without those switched off.

    Raises:
        AddonError: the object has no extent or is scaled, defects were applied to its mesh, or a
            value breaks the schema; the message names the defect and the socket.
    """
    require_true_size(obj)
    require_unbaked(obj)
    document = unchecked_recipe_of(obj)
    require_valid(document)
    return document


def unchecked_recipe_of(obj: bpy.types.Object) -> Document:
    """As ``recipe_of``, whatever the values are.

    Raises:
        AddonError: the object has no extent, or a defect lacks an object.
    """
    mesh: Any = obj.data
    if obj.type != "MESH" or not mesh.vertices or not diagonal(obj) > 0:
        raise AddonError(f"{obj.name!r} is not a mesh with an extent; choose the part's object")
    return {
        "schema_version": SCHEMA_VERSION,
        "name": str(obj.get(NAME_PROPERTY, obj.name)),
        "part": {"name": obj.name, "unit": part_unit(obj), "diagonal": diagonal(obj)},
        "lengths": "absolute",
        "origin": part_origin(obj).tolist(),
        "defects": [
            {**read_values(modifier), "name": recipe_name(modifier)}
            for modifier in shown_defects(obj)
        ],
    }


def require_valid(document: Document, of_model: str = "Recipe") -> None:
    """Hold a document to its model.

    Raises:
        AddonError: one line a problem, by the defect's name and the socket's.
    """
    problems = problems_of(document, of_model)
    if problems:
        lines = [problem.in_stack(document) for problem in problems[:SHOWN_PROBLEMS]]
        hidden = len(problems) - len(lines)
        raise AddonError("\n".join([*lines, f"and {hidden} more"] if hidden else lines))


def apply_recipe(
    obj: bpy.types.Object, document: Any, *, replace: bool = False, renumber: bool = False
) -> list[bpy.types.NodesModifier]:
    """Append the defects of a recipe to the object's stack, all of them or none.

    Ratios become lengths, coordinates are shifted to the object's origin, and the anchors of a
    scratch that is not resolved are joined over the surface as it is before the scratch.

    Args:
        obj: the part, a mesh object.
        document: a parsed recipe.
        replace: take the defects that were there away; otherwise they stay, before the new ones.
        renumber: give the new ones labels past those that are there; otherwise they keep theirs.

    Returns:
        The new modifiers.

    Raises:
        AddonError: the recipe breaks the schema, or is in another unit than the object.
    """
    return apply_to_all([obj], document, replace=replace, renumber=renumber)[0]


def apply_to_all(
    objects: Sequence[bpy.types.Object],
    document: Any,
    *,
    replace: bool = False,
    renumber: bool = False,
) -> list[list[bpy.types.NodesModifier]]:
    """Apply a recipe to several objects as ``apply_recipe`` does, to all of them or to none."""
    require_valid(document)
    document = completed(document, model("Recipe"))
    for obj in objects:
        require_unit(obj, document["part"]["unit"])
    with ExitStack() as changes:
        for obj in objects:
            changes.enter_context(changing_stack(obj, replace=replace))
        firsts = [first_new_label(obj, replace=replace) if renumber else None for obj in objects]
        added = [_add_defects(*each, document) for each in zip(objects, firsts, strict=True)]
    names = [defect["name"] for defect in document["defects"]]
    for obj, modifiers in zip(objects, added, strict=True):
        settle_names(modifiers, names)
        if len(modifiers) == len(defect_modifiers(obj)) or document["name"]:
            obj[NAME_PROPERTY] = document["name"]
    return added


def require_unit(obj: bpy.types.Object, unit: str) -> None:
    """Refuse a document in another unit than the object's.

    Raises:
        AddonError: it is.
    """
    if unit != part_unit(obj):
        raise AddonError(
            f"the recipe is in {unit}, but {obj.name!r} is in {part_unit(obj)}; open the part in "
            f"{unit}, or correct its custom property {UNIT_PROPERTY!r}"
        )


def first_new_label(obj: bpy.types.Object, *, replace: bool) -> int:
    """The first label past those of an object, whose own defects do not count if replaced."""
    return 1 + max(baked_labels(obj), default=0) if replace else free_label(obj)


def _add_defects(
    obj: bpy.types.Object, first_label: int | None, document: Document
) -> list[bpy.types.NodesModifier]:
    change = localising(document, document["part"]["diagonal"], obj)
    listed = document["defects"]
    labels = {given["label"]: given["label"] for given in listed}
    if first_label is not None:
        labels = labels_past(labels, first_label)
    added = []
    for given in listed:
        defect = change(given, defect_schema(given["kind"]))
        join_anchors(obj, defect)
        added.append(add_defect(obj, defect["kind"], {**defect, "label": labels[given["label"]]}))
    return added


def settle_names(modifiers: Sequence[bpy.types.NodesModifier], names: Sequence[str]) -> None:
    """Give new defects their names, and remember those that the stack cannot take."""
    for modifier, given in zip(modifiers, names, strict=True):
        modifier.name = given or str(defect_kind(modifier)).title()
        _keep_name(modifier, given)


def recipe_name(modifier: Any) -> str:
    """What the recipe calls a defect: its name in the stack, or the one it came with."""
    names = _kept_names(modifier.id_data)
    in_stack, given = names.get(str(modifier.persistent_uid), (None, ""))
    return str(given if in_stack == modifier.name else modifier.name)


def _keep_name(modifier: Any, given: str) -> None:
    """Remember a name that the stack could not take."""
    if modifier.name != given:
        names = _kept_names(modifier.id_data)
        names[str(modifier.persistent_uid)] = [modifier.name, given]
        modifier.id_data[NAMES_PROPERTY] = names


def _kept_names(obj: bpy.types.Object) -> dict[str, list[str]]:
    """The names that the stack cannot hold, of the modifiers that are still there."""
    kept: Any = obj.get(NAMES_PROPERTY)
    there = {str(modifier.persistent_uid) for modifier in defect_modifiers(obj)}
    return {} if kept is None else {uid: kept[uid] for uid in there if uid in kept}


def save_recipe(path: Path, obj: bpy.types.Object) -> None:
    """Write the object's recipe as JSON; raises as ``recipe_of`` does."""
    write_text(path, as_text(recipe_of(obj)))


def save_recipes(
    folder: Path, objects: Sequence[bpy.types.Object], *, overwrite: bool = False
) -> list[Path]:
    """Write a recipe for each object, named like it, into a folder: all of them or none.

    Returns:
        The files, in the order of the objects.

    Raises:
        AddonError: there is nothing to write, a file is there already, or as ``recipe_of``.
    """
    if not objects:
        raise AddonError("none of the objects has defects; add some first")
    paths = _file_names(folder, objects)
    there = [path.name for path in paths if path.exists()]
    if there and not overwrite:
        raise AddonError(f"{folder} already holds {', '.join(there)}; choose to overwrite them")
    texts = [as_text(recipe_of(obj)) for obj in objects]
    with ExitStack() as files:
        for path, text in zip(paths, texts, strict=True):
            temporary = files.enter_context(replacing(path))
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return paths


def _file_names(folder: Path, objects: Sequence[bpy.types.Object]) -> list[Path]:
    """A file for each object, in letters that every system takes, and none twice."""
    paths: list[Path] = []
    for obj in objects:
        stem = re.sub(r"[^\w .-]", "_", obj.name).strip(" .") or "part"
        numbered = (f"{stem}_{number}" for number in count(2))
        names = (folder / f"{name}.json" for name in chain([stem], numbered))
        # Some systems hold names to be the same that differ in case.
        taken = {str(path).lower() for path in paths}
        paths.append(next(path for path in names if str(path).lower() not in taken))
    return paths


def as_text(document: Document) -> str:
    """A document as the text of its file."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def load_recipe(path: Path) -> Document:
    """Read a recipe and hold it to the schema; raises as ``load_document`` does."""
    return load_document(path, "Recipe")


def load_document(path: Path, of_model: str) -> Document:
    """Read a document and hold it to its model.

    Raises:
        AddonError: the file cannot be read, is no JSON, or breaks the schema; the message names
            the file and, in the last case, every field with its value and what is allowed.
    """
    document = read_json(path)
    try:
        require_valid(document, of_model)
    except AddonError as error:
        raise AddonError(f"{path}: {error}") from error
    return dict(document)


@contextmanager
def changing_stack(obj: bpy.types.Object, *, replace: bool) -> Iterator[None]:
    """A block that adds defects to an object's stack, or leaves all as it was where it raises.

    Args:
        obj: the part.
        replace: switch the defects that are there off meanwhile, and take them away at the end.
    """
    before, objects = len(obj.modifiers), set(bpy.data.objects)
    replaced: list[Any] = defect_modifiers(obj) if replace else []
    old = [(modifier, modifier.show_viewport) for modifier in replaced]
    for modifier, _ in old:
        modifier.show_viewport = False
    try:
        yield
    except Exception:
        for added in list(obj.modifiers)[before:]:
            obj.modifiers.remove(added)
        for support in set(bpy.data.objects) - objects:
            bpy.data.objects.remove(support)
        for modifier, was_shown in old:
            modifier.show_viewport = was_shown
        raise
    for modifier, _ in old:
        remove_defect(modifier)


def localising(
    document: Document, diagonal: float, obj: bpy.types.Object
) -> Callable[[Any, Schema], Any]:
    """What brings a value of a document, of a given schema, to the object's local space.

    Args:
        document: a complete recipe; it says what its lengths and origin are.
        diagonal: what ratios are multiples of.
        obj: the part.
    """
    scale = diagonal if document["lengths"] == "ratio" else 1.0
    shift = np.array(document["origin"]) - part_origin(obj)

    def scaled(value: Any) -> Any:
        return (np.array(value) * scale).tolist()

    def moved(value: Any) -> Any:
        return (np.array(value) * scale + shift).tolist()

    changes = {"length": scaled, "vector": scaled, "point": moved}
    return lambda value, schema: changed(value, schema, changes)


def join_anchors(obj: bpy.types.Object, defect: Document) -> None:
    """Resolve the path of a defect, if it has one that is not."""
    path = defect.get("path")
    if path is not None and not path.get("resolved", True):
        step = CONSTANTS["path_step"] * defect["width"]
        defect["path"] = surface_path(Surface(obj), path["points"], step).as_document()
