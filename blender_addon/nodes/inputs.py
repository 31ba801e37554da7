# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of a modifier that shows a node group, read and set by the names that people see."""

from __future__ import annotations

from typing import Any

import bpy

# Since then a modifier's inputs are properties of their own, no longer custom ones, and a menu's
# value is the name of its item, no longer the number.
RNA_INPUTS = bpy.app.version >= (5, 2)


def get_input(modifier: Any, title: str) -> Any:
    """The value of a modifier's input."""
    name = _identifier(modifier, title)
    return getattr(modifier.properties.inputs, name).value if RNA_INPUTS else modifier[name]


def set_input(modifier: Any, title: str, value: Any) -> None:
    """Set a modifier's input."""
    name = _identifier(modifier, title)
    if RNA_INPUTS:
        getattr(modifier.properties.inputs, name).value = value
    else:
        modifier[name] = value


def _identifier(modifier: Any, title: str) -> str:
    """What Blender calls an input, found by the name that people see."""
    items = modifier.node_group.interface.items_tree
    return next(
        item.identifier
        for item in items
        if item.item_type == "SOCKET" and item.in_out == "INPUT" and item.name == title
    )


def input_property(modifier: Any, title: str) -> tuple[Any, str]:
    """What a panel shows an input by: the owner of the property, and its path there."""
    name = _identifier(modifier, title)
    if RNA_INPUTS:
        return getattr(modifier.properties.inputs, name), "value"
    return modifier, f'["{name}"]'
