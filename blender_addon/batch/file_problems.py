# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of files: recipes, templates, and the defects in .blend files; a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from ..documents.errors import AddonError
from ..documents.json_files import read_json
from ..documents.schema import problems_of
from ..exchange.checks import findings
from ..exchange.recipes import apply_recipe, recipe_of, unchecked_recipe_of
from ..stack.baked import has_baked
from ..stack.modifiers import defect_modifiers, remove_defect
from .jobs import BLEND, open_blend

# What a template has and a recipe has not.
OF_TEMPLATES = {"unit", "regions", "draws"}


def problems_of_file(path: Path) -> list[str]:
    """What is wrong with a recipe, a template, or the defects of a .blend file.

    A .blend file is open afterwards; its modifiers are not evaluated.
    """
    try:
        if path.suffix.lower() == BLEND:
            open_blend(path)
            return list(_problems_of_open_file())
        document = read_json(path)
        return [str(problem) for problem in problems_of(document, model_of(document))]
    except AddonError as error:
        return _lines(error, path)


def model_of(document: Any) -> str:
    """Which model of the schema a document is meant to be: that of a recipe or of a template."""
    if not isinstance(document, dict) or "part" in document:
        return "Recipe"
    defects = document.get("defects")
    listed = defects if isinstance(defects, list) else []
    placed = any(isinstance(defect, dict) and "location" in defect for defect in listed)
    return "RecipeTemplate" if placed or OF_TEMPLATES & document.keys() else "Recipe"


def _problems_of_open_file() -> Iterator[str]:
    parts = [obj for obj in bpy.data.objects if defect_modifiers(obj) or has_baked(obj)]
    if not parts:
        yield "no object in it has defects"
    for part in parts:
        yield from (f"{part.name}: {problem}" for problem in _problems_of_part(part))


def _problems_of_part(part: bpy.types.Object) -> list[str]:
    try:
        document = unchecked_recipe_of(part)
        found = [problem.in_stack(document) for problem in problems_of(document)]
        if not found:
            # Holds the object to more than the schema does.
            recipe_of(part)
    except AddonError as error:
        return str(error).splitlines()
    return found


def problems_on_part(part: bpy.types.Object, path: Path) -> list[str]:
    """What keeps a recipe from being on a part what it is meant to be.

    Each of its defects must mark a point of the part, as those before it have left it, on a mesh
    that is fine enough.

    Args:
        part: a mesh object; it is afterwards what it was.
        path: of a recipe that keeps to the schema.
    """
    try:
        document = read_json(path)
        if model_of(document) != "Recipe":
            return ["a template has no places of its own; sample recipes from it and check those"]
        stack = apply_recipe(part, document)
    except AddonError as error:
        return _lines(error, path)
    try:
        names = tuple(f'"{modifier.name}":' for modifier in stack)
        found = findings(part)
        return [one.text for one in found if one.is_error or one.text.startswith(names)]
    finally:
        for modifier in stack:
            remove_defect(modifier)


def _lines(error: AddonError, path: Path) -> list[str]:
    """The lines of an error, without the file's name before them."""
    return str(error).removeprefix(f"{path}: ").splitlines()
