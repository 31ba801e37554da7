"""Draw docs/pictures/window_*.png: the sidebar, and each tool at work, in windows of Blender.

    python -m docs.pictures.blender_window

Needs Blender on the PATH or named by FLAWSMITH_BLENDER, and the programs Xvfb and import (the
packages xvfb and imagemagick). The windows are on a display that nobody sees.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from backend.io.atomic import write_bytes
from tests.blender_program.program import with_extension
from tests.blender_program.window import play

FOLDER = Path(__file__).parent
# The windows' sizes, by the programs that lead through them.
SCENES = {"blender_window_scene.py": (1400, 900), "blender_knowledge_scene.py": (1400, 1080)}


def main() -> None:
    """Draw the pictures beside this program."""
    path = os.environ.get("FLAWSMITH_BLENDER") or shutil.which("blender")
    if path is None:
        sys.exit("no Blender program; put blender on the PATH or name it in FLAWSMITH_BLENDER")
    # Blender finds the backend's command there.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blender = with_extension(path, folder)
        for scene, size in SCENES.items():
            played = play(blender, FOLDER / scene, folder, folder, size=size)
            for picture in played.result:
                file = f"window_{picture}.png"
                write_bytes(FOLDER / file, packed(folder / file))
                print(f"Wrote {FOLDER / file}")


def packed(path: Path) -> bytes:
    """The picture as a PNG that is packed as well as can be."""
    written = io.BytesIO()
    Image.open(path).convert("RGB").save(written, format="PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    main()
