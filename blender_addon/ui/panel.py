# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flawsmith tab of the sidebar: the defects of the active object."""

from __future__ import annotations

from typing import Any

import bpy

from ..operators import parts, previews
from ..parts.frame import part_unit
from .section import PartSection, Tab, active_part
from .stack import draw_stack

Context = bpy.types.Context


class FLAWSMITH_PT_defects(Tab, bpy.types.Panel):  # noqa: N801
    """The defects of the active object."""

    bl_idname = "FLAWSMITH_PT_defects"
    bl_label = "Defects"

    def draw(self, context: Context) -> None:
        """The stack, and what can be done with it."""
        layout: Any = self.layout
        obj = active_part(context)
        if obj is None:
            layout.label(text="Choose a mesh object, or open a part", icon="INFO")
            layout.operator(parts.FLAWSMITH_OT_open_part.bl_idname, icon="IMPORT")
            layout.operator(parts.FLAWSMITH_OT_add_sample.bl_idname, icon="MESH_CYLINDER")
            return
        draw_stack(layout, obj)


class FLAWSMITH_PT_part(PartSection, bpy.types.Panel):  # noqa: N801
    """The part itself: what its lengths are in, a picture of it, and another one."""

    bl_idname = "FLAWSMITH_PT_part"
    bl_label = "Part"

    def draw(self, context: Context) -> None:
        """Unit, preview, and the way to another part."""
        layout: Any = self.layout
        obj: Any = context.active_object
        row = layout.split(factor=0.4)
        row.label(text="Unit")
        row.operator_menu_enum(parts.FLAWSMITH_OT_set_unit.bl_idname, "unit", text=part_unit(obj))
        layout.operator(previews.FLAWSMITH_OT_render_preview.bl_idname, icon="RENDER_STILL")
        layout.operator(parts.FLAWSMITH_OT_open_part.bl_idname, icon="IMPORT")


CLASSES = (FLAWSMITH_PT_defects,)
PART_CLASSES = (FLAWSMITH_PT_part,)
