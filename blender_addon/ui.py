# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the operators are found: the Add Modifier menu, the sidebar and the import menu."""

from __future__ import annotations

from typing import Any

import bpy

from . import operators as ops
from .modifiers import defect_kind, defect_modifiers, input_property
from .parts import part_unit

Context = bpy.types.Context

ICONS = {
    "dent": "SPHERECURVE",
    "scratch": "IPO_LINEAR",
    "bend": "MOD_SIMPLEDEFORM",
    "crack": "MOD_EXPLODE",
    "freeform": "MOD_NOISE",
    "hole": "MESH_CIRCLE",
    "deposit": "META_BALL",
}


class FLAWSMITH_MT_add_defect(bpy.types.Menu):  # noqa: N801
    """The kinds of defects."""

    bl_idname = "FLAWSMITH_MT_add_defect"
    bl_label = "Defect"

    def draw(self, context: Context) -> None:
        """One line a kind."""
        layout: Any = self.layout
        for kind, title, _ in ops.KIND_ITEMS:
            line = layout.operator(
                ops.FLAWSMITH_OT_add_defect.bl_idname, text=title, icon=ICONS[kind]
            )
            line.kind = kind


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
            layout.operator(ops.FLAWSMITH_OT_open_part.bl_idname, icon="IMPORT")
            return
        draw_stack(layout, obj)
        layout.menu(FLAWSMITH_MT_add_defect.bl_idname, text="Add Defect", icon="ADD")
        row = layout.row()
        row.label(text="Unit")
        row.operator_menu_enum(ops.FLAWSMITH_OT_set_unit.bl_idname, "unit", text=part_unit(obj))
        column = layout.column(align=True)
        column.operator(ops.FLAWSMITH_OT_export_recipe.bl_idname, icon="EXPORT")
        column.operator(ops.FLAWSMITH_OT_import_recipe.bl_idname, icon="IMPORT")
        layout.operator(ops.FLAWSMITH_OT_render_preview.bl_idname, icon="RENDER_STILL")


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


def draw_in_add_modifier(self: Any, context: Context) -> None:
    """Our line of the Add Modifier menu."""
    self.layout.menu(FLAWSMITH_MT_add_defect.bl_idname, icon="MOD_DISPLACE")


def draw_in_import(self: Any, context: Context) -> None:
    """Our line of the import menu."""
    self.layout.operator(
        ops.FLAWSMITH_OT_open_part.bl_idname, text="Part for Defects (.stl, .obj, .ply)"
    )


CLASSES = (FLAWSMITH_MT_add_defect, FLAWSMITH_PT_defects)
MENUS = {"OBJECT_MT_modifier_add": draw_in_add_modifier, "TOPBAR_MT_file_import": draw_in_import}


def register() -> None:
    """Add the panel and the menu lines."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    for menu, draw in MENUS.items():
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    """Take the panel and the menu lines away."""
    for menu, draw in MENUS.items():
        getattr(bpy.types, menu).remove(draw)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
