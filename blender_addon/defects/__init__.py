# SPDX-License-Identifier: GPL-3.0-or-later
"""The modifiers' node groups by kind, built by code from the schema and the formulas."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ..nodes.tree import Tree, new_tree
from .bend import bend
from .crack import crack
from .dent import dent
from .deposit import deposit
from .freeform import freeform
from .hole import hole
from .scratch import scratch

NODE_GROUPS: dict[str, Callable[[Tree], None]] = {
    "dent": dent,
    "scratch": scratch,
    "bend": bend,
    "crack": crack,
    "freeform": freeform,
    "hole": hole,
    "deposit": deposit,
}

# In the groups' names, so that the groups of old files stay what they were.
VERSION = 1


def group_name(kind: str) -> str:
    """Name of the node group of a kind."""
    return f"Flawsmith {kind.title()} v{VERSION}"


def node_group(kind: str) -> bpy.types.NodeTree:
    """The node group of ``kind``, built where the file has none yet."""
    name = group_name(kind)
    if name in bpy.data.node_groups:
        return bpy.data.node_groups[name]
    group, tree = new_tree(name)
    NODE_GROUPS[kind](tree)
    return group
