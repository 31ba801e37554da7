# SPDX-License-Identifier: GPL-3.0-or-later
"""From the schema's fields to the sockets of a modifier: types, defaults, bounds, descriptions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..documents.schema import SHARED, Field, fields
from .tree import Tree, Value

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
PLACE, SHAPE, GROUND_TRUTH = "Place", "Shape", "Ground Truth"
PANELS = {
    PLACE: "Where the defect is, and which way it faces",
    SHAPE: "Size, depth and form of the defect",
    GROUND_TRUTH: "What of the defect counts as anomalous, and as what",
}
# Which way a defect faces that has not been placed yet: down, into a surface that looks up.
X, Y, UP, DOWN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)
UNPLACED = {
    "bend": {"hinge_axis": Y, "side": X},
    "crack": {"normal": Y, "direction": DOWN},
    "dent": {"center_normal": UP, "direction": DOWN},
    "deposit": {"normal": UP, "heading": X},
    "freeform": {"normal": UP, "direction": DOWN},
    "hole": {"direction": DOWN},
    "scratch": {"direction": DOWN},
}
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
    for title, description in PANELS.items():
        of_panel = [field for field in fields(kind) if _panel_of(field) == title]
        closed = title == GROUND_TRUTH
        panel = interface.new_panel(title, description=description, default_closed=closed)
        for field in of_panel:
            socket = _new_socket(interface, field, _toggled(interface, field, panel))
            if field.name in UNPLACED[kind]:
                socket.default_value = UNPLACED[kind][field.name]
    node = tree.node("NodeGroupInput")
    values = {"geometry": Value(tree, node.outputs[GEOMETRY])}
    for field in fields(kind):
        values[field.name] = Value(tree, node.outputs[field.title])
        if field.optional:
            values[f"use_{field.name}"] = Value(tree, node.outputs[toggle_title(field)])
    return values


def input_sockets(group: Any) -> dict[str, Any]:
    """The inputs of a node group by name; panels may have the same names."""
    items = group.interface.items_tree
    return {
        item.name: item for item in items if item.item_type == "SOCKET" and item.in_out == "INPUT"
    }


def _panel_of(field: Field) -> str:
    if field.name in SHARED:
        return GROUND_TRUTH
    placed = field.quantity in ("point", "direction") or SOCKETS[field.type] == "NodeSocketObject"
    return PLACE if placed else SHAPE


def _toggled(interface: Any, field: Field, panel: Any) -> Any:
    """The panel for the field's socket: an optional one has its own, with a toggle in its head.

    Blender gives the toggle the name of the panel.
    """
    if not field.optional:
        return panel
    own = interface.new_panel(toggle_title(field), description=field.description.rstrip("."))
    interface.move_to_parent(own, panel, len(panel.interface_items))
    toggle = interface.new_socket(
        toggle_title(field), in_out="INPUT", socket_type="NodeSocketBool", parent=own
    )
    toggle.description = f"Whether {field.title} counts"
    toggle.is_panel_toggle = True
    toggle.force_non_field = True
    return own


def _new_socket(interface: Any, field: Field, panel: Any) -> Any:
    socket = interface.new_socket(
        field.title, in_out="INPUT", socket_type=SOCKETS[field.type], parent=panel
    )
    socket.description = field.description.rstrip(".")
    # A recipe holds one value for the whole part, so an attribute must not take its place.
    socket.force_non_field = True
    if field.type in ("number", "triple") and field.quantity:
        socket.subtype = _subtype(field)
    if field.type in ("number", "integer"):
        socket.min_value = max(field.low, -LARGEST[field.type])
        socket.max_value = min(field.high, LARGEST[field.type])
    default = field.suggested if field.default is None else field.default
    if field.type in ("number", "integer", "triple") and default is not None:
        socket.default_value = default
    return socket


def _subtype(field: Field) -> str:
    if field.quantity == "ratio":
        return "FACTOR" if math.isfinite(field.low) and math.isfinite(field.high) else "NONE"
    return SUBTYPES.get(field.quantity or "", "XYZ" if field.type == "triple" else "NONE")


def finish(tree: Tree, geometry: Value, kind: str) -> None:
    """Connect the mesh that goes out, and set the menus' defaults, which exist only by now."""
    out = tree.node("NodeGroupOutput", tree.forget(geometry))
    out.is_active_output = True
    for field in fields(kind):
        if field.type == "choice":
            socket = input_sockets(tree.tree)[field.title]
            socket.default_value = field.default
    tree.arrange()
