"""Runs inside Blender: many items of one .blend file, one after the other, in this very process.

    … --python render_here.py -- FILE.blend RECIPES OUT

It imports nothing of the project but the extension: Blender has its own Python. After the last item
Blender prints which dependency graphs it asks for their scenes.
"""

import importlib
import sys
from dataclasses import asdict
from pathlib import Path

import bpy

ADDON = "bl_ext.user_default.flawsmith"


def main():
    blend, recipes, out = map(Path, sys.argv[sys.argv.index("--") + 1 :])
    batch, view_sets, jobs, workers = (
        importlib.import_module(f"{ADDON}.{name}")
        for name in ("batch.jobs", "rendering.view_sets", "commands.jobs", "batch.workers")
    )
    options = view_sets.ViewOptions(
        passes=("rgb", "mask"),
        views=1,
        cameras=None,
        scene_cameras=False,
        size=(16, 12),
        angle=0.5,
        elevation=(0.0, 1.0),
        material="metal",
        lighting="studio",
        samples=1,
        seed=0,
    )
    listed = [
        batch.Job(
            f"part/{path.stem}",
            "render",
            str(blend),
            recipe=str(path),
            options=asdict(options),
        )
        for path in sorted(recipes.glob("*.json"))
    ]
    bpy.app.debug_depsgraph_tag = True
    failed = workers.run_jobs(listed, out, jobs.TASKS, 0, print)
    assert not failed, failed
    print("all done", flush=True)
    bpy.context.scene.world = bpy.data.worlds.new("other")


main()
