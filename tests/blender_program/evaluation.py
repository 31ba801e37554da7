"""Inside Blender: the extension's modules, and what is read of a part with defects.

For the programs beside it, which name this folder to Python: Blender does not.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import addon_utils
import bpy
import numpy as np

PACKAGE = "bl_ext.user_default.flawsmith"
# As a module, Blender begins without the add-ons that its user has enabled.
addon_utils.enable(PACKAGE)
attributes: Any = importlib.import_module(f"{PACKAGE}.data.attributes")
modifiers: Any = importlib.import_module(f"{PACKAGE}.stack.modifiers")
recipes: Any = importlib.import_module(f"{PACKAGE}.exchange.recipes")

ATTRIBUTES = ("MASK", "LABEL", "WEIGHT", "SOURCE_INDEX", "NORMAL")


def evaluated(obj: Any) -> dict[str, Any]:
    """Positions and our attributes of the evaluated mesh."""
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    found = {"points": attributes.read_positions(mesh)}
    for name in ATTRIBUTES:
        found[name] = attributes.read_attribute(mesh, getattr(attributes, name))
    return found


def write_nominal(path: Path, obj: Any) -> None:
    """Write the part without its defects, with what they take as its normals."""
    nominal = obj.copy()
    bpy.context.scene.collection.objects.link(nominal)
    nominal.modifiers.clear()
    modifiers.add_defect(nominal, "dent", {"depth": 0.0, "center": [0.0, 0.0, 0.0]})
    faces = np.empty(3 * len(obj.data.polygons), dtype=np.int32)
    obj.data.polygons.foreach_get("vertices", faces)
    np.savez(path, **evaluated(nominal), faces=faces.reshape(-1, 3))
    bpy.data.objects.remove(nominal)


def write_result(folder: Path, name: str, obj: Any) -> None:
    """Write ``NAME.npz`` with the evaluated attributes, and the recipe, ``NAME.exported.json``."""
    np.savez(folder / f"{name}.npz", **evaluated(obj))
    recipes.save_recipe(folder / f"{name}.exported.json", obj)
