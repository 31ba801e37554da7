# SPDX-License-Identifier: GPL-3.0-or-later
"""Where defects and parts are found in Blender's own menus."""

from __future__ import annotations

from typing import Any

import bpy

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


def draw_in_add_modifier(self: Any, context: Context) -> None:
    """Our line of the Add Modifier menu."""
    self.layout.menu(FLAWSMITH_MT_add_defect.bl_idname, icon="MOD_DISPLACE")


def draw_in_import(self: Any, context: Context) -> None:
    """Our line of the import menu."""
    self.layout.operator(
        FLAWSMITH_OT_open_part.bl_idname, text="Part for Defects (.stl, .obj, .ply)"
    )


CLASSES = (FLAWSMITH_MT_add_defect,)
MENUS = {"OBJECT_MT_modifier_add": draw_in_add_modifier, "TOPBAR_MT_file_import": draw_in_import}
