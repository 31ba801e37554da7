# SPDX-License-Identifier: GPL-3.0-or-later
"""Where defects and parts are found in Blender's own menus."""

from __future__ import annotations

from typing import Any

import bpy

from ..operators import random_place, stack
from ..operators.add import KIND_ITEMS, FLAWSMITH_OT_add_defect
from ..operators.parts import FLAWSMITH_OT_open_part

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
        for kind, title, _ in KIND_ITEMS:
            line = layout.operator(FLAWSMITH_OT_add_defect.bl_idname, text=title, icon=ICONS[kind])
            line.kind = kind


class FLAWSMITH_MT_stack(bpy.types.Menu):  # noqa: N801
    """What is done less often with a stack of defects."""

    bl_idname = "FLAWSMITH_MT_stack"
    bl_label = "Stack of Defects"

    def draw(self, context: Context) -> None:
        """One line an operator."""
        layout: Any = self.layout
        layout.operator(stack.FLAWSMITH_OT_mirror.bl_idname, icon="MOD_MIRROR")
        layout.operator(random_place.FLAWSMITH_OT_random_place.bl_idname, icon="STICKY_UVS_DISABLE")
        layout.separator()
        copy, move = stack.FLAWSMITH_OT_copy_to_selected.bl_idname, "Move Defects to Selected"
        layout.operator(copy, icon="COPYDOWN").move = False
        layout.operator(copy, text=move, icon="FORWARD").move = True
        layout.separator()
        layout.operator(stack.FLAWSMITH_OT_renumber.bl_idname, icon="LINENUMBERS_ON")
        layout.operator(stack.FLAWSMITH_OT_make_independent.bl_idname, icon="UNLINKED")


class FLAWSMITH_MT_defects(bpy.types.Menu):  # noqa: N801
    """All that is done with a stack of defects."""

    bl_idname = "FLAWSMITH_MT_defects"
    bl_label = "Defects"

    def draw(self, context: Context) -> None:
        """The kinds, then what is done with those that are there."""
        layout: Any = self.layout
        layout.menu(FLAWSMITH_MT_add_defect.bl_idname, text="Add Defect", icon="ADD")
        layout.operator(stack.FLAWSMITH_OT_duplicate.bl_idname, icon="DUPLICATE")
        layout.operator(stack.FLAWSMITH_OT_remove.bl_idname, icon="REMOVE")
        layout.separator()
        layout.menu_contents(FLAWSMITH_MT_stack.bl_idname)


def draw_in_object(self: Any, context: Context) -> None:
    """Our line of the 3D view's Object menu."""
    self.layout.separator()
    self.layout.menu(FLAWSMITH_MT_defects.bl_idname, icon="MOD_DISPLACE")


def draw_in_add_modifier(self: Any, context: Context) -> None:
    """Our line of the Add Modifier menu."""
    self.layout.menu(FLAWSMITH_MT_add_defect.bl_idname, icon="MOD_DISPLACE")


def draw_in_import(self: Any, context: Context) -> None:
    """Our line of the import menu."""
    self.layout.operator(
        FLAWSMITH_OT_open_part.bl_idname, text="Part for Defects (.stl, .obj, .ply)"
    )


CLASSES = (FLAWSMITH_MT_add_defect, FLAWSMITH_MT_stack, FLAWSMITH_MT_defects)
MENUS = {
    "OBJECT_MT_modifier_add": draw_in_add_modifier,
    "VIEW3D_MT_object": draw_in_object,
    "TOPBAR_MT_file_import": draw_in_import,
}
