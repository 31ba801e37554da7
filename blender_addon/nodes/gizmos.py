# SPDX-License-Identifier: GPL-3.0-or-later
"""Handles on the screen: gizmo nodes that set a defect's inputs where the defect is.

Blender shows them while the defect is the active modifier. They hang on the inputs and change
nothing of what the group computes. Blender follows the link of what a handle sets back to an
input of the group through arithmetic with constants only, so that link must be as plain as that.
"""

from __future__ import annotations

from .tree import Operand, Tree, Value

# Below this length of the cross product, a direction is taken to be that of the x axis.
ALONG_X = 1e-3


def point_handle(tree: Tree, point: Value) -> None:
    """Three arrows that move ``point``."""
    transform = tree.out(tree.node("FunctionNodeCombineTransform", point))
    gizmo = tree.node("GeometryNodeGizmoTransform", transform, point)
    for axis in "xyz":
        setattr(gizmo, f"use_translation_{axis}", True)
        setattr(gizmo, f"use_rotation_{axis}", False)
        setattr(gizmo, f"use_scale_{axis}", False)


def length_handle(
    tree: Tree, length: Value, at: Value, direction: Value, *, along_surface: bool = False
) -> None:
    """A handle that is dragged along ``direction`` and makes ``length`` greater by as much.

    A box for a size along the surface, an arrow in another colour for a depth or a height.

    Args:
        tree: of the defect.
        length: an input, or a multiple of one.
        at: where the handle stands; it must move with the length.
        direction: unit.
        along_surface: which of the two it is.
    """
    style, colour = ("BOX", "PRIMARY") if along_surface else ("ARROW", "SECONDARY")
    settings = {"draw_style": style, "color_id": colour}
    tree.node("GeometryNodeGizmoLinear", length, at, direction, **settings)


def angle_handle(tree: Tree, angle: Value, at: Value, axis: Value, radius: Operand) -> None:
    """A dial about ``axis`` that turns ``angle``."""
    gizmo = tree.node("GeometryNodeGizmoDial", angle, at, axis)
    gizmo.inputs["Screen Space"].default_value = False
    tree.connect(radius, gizmo.inputs["Radius"])


def sideways(tree: Tree, direction: Value) -> Value:
    """A unit vector across ``direction``, whichever that is."""
    across = direction.cross((1.0, 0.0, 0.0))
    return tree.switch(across.length() > ALONG_X, across.unit(), direction.cross((0.0, 1.0, 0.0)))
