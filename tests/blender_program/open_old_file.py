"""Runs inside Blender: open a file that another Blender saved, and go on working with it.

``blender --background --python open_old_file.py -- FILE FOLDER``. Writes the part as it was opened,
``opened``, and again with its defects changed and a dent added, ``edited``; without any,
``nominal``; see ``evaluation.py``. ``groups.json`` lists the node groups, before and after.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from evaluation import modifiers, write_nominal, write_result

DENT = {"center": [0.0, 0.0, 0.5], "radius": 0.4, "depth": 0.1, "label": 50}


def main(file: Path, folder: Path) -> None:
    """Open ``file``, whose part is named "part", and write what comes of it into ``folder``."""
    bpy.ops.wm.open_mainfile(filepath=str(file))
    part = bpy.data.objects["part"]
    write_nominal(folder / "nominal.npz", part)
    write_result(folder, "opened", part)
    before = groups()
    edit(part)
    write_result(folder, "edited", part)
    (folder / "groups.json").write_text(json.dumps([before, groups()]), encoding="utf-8")


def edit(part: Any) -> None:
    """Change something of every defect, and add one of a kind that is there already."""
    for number, modifier in enumerate(modifiers.defect_modifiers(part)):
        modifiers.write_values(modifier, {"label": 100 + number, "mask_threshold": 0.3})
    modifiers.add_defect(part, "dent", DENT)


def groups() -> list[str]:
    """Names of the file's node groups."""
    return sorted(group.name for group in bpy.data.node_groups)


main(*map(Path, sys.argv[sys.argv.index("--") + 1 :]))
