"""The Blender step: a program of its own, as the backend never imports Blender."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from backend.children import same_modules
from backend.errors import FlawsmithError, MissingDependencyError
from shared_schema.defects import SPECS

# What `showcase` writes that the report shows or later steps read.
PREVIEWS = {**{kind: f"preview_{kind}.png" for kind in SPECS}, "all together": "preview_stack.png"}
RECIPE = "recipe.json"
SHOWN_LINES = 15


def design(
    model: Path, region: Sequence[float], pixels: int, out: Path, say: Callable[[str], None]
) -> None:
    """Open ``model`` in Blender, add a modifier of each kind, draw them and export the recipe.

    Args:
        model: nominal model, mm.
        region: least x, y, z and greatest x, y, z of the box where defects go, part frame.
        pixels: width of the pictures.
        out: folder for recipe, pictures and .blend file.
        say: told each line that Blender's side prints.

    Raises:
        MissingDependencyError: Blender's Python module is not installed.
        FlawsmithError: Blender failed; the message holds its last lines.
    """
    if find_spec("bpy") is None:
        raise MissingDependencyError(
            "designing defects needs Blender's Python module; install it by: pip install bpy==4.5.*"
        )
    command = [sys.executable, "-m", "blender_addon", "showcase", str(model), "--out", str(out)]
    command += ["--unit", "mm", "--size", str(pixels)]
    command += ["--region", *(f"{value:.6g}" for value in region)]
    lines = []
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | same_modules(),
    ) as blender:
        assert blender.stderr is not None  # it is a pipe
        for line in blender.stderr:
            lines.append(line.rstrip())
            say(lines[-1])
    if blender.returncode != 0:
        last = "\n    ".join(lines[-SHOWN_LINES:])
        raise FlawsmithError(f"Blender ended with status {blender.returncode}:\n    {last}")
