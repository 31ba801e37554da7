# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's section of the mask overlay."""

from __future__ import annotations

from typing import Any

import bpy

from ..overlay.drawing import PROPERTY
from .section import Section


class FLAWSMITH_PT_overlay(Section, bpy.types.Panel):  # noqa: N801
    """How the mask is shown in the 3D views."""

    bl_idname = "FLAWSMITH_PT_overlay"
    bl_label = "Mask Overlay"

    def draw_header(self, context: Any) -> None:
        """The switch."""
        layout: Any = self.layout
        layout.prop(getattr(context.window_manager, PROPERTY), "show", text="")

    def draw(self, context: Any) -> None:
        """The settings, grey while it is off."""
        layout: Any = self.layout
        settings = getattr(context.window_manager, PROPERTY)
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.active = settings.show
        layout.row().prop(settings, "by", expand=True)
        layout.prop(settings, "opacity")
        layout.prop(settings, "all_parts")


CLASSES = (FLAWSMITH_PT_overlay,)
