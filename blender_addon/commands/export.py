# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith export``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import bpy

from ..modifiers import defect_modifiers
from ..recipe_io import save_recipe
from ..schema import RecipeError
from .report import say


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser("export", help="the recipe of an object of a .blend file")
    parser.add_argument("file", type=Path, help="a .blend file")
    parser.add_argument("--object", help="name of the part; the only one with defects by default")
    parser.add_argument("--out", type=Path, required=True, help="the recipe's JSON file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    if not options.file.is_file():
        raise RecipeError(f"{options.file}: there is no such file")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(options.file), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise RecipeError(f"{options.file}: {str(error).strip()}") from error
    save_recipe(options.out, _chosen_object(options.object))
    say(f"wrote {options.out}")


def _chosen_object(name: str | None) -> bpy.types.Object:
    """The named object of the open file, or the only one with defects."""
    parts = {obj.name: obj for obj in bpy.data.objects if defect_modifiers(obj)}
    if name is None and len(parts) == 1:
        return next(iter(parts.values()))
    if name is not None and name in bpy.data.objects:
        return bpy.data.objects[name]
    there = ", ".join(map(repr, parts)) or "none"
    wanted = "name one by --object" if name is None else f"there is no object {name!r}"
    raise RecipeError(f"{wanted}; objects with defects: {there}")
