# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flawsmith tab of the sidebar: the defects of the active object."""

from __future__ import annotations

from typing import Any

import bpy

from ..operators import parts, previews
from ..parts import part_unit
from .stack import draw_stack

Context = bpy.types.Context


class FLAWSMITH_PT_defects(bpy.types.Panel):  # noqa: N801
    """The defects of the active object."""

    bl_idname = "FLAWSMITH_PT_defects"
    bl_label = "Defects"
    bl_category = "Flawsmith"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"

    def draw(self, context: Context) -> None:
        """The stack, and what can be done with it."""
        layout: Any = self.layout
        obj = context.active_object
        if obj is None or obj.type != "MESH":
            layout.label(text="Choose a mesh object, or open a part", icon="INFO")
            layout.operator(parts.FLAWSMITH_OT_open_part.bl_idname, icon="IMPORT")
            layout.operator(parts.FLAWSMITH_OT_add_sample.bl_idname, icon="MESH_CYLINDER")
            return
        draw_stack(layout, obj)
        row = layout.row()
        row.label(text="Unit")
        row.operator_menu_enum(parts.FLAWSMITH_OT_set_unit.bl_idname, "unit", text=part_unit(obj))
        layout.operator(previews.FLAWSMITH_OT_render_preview.bl_idname, icon="RENDER_STILL")


CLASSES = (FLAWSMITH_PT_defects,)
