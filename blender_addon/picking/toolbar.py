# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools in the toolbar of the 3D view: one stays at hand and places with every click."""

from __future__ import annotations

from typing import Any

import bpy

from .lasso import FLAWSMITH_OT_lasso
from .place import FLAWSMITH_OT_place
from .plane import FLAWSMITH_OT_place_plane
from .scratch import FLAWSMITH_OT_draw_scratch


def _tool(operator: Any, icon: str, *settings: str) -> type:
    """A tool that calls ``operator`` where the left button goes down.

    Args:
        operator: one that picks.
        icon: name of one of Blender's own pictures of tools.
        settings: properties of the operator that are chosen before.
    """

    def draw_settings(context: Any, layout: Any, tool: Any) -> None:
        properties = tool.operator_properties(operator.bl_idname)
        for name in settings:
            layout.prop(properties, name)

    press = {"type": "LEFTMOUSE", "value": "PRESS"}
    return type(
        f"{operator.__name__}_tool",
        (bpy.types.WorkSpaceTool,),
        {
            "bl_space_type": "VIEW_3D",
            "bl_context_mode": "OBJECT",
            "bl_idname": operator.bl_idname,
            "bl_label": operator.bl_label,
            "bl_description": operator.bl_description,
            "bl_icon": icon,
            "bl_cursor": "CROSSHAIR",
            "bl_keymap": ((operator.bl_idname, press, None),),
            "draw_settings": staticmethod(draw_settings),
        },
    )


TOOLS = (
    _tool(FLAWSMITH_OT_place, "ops.gpencil.primitive_circle", "kind"),
    _tool(FLAWSMITH_OT_draw_scratch, "ops.curve.draw"),
    _tool(FLAWSMITH_OT_place_plane, "ops.sculpt.line_trim", "kind"),
    _tool(FLAWSMITH_OT_lasso, "ops.sculpt.lasso_trim", "bumps", "seed"),
)


def register() -> None:
    """Add the tools below Blender's own."""
    for tool in TOOLS:
        bpy.utils.register_tool(tool, separator=tool is TOOLS[0])


def unregister() -> None:
    """Take the tools away."""
    for tool in reversed(TOOLS):
        bpy.utils.unregister_tool(tool)
