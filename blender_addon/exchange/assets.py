# SPDX-License-Identifier: GPL-3.0-or-later
"""The defects as assets: a library in the extension, listed in the user's preferences.

The library is a .blend file with the node groups, made when the extension is built:

    python -m blender_addon.exchange.assets FOLDER PICTURES

A defect that is dragged onto an object, or taken from the Add Modifier menu, lies at the object's
origin until it is moved; Add Defect places it. What is in the library is dedicated to the public
domain (CC0-1.0).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..defects import NODE_GROUPS, node_group
from ..documents.atomic_files import replacing, write_text

NAME = "Flawsmith"
FOLDER = Path(__file__).parents[1] / "flawsmith_assets"
BLEND, CATALOGS = "flawsmith.blend", "blender_assets.cats.txt"
# Never to be changed: it is in the files of those who use the assets.
CATALOG_ID = "5e0f1d4c-4b57-4e0a-9f0e-7c2a8d5b6a31"
CATALOGS_TEXT = f"""\
# Catalogues of the Flawsmith asset library
VERSION 1

{CATALOG_ID}:{NAME}:{NAME}
"""
TAGS = ("defect", "surface", "inspection")
PREVIEW_SIZE = 256


def register() -> None:
    """List the library in the preferences, in place of one that an older version left there."""
    there = [library for library in _ours() if Path(library.path) == FOLDER]
    _remove(library for library in _ours() if library not in there)
    if FOLDER.is_dir() and not there:
        # Blender's own way to import it is right: each group once a file, whatever its version.
        _libraries().new(name=NAME, directory=str(FOLDER))


def unregister() -> None:
    """Take the library off the list."""
    _remove(_ours())


def _libraries() -> Any:
    preferences: Any = bpy.context.preferences
    return preferences.filepaths.asset_libraries


def _ours() -> list[Any]:
    """The libraries in a folder like ours, of this version of the extension or of another."""
    return [library for library in _libraries() if Path(library.path).name == FOLDER.name]


def _remove(libraries: Iterable[Any]) -> None:
    # By number, from the last on: the others move up.
    listed = list(_libraries())
    for number in sorted((listed.index(library) for library in libraries), reverse=True):
        _libraries().remove(_libraries()[number])


def write_library(folder: Path, pictures: Path) -> None:
    """Write the asset library; what is open in Blender is closed.

    Args:
        folder: made where there is none; gets the .blend file and the list of catalogues.
        pictures: folder with a ``preview_KIND.png`` for each kind.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    groups: set[Any] = {_marked(kind, pictures / f"preview_{kind}.png") for kind in NODE_GROUPS}
    with replacing(folder / BLEND) as unfinished:
        bpy.data.libraries.write(str(unfinished), groups, fake_user=True)
    write_text(folder / CATALOGS, CATALOGS_TEXT)


def _marked(kind: str, picture: Path) -> bpy.types.NodeTree:
    """The node group of ``kind`` as an asset."""
    group: Any = node_group(kind)
    group.asset_mark()
    about = group.asset_data
    about.catalog_id, about.license = CATALOG_ID, "CC0-1.0"
    about.author, about.description = NAME, str(NODE_GROUPS[kind].__doc__)
    for tag in (kind, *TAGS):
        about.tags.new(tag)
    _set_preview(group, picture)
    return group


def _set_preview(group: Any, picture: Path) -> None:
    image: Any = bpy.data.images.load(str(picture))
    image.scale(PREVIEW_SIZE, PREVIEW_SIZE)
    pixels = np.empty(4 * PREVIEW_SIZE**2, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    preview = group.preview_ensure()
    preview.image_size = (PREVIEW_SIZE, PREVIEW_SIZE)
    preview.image_pixels_float.foreach_set(pixels)
    bpy.data.images.remove(image)


if __name__ == "__main__":
    write_library(Path(sys.argv[1]), Path(sys.argv[2]))
