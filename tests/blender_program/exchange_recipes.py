"""Runs inside Blender: recipes and a template in and out of a stack; what came of it as JSON.

``blender --background --python exchange_recipes.py -- FOLDER``. The folder holds ``*.recipe.json``
and ``template.json``; ``exported.json`` is written: each recipe as it was exported
again, the template the same, and what the operators said.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import bpy

PACKAGE = "bl_ext.user_default.flawsmith"


def module(name: str) -> Any:
    """A module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def main(folder: Path) -> None:
    """Go through the files."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=5, radius=1.0)
    part = bpy.context.active_object
    part["flawsmith_origin"] = [0.1, 1e7 / 3, -2.0]
    exported = {path.name: exchanged(part, path) for path in sorted(folder.glob("*.recipe.json"))}
    exported["template.json"] = exchanged_template(part, folder)
    exported["said"] = said(part)
    (folder / "exported.json").write_text(json.dumps(exported), encoding="utf-8")


def exchanged(part: Any, path: Path) -> Any:
    """A recipe that the menus have imported and exported."""
    bpy.ops.flawsmith.import_recipe(filepath=str(path), replace=True)
    out = path.with_suffix(".out.json")
    bpy.ops.flawsmith.export_recipe(filepath=str(out))
    return json.loads(out.read_text(encoding="utf-8"))


def exchanged_template(part: Any, folder: Path) -> Any:
    """A template that was imported, kept in a .blend file, and exported."""
    bpy.ops.flawsmith.import_template(filepath=str(folder / "template.json"), replace=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "part.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "part.blend"))
    part = bpy.context.active_object
    for modifier in part.modifiers:
        modifier.name = f"{modifier.name} renamed"
    part.modifiers.move(1, 0)
    part.modifiers.move(1, 0)
    bpy.ops.flawsmith.export_template(filepath=str(folder / "template.out.json"))
    return json.loads((folder / "template.out.json").read_text(encoding="utf-8"))


def said(part: Any) -> list[str]:
    """What is refused, in words."""
    part = bpy.context.active_object
    errors = []
    part.scale = (2.0, 2.0, 2.0)
    for change in (lambda: None, bpy.ops.flawsmith.apply_scale, lambda: break_value(part)):
        change()
        try:
            bpy.ops.flawsmith.export_recipe(
                filepath=str(Path(bpy.data.filepath).with_name("x.json"))
            )
            errors.append("")
        except RuntimeError as error:
            errors.append(str(error).strip())
    return errors


def break_value(part: Any) -> None:
    module("stack.modifiers").write_values(part.modifiers[0], {"radius": -1.0})


main(Path(sys.argv[sys.argv.index("--") + 1]))
