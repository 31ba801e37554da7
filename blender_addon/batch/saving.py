# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts with their defects as files: with the modifiers for Blender, or as a labelled mesh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from ..documents.atomic_files import replacing
from ..documents.ply import write_ply
from ..parts.frame import part_origin
from ..placing.raycasting import labeled_surface
from ..stack.modifiers import facts_of, shown_defects
from .jobs import BLEND, Facts, Job

PLY = ".ply"


def save_blend(part: bpy.types.Object, path: Path) -> None:
    """Write the open file, whole, with the part's defects as modifiers."""
    with replacing(path) as temporary:
        bpy.ops.wm.save_as_mainfile(filepath=str(temporary), copy=True, compress=True)


def save_labeled_mesh(part: bpy.types.Object, path: Path) -> None:
    """Write the part as its modifiers make it: triangles, in the part frame and in its unit.

    Beside ``x y z``, in double precision, each point has ``mask`` (1: anomalous), ``label``,
    ``weight`` and ``source_index``, as the backend's labelled clouds do.
    """
    surface = labeled_surface(part)
    x, y, z = (surface.points + part_origin(part)).T
    columns = {
        **{"x": x, "y": y, "z": z},
        "mask": surface.mask.astype(np.uint8),
        "label": surface.labels.astype(np.int32),
        "weight": surface.weight.astype(np.float32),
        "source_index": surface.source_index.astype(np.int32),
    }
    write_ply(path, columns, surface.triangles)


# By the suffix of the file.
SAVERS: dict[str, Callable[[bpy.types.Object, Path], None]] = {
    BLEND: save_blend,
    PLY: save_labeled_mesh,
}


def save_part(part: bpy.types.Object, job: Job, folder: Path) -> Facts:
    """Save a part; a task of ``batch.jobs``, whose option ``suffix`` says as what.

    Returns:
        The part's defects.
    """
    suffix = job.options["suffix"]
    SAVERS[suffix](part, folder / f"{job.name}{suffix}")
    return {"defects": [facts_of(modifier) for modifier in shown_defects(part)]}
