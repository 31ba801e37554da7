# SPDX-License-Identifier: GPL-3.0-or-later
"""Flawsmith: design surface defects as modifiers, and export them as recipes for 3D scans."""


def register() -> None:
    """Add the operators, menus, panel, command and asset library to Blender."""
    # Only now, so that the schema can be read where there is no Blender.
    from . import commands, knowledge, operators, picking, ui
    from .exchange import assets
    from .overlay import drawing
    from .stack import ranges

    for module in (ranges, knowledge, operators, picking, drawing, ui, commands, assets):
        module.register()


def unregister() -> None:
    """Take all that ``register`` added away again."""
    from . import commands, knowledge, operators, picking, ui
    from .exchange import assets
    from .overlay import drawing
    from .stack import ranges

    for module in (assets, commands, ui, drawing, picking, operators, knowledge, ranges):
        module.unregister()
