# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flawsmith tab of the sidebar: the defects of the active object."""

from __future__ import annotations

from typing import Any

import bpy

from ..modifiers import defect_kind, defect_modifiers, input_property
from ..operators import parts, previews, recipes
from ..parts import part_unit
from .menus import ICONS, FLAWSMITH_MT_add_defect

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
            return
        draw_stack(layout, obj)
        layout.menu(FLAWSMITH_MT_add_defect.bl_idname, text="Add Defect", icon="ADD")
        row = layout.row()
        row.label(text="Unit")
        row.operator_menu_enum(parts.FLAWSMITH_OT_set_unit.bl_idname, "unit", text=part_unit(obj))
        column = layout.column(align=True)
        column.operator(recipes.FLAWSMITH_OT_export_recipe.bl_idname, icon="EXPORT")
        column.operator(recipes.FLAWSMITH_OT_import_recipe.bl_idname, icon="IMPORT")
        layout.operator(previews.FLAWSMITH_OT_render_preview.bl_idname, icon="RENDER_STILL")


def draw_stack(layout: Any, obj: bpy.types.Object) -> None:
    """One line a defect, in the order of the stack: name, label, and whether it is shown."""
    box = layout.box().column(align=True)
    stack = defect_modifiers(obj)
    if not stack:
        box.label(text="No defects yet")
    for modifier in stack:
        row = box.row(align=True)
        row.prop(modifier, "name", text="", icon=ICONS[defect_kind(modifier) or ""])
        row.prop(*input_property(modifier, "Label"), text="Label")
        row.prop(modifier, "show_viewport", text="")


CLASSES = (FLAWSMITH_PT_defects,)
