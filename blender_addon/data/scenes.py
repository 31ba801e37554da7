# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes that are there for a picture, for rays or for an image file, and then gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

# In the order in which they are removed: users first.
MADE = (
    "scenes",
    "objects",
    "meshes",
    "cameras",
    "lights",
    "materials",
    "worlds",
    "node_groups",
    "images",
)


@contextmanager
def temporary_scene(name: str) -> Iterator[Any]:
    """A scene for the time of the block; it and all data that the block makes go at its end."""
    before = {kind: {data.session_uid for data in getattr(bpy.data, kind)} for kind in MADE}
    scene: Any = bpy.data.scenes.new(name)
    try:
        yield scene
    finally:
        # A renderer that keeps its data keeps a dependency graph of the scene, too. Blender asks
        # all graphs for their scenes whenever something is added, and dies if one is gone.
        scene.render.use_persistent_data = False
        for kind, old in before.items():
            made = {data for data in getattr(bpy.data, kind) if data.session_uid not in old}
            bpy.data.batch_remove(made)
