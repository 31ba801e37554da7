# SPDX-License-Identifier: GPL-3.0-or-later
"""Flawsmith: design surface defects as modifiers, and export them as recipes for 3D scans."""


def register() -> None:
    """Add the operators, menus, panel and command to Blender."""
    # Only now, so that the schema can be read where there is no Blender.
    from . import commands, operators, ui

    for module in (operators, ui, commands):
        module.register()


def unregister() -> None:
    """Take all that ``register`` added away again."""
    from . import commands, operators, ui

    for module in (commands, ui, operators):
        module.unregister()
