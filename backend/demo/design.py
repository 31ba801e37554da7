"""The Blender step: a program of its own, as the backend never imports Blender."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from backend.children import ROOT, same_modules
from backend.demo.steps import code_digest
from backend.errors import FlawsmithError, MissingDependencyError
from backend.extras import missing_extra
from backend.io.digest import file_digest
from shared_schema.defects import SPECS

# What `showcase` writes that the report shows or later steps read.
PREVIEWS = {**{kind: f"preview_{kind}.png" for kind in SPECS}, "all together": "preview_stack.png"}
RECIPE = "recipe.json"
SHOWN_LINES = 15
# The name under which the extension's modules are run, as in the source of flawsmith.
EXTENSION = "blender_addon"


def extension_digest(extension: Path | None) -> str:
    """Digest of the Blender extension: of its zip, or of the source beside the backend.

    Raises:
        MissingDependencyError: there is neither, or Blender's Python module is not installed.
    """
    if find_spec("bpy") is None:
        raise missing_extra(ModuleNotFoundError(name="bpy"), "designing defects")
    if extension is not None:
        return file_digest(extension)
    if not Path(ROOT, EXTENSION).is_dir():
        raise MissingDependencyError(
            "designing defects needs flawsmith's Blender extension, which is not part of the "
            "Python package; name its zip: --extension flawsmith-VERSION.zip"
        )
    return code_digest(EXTENSION)


@contextmanager
def _modules(extension: Path | None) -> Iterator[dict[str, str]]:
    """Variables by which Python finds the extension's modules, for ``with``."""
    if extension is None:
        yield same_modules()
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            zipfile.ZipFile(extension).extractall(Path(folder, EXTENSION))
        except zipfile.BadZipFile as error:
            raise FlawsmithError(f"{extension}: this is no zip of the extension") from error
        modules = same_modules()
        yield modules | {"PYTHONPATH": os.pathsep.join([folder, modules["PYTHONPATH"]])}


def design(
    model: Path,
    region: Sequence[float],
    pixels: int,
    out: Path,
    say: Callable[[str], None],
    *,
    extension: Path | None = None,
) -> None:
    """Open ``model`` in Blender, add a modifier of each kind, draw them and export the recipe.

    Args:
        model: nominal model, mm.
        region: least x, y, z and greatest x, y, z of the box where defects go, part frame.
        pixels: width of the pictures.
        out: folder for recipe, pictures and .blend file.
        say: called with each line that Blender's process prints.
        extension: zip of the Blender extension; by default its source beside the backend.

    Raises:
        FlawsmithError: Blender failed, and the message holds its last lines; or the zip is damaged.
    """
    command = [sys.executable, "-m", EXTENSION, "showcase", str(model), "--out", str(out)]
    command += ["--unit", "mm", "--size", str(pixels)]
    command += ["--region", *(f"{value:.6g}" for value in region)]
    with _modules(extension) as modules:
        _run(command, modules, say)


def _run(command: Sequence[str], modules: dict[str, str], say: Callable[[str], None]) -> None:
    """Run Blender's side to its end."""
    lines = []
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | modules,
    ) as blender:
        assert blender.stderr is not None  # it is a pipe
        for line in blender.stderr:
            lines.append(line.rstrip())
            say(lines[-1])
    if blender.returncode != 0:
        last = "\n    ".join(lines[-SHOWN_LINES:])
        raise FlawsmithError(f"Blender ended with status {blender.returncode}:\n    {last}")
