# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences: where the backend's command is."""

from __future__ import annotations

from typing import Any

import bpy

from ..documents.errors import AddonError
from ..knowledge.program import EXTENSION, INSTALL, NAME, find_command


class FLAWSMITH_AP_preferences(bpy.types.AddonPreferences):  # noqa: N801
    """What is the same for all files."""

    bl_idname = EXTENSION

    command: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Command",
        subtype="FILE_PATH",
        description=f"File of the {NAME} command, which reads documents; empty: that on the PATH",
    )

    def draw(self, context: Any) -> None:
        """The setting, and what it leads to."""
        layout: Any = self.layout
        layout.prop(self, "command", placeholder=f"{NAME} on the PATH")
        try:
            layout.label(text=f"Documents are read by {find_command()}", icon="CHECKMARK")
        except AddonError as error:
            # The first sentence: the rest follows below.
            layout.label(text=str(error).partition(". ")[0] + ".", icon="ERROR")
            for line in (
                "Only the Knowledge section needs it. Install it with:",
                INSTALL,
                "If it is installed, choose its file above.",
            ):
                layout.label(text=line, icon="BLANK1")


CLASSES = (FLAWSMITH_AP_preferences,)
