# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``python -m blender_addon``, ``blender --background --command flawsmith``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from .modifiers import defect_modifiers
from .parts import UNITS, PartError
from .recipe_io import save_recipe
from .schema import RecipeError
from .showcase import Request, showcase

CORNERS = ("XMIN", "YMIN", "ZMIN", "XMAX", "YMAX", "ZMAX")


def main(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` and return the exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.run
    try:
        with _quiet_blender():
            command(options)
    except (PartError, RecipeError, OSError) as error:
        print(f"flawsmith: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command starts again.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("flawsmith", description="Defects on nominal parts.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shown = commands.add_parser("showcase", help="a defect of each kind on a model, with pictures")
    shown.add_argument("model", type=Path, help="nominal model: STL, OBJ or PLY")
    shown.add_argument("--out", type=Path, required=True, help="folder for what it makes")
    shown.add_argument("--unit", choices=UNITS, default=UNITS[0], help="of the model's lengths")
    shown.add_argument(
        "--region", type=float, nargs=6, metavar=CORNERS, help="box of the part where defects go"
    )
    shown.add_argument("--size", type=int, default=480, help="of the pictures, in pixels")
    shown.set_defaults(run=_showcase)
    exported = commands.add_parser("export", help="the recipe of an object of a .blend file")
    exported.add_argument("file", type=Path, help="a .blend file")
    exported.add_argument("--object", help="name of the part; the only one with defects by default")
    exported.add_argument("--out", type=Path, required=True, help="the recipe's JSON file")
    exported.set_defaults(run=_export)
    return parser


def _showcase(options: argparse.Namespace) -> None:
    region = None if options.region is None else tuple(options.region)
    showcase(Request(options.model, options.unit, region, options.size), options.out, _say)


def _export(options: argparse.Namespace) -> None:
    if not options.file.is_file():
        raise RecipeError(f"{options.file}: there is no such file")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(options.file), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise RecipeError(f"{options.file}: {str(error).strip()}") from error
    save_recipe(options.out, _chosen_object(options.object))
    _say(f"wrote {options.out}")


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


def _say(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


@contextmanager
def _quiet_blender() -> Iterator[None]:
    """Keep off the standard output what Blender itself writes there, below Python's notice."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


_registered: list[Any] = []


def register() -> None:
    """Add the command to Blender's command line."""
    add: Any = bpy.utils.register_cli_command
    _registered.append(add("flawsmith", main))


def unregister() -> None:
    """Take the command away."""
    bpy.utils.unregister_cli_command(_registered.pop())
