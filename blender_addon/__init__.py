# SPDX-License-Identifier: GPL-3.0-or-later
"""Flawsmith: design surface defects as modifiers, and export them as recipes for 3D scans."""


def register() -> None:
    """Add the operators, menus, panel, command and asset library to Blender."""
    # Only now, so that the schema can be read where there is no Blender.
    from . import assets, commands, operators, overlay_drawing, picking, ranges, ui

    for module in (ranges, operators, picking, overlay_drawing, ui, commands, assets):
        module.register()


def unregister() -> None:
    """Take all that ``register`` added away again."""
    from . import assets, commands, operators, overlay_drawing, picking, ranges, ui

    for module in (assets, commands, ui, overlay_drawing, picking, operators, ranges):
        module.unregister()
