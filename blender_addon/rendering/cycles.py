# SPDX-License-Identifier: GPL-3.0-or-later
"""What our pictures share: a scene of their own, and Cycles on the CPU.

So neither a window nor a GPU is needed, and nothing is left in the open file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ..data.images import drop_png_text
from ..data.scenes import temporary_scene
from ..documents.atomic_files import replacing


@contextmanager
def own_scene(name: str, mesh: Any) -> Iterator[Any]:
    """A scene with the mesh, without its materials, to be lit and looked at.

    It and all that the block makes for it is removed at the end; the mesh stays.
    """
    with temporary_scene(name) as scene:
        mesh.materials.clear()
        scene.collection.objects.link(bpy.data.objects.new("Part", mesh))
        yield scene


def use_cycles(scene: Any, samples: int, seed: int) -> None:
    """Let the scene be drawn by that many light paths a pixel, as a PNG without alpha."""
    render = scene.render
    render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples, scene.cycles.seed = samples, seed
    scene.cycles.use_denoising = True
    # Noise, which would double the file.
    render.dither_intensity = 0.0
    file = render.image_settings
    file.file_format, file.color_mode, file.color_depth = "PNG", "RGB", "8"


def write_picture(scene: Any, path: Path) -> None:
    """Draw what the scene's camera sees; the file is written whole or not at all."""
    with replacing(path) as temporary:
        scene.render.filepath = str(temporary)
        bpy.ops.render.render(write_still=True, scene=scene.name)
        drop_png_text(temporary)
