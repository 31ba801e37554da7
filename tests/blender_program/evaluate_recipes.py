"""Runs inside Blender: apply recipes to parts, evaluate them, and write down what came of it.

``blender --background --python evaluate_recipes.py -- FOLDER``. The folder holds ``PART.npz``
(``points`` (N, 3), ``faces`` (M, 3)) and for each case ``CASE.recipe.json``, on the part that
``cases.json`` names. For each part ``PART.nominal.npz`` is written, and for each case ``CASE.npz``
and ``CASE.exported.json``; see ``evaluation.py``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from evaluation import recipes, write_nominal, write_result


def main(folder: Path) -> None:
    """Go through the cases, part by part."""
    cases: dict[str, list[str]] = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    for part, names in cases.items():
        bpy.ops.wm.read_homefile(use_empty=True)
        obj = add_part(part, folder / f"{part}.npz")
        write_nominal(folder / f"{part}.nominal.npz", obj)
        for name in names:
            run_case(obj, folder, name)


def run_case(obj: Any, folder: Path, name: str) -> None:
    """Import, evaluate and export one recipe; the part is left as it was."""
    recipes.apply_recipe(obj, recipes.load_recipe(folder / f"{name}.recipe.json"))
    write_result(folder, name, obj)
    obj.modifiers.clear()
    for support in [other for other in bpy.data.objects if other != obj]:
        bpy.data.objects.remove(support)


def add_part(name: str, path: Path) -> Any:
    """The part as a mesh object."""
    arrays = np.load(path)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(arrays["points"].tolist(), [], arrays["faces"].tolist())
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


main(Path(sys.argv[sys.argv.index("--") + 1]))
