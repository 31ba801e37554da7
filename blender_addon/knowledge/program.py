# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the backend's command is: as the preferences say, or else on the PATH."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import bpy

from ..documents.errors import AddonError

NAME = "flawsmith"
# The name under which Blender knows this extension.
EXTENSION = (__package__ or "").rpartition(".")[0]
INSTALL = "pip install 'flawsmith[documents,pictures]'"
WAY_OUT = (
    f"Install it with: {INSTALL}. If it is installed, give its file in the preferences of the "
    "Flawsmith extension."
)


def find_command() -> Path:
    """The command's file.

    Raises:
        AddonError: there is none; the message says how to install it.
    """
    chosen = _chosen()
    if not chosen:
        found = shutil.which(NAME)
        if found is None:
            raise AddonError(f"The command {NAME} was not found on the PATH. {WAY_OUT}")
        return Path(found)
    path = Path(bpy.path.abspath(chosen)).expanduser()
    if not path.is_file():
        raise AddonError(f"{path}: there is no such file. {WAY_OUT}")
    if not os.access(path, os.X_OK):
        raise AddonError(f"{path}: this file is no program. {WAY_OUT}")
    return path


def missing_command() -> str | None:
    """Why there is no command, and the way out; None if there is one."""
    try:
        find_command()
    except AddonError as error:
        return str(error)
    return None


def _chosen() -> str:
    """What the preferences say; empty for the PATH."""
    context: Any = bpy.context
    addon = context.preferences.addons.get(EXTENSION)
    return str(getattr(addon and addon.preferences, "command", ""))
