# SPDX-License-Identifier: GPL-3.0-or-later
"""From the schema's fields to the sockets of a modifier: types, defaults, bounds, descriptions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .nodes import Tree, Value
from .schema import Field, fields

GEOMETRY = "Geometry"

SOCKETS = {
    "number": "NodeSocketFloat",
    "integer": "NodeSocketInt",
    "triple": "NodeSocketVector",
    "choice": "NodeSocketMenu",
    "SurfacePath": "NodeSocketObject",
    "points": "NodeSocketObject",
    "Bump": "NodeSocketObject",
}
SUBTYPES = {"length": "DISTANCE", "angle": "ANGLE", "vector": "TRANSLATION", "point": "TRANSLATION"}
LARGEST = {"number": float(np.finfo(np.float32).max), "integer": 2**31 - 1}


def toggle_title(field: Field) -> str:
    """Name of the socket that says whether an optional field counts."""
    return f"Use {field.title}"


def declare(tree: Tree, kind: str) -> dict[str, Value]:
    """Make the sockets of a defect; returns them by field name, toggles by ``use_`` and the name.

    ``geometry`` is the mesh that comes in.
    """
    interface = tree.tree.interface
    for direction in ("OUTPUT", "INPUT"):
        interface.new_socket(GEOMETRY, in_out=direction, socket_type="NodeSocketGeometry")
    for field in fields(kind):
        if field.optional:
            toggle = interface.new_socket(
                toggle_title(field), in_out="INPUT", socket_type="NodeSocketBool"
            )
            toggle.description = f"Whether {field.title} counts"
        _new_socket(interface, field)
    node = tree.node("NodeGroupInput")
    values = {"geometry": Value(tree, node.outputs[GEOMETRY])}
    for field in fields(kind):
        values[field.name] = Value(tree, node.outputs[field.title])
        if field.optional:
            values[f"use_{field.name}"] = Value(tree, node.outputs[toggle_title(field)])
    return values


def _new_socket(interface: Any, field: Field) -> None:
    socket = interface.new_socket(field.title, in_out="INPUT", socket_type=SOCKETS[field.type])
    socket.description = field.description.rstrip(".")
    if field.type in ("number", "triple") and field.quantity:
        socket.subtype = _subtype(field)
    if field.type in ("number", "integer"):
        socket.min_value = max(field.low, -LARGEST[field.type])
        socket.max_value = min(field.high, LARGEST[field.type])
    default = field.suggested if field.default is None else field.default
    if field.type in ("number", "integer", "triple") and default is not None:
        socket.default_value = default


def _subtype(field: Field) -> str:
    if field.quantity == "ratio":
        return "FACTOR" if math.isfinite(field.low) and math.isfinite(field.high) else "NONE"
    return SUBTYPES.get(field.quantity or "", "XYZ" if field.type == "triple" else "NONE")


def finish(tree: Tree, geometry: Value, kind: str) -> None:
    """Connect the mesh that goes out, and set the menus' defaults, which exist only by now."""
    out = tree.node("NodeGroupOutput", geometry)
    out.is_active_output = True
    for field in fields(kind):
        if field.type == "choice":
            socket = tree.tree.interface.items_tree[field.title]
            socket.default_value = field.default
    tree.arrange()
