"""An egg away from the origin as the file of a part, and recipes for it: what commands work on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from tests.blender import egg

CENTER = np.array([100.0, 20.0, -5.0])
RADII = np.array([10.0, 7.0, 5.0])
# On its top, as its recipes give places: about the center.
DENT = {"kind": "dent", "center": [0.0, 0.0, 5.0], "radius": 4.0, "depth": 1.0, "label": 3}


def write_egg(folder: Path) -> Path:
    """Write ``egg.stl`` into a folder: 20 mm long, about ``CENTER``."""
    points, faces = egg(10.0)
    trimesh.Trimesh(points + CENTER, faces).export(folder / "egg.stl")
    return folder / "egg.stl"


def write_recipe(path: Path, *defects: dict[str, Any], unit: str = "mm") -> Path:
    """Write a recipe for the egg; the folder is made as needed."""
    recipe = {
        "schema_version": 1,
        "part": {"diagonal": 26.0, "unit": unit},
        "origin": CENTER.tolist(),
        "defects": defects,
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return path
