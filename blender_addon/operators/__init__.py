# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done from Blender's menus; each step can be undone."""

from __future__ import annotations

import bpy

from . import add, knowledge, parts, previews, random_place, ranges, recipes, stack

CLASSES = (
    *parts.CLASSES,
    *add.CLASSES,
    *random_place.CLASSES,
    *stack.CLASSES,
    *recipes.CLASSES,
    *ranges.CLASSES,
    *knowledge.CLASSES,
    *previews.CLASSES,
)


def register() -> None:
    """Add the operators."""
    for operator in CLASSES:
        bpy.utils.register_class(operator)


def unregister() -> None:
    """Take the operators away."""
    for operator in reversed(CLASSES):
        bpy.utils.unregister_class(operator)
