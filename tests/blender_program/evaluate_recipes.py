"""Runs inside Blender: apply recipes to parts, evaluate them, and write down what came of it.

``blender --background --python evaluate_recipes.py -- FOLDER``. The folder holds ``PART.npz``
(``points`` (N, 3), ``faces`` (M, 3)) and for each case ``CASE.recipe.json``, on the part that
``cases.json`` names. For each part ``PART.nominal.npz`` is written, with what the modifiers take as
its normals, and for each case ``CASE.npz`` with the evaluated attributes, and the recipe as it is
exported, ``CASE.exported.json``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np

PACKAGE = "bl_ext.user_default.flawsmith"
attribute_io: Any = importlib.import_module(f"{PACKAGE}.attribute_io")
modifiers: Any = importlib.import_module(f"{PACKAGE}.modifiers")
recipe_io: Any = importlib.import_module(f"{PACKAGE}.recipe_io")

ATTRIBUTES = ("MASK", "LABEL", "WEIGHT", "SOURCE_INDEX", "NORMAL")


def main(folder: Path) -> None:
    """Go through the cases, part by part."""
    cases: dict[str, list[str]] = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    for part, names in cases.items():
        bpy.ops.wm.read_factory_settings(use_empty=True)
        obj = add_part(part, folder / f"{part}.npz")
        nominal = modifiers.add_defect(obj, "dent", {"depth": 0.0, "center": [0.0, 0.0, 0.0]})
        np.savez(folder / f"{part}.nominal.npz", **evaluated(obj))
        obj.modifiers.remove(nominal)
        for name in names:
            run_case(obj, folder, name)


def run_case(obj: bpy.types.Object, folder: Path, name: str) -> None:
    """Import, evaluate and export one recipe; the part is left as it was."""
    recipe_io.apply_recipe(obj, recipe_io.load_recipe(folder / f"{name}.recipe.json"))
    np.savez(folder / f"{name}.npz", **evaluated(obj))
    recipe_io.save_recipe(folder / f"{name}.exported.json", obj)
    obj.modifiers.clear()
    for support in [other for other in bpy.data.objects if other != obj]:
        bpy.data.objects.remove(support)


def add_part(name: str, path: Path) -> bpy.types.Object:
    """The part as a mesh object."""
    arrays = np.load(path)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(arrays["points"].tolist(), [], arrays["faces"].tolist())
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def evaluated(obj: bpy.types.Object) -> dict[str, Any]:
    """Positions and our attributes of the evaluated mesh."""
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    found = {"points": attribute_io.read_positions(mesh)}
    for name in ATTRIBUTES:
        found[name] = attribute_io.read_attribute(mesh, getattr(attribute_io, name))
    return found


main(Path(sys.argv[sys.argv.index("--") + 1]))
