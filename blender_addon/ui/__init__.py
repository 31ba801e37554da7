# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is found in Blender's windows."""

from __future__ import annotations

import bpy

from . import knowledge, menus, overlay, panel, place, preferences, recipes, stack

CLASSES = (
    *menus.CLASSES,
    *panel.CLASSES,
    *stack.CLASSES,
    *place.CLASSES,
    *overlay.CLASSES,
    *recipes.CLASSES,
    *knowledge.CLASSES,
    *preferences.CLASSES,
    # Sections are shown in this order.
    *panel.PART_CLASSES,
)
MENUS = menus.MENUS


def register() -> None:
    """Add the panel and the menu lines."""
    stack.register()
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
    stack.unregister()
