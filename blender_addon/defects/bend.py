# SPDX-License-Identifier: GPL-3.0-or-later
"""Bend: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from ..data.attributes import NORMAL
from ..nodes.formulas import flat_falloff, keep_source, mark
from ..nodes.gizmos import angle_handle, length_handle, point_handle
from ..nodes.interface import declare, finish
from ..nodes.tree import Tree, Value

# Below this angle sin(x) / x is 1 - x² / 6 to better than single precision.
SMALL_ANGLE = 1e-3


def bend(tree: Tree) -> None:
    """Turn what lies to the side of the hinge; the mask is the band."""
    inputs = declare(tree, "bend")
    band = inputs["band"]
    geometry, normal = keep_source(tree, inputs["geometry"])
    axis = inputs["hinge_axis"].unit()
    up = axis.cross(inputs["side"]).unit()
    side = up.cross(axis)
    offset = tree.position() - inputs["hinge_point"]
    x, y = offset.dot(side), offset.dot(up)
    angle = inputs["angle"] * tree.clip(x / band)
    new_x, new_y = _on_arc(tree, x, y, angle, band)
    behind = (x > 0.0) & tree.is_nonzero(inputs["angle"])
    shift = side * (new_x - x) + up * (new_y - y)
    half = band * 0.5
    weight = flat_falloff(tree, tree.math("ABSOLUTE", x - half) / half)
    geometry, behind = tree.keep(geometry, "behind", behind)
    geometry, weight = tree.keep(geometry, "weight", weight, behind)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    geometry = tree.store(geometry, NORMAL, _turn(tree, normal, axis, angle), behind)
    _handles(tree, axis, side, inputs)
    finish(tree, tree.move(geometry, shift, behind), "bend")


def _on_arc(tree: Tree, x: Value, y: Value, angle: Value, band: Value) -> tuple[Value, Value]:
    """Where (x, y) goes when the fibre y = 0 follows an arc through ``angle`` and its tangent."""
    with tree.frame("Arc"):
        within, beyond = tree.minimum(x, band), tree.maximum(x - band, 0.0)
        sine, cosine = tree.math("SINE", angle), tree.math("COSINE", angle)
        half = angle * 0.5
        new_x = within * _sinc(tree, angle) - y * sine + beyond * cosine
        rise = within * _sinc(tree, half) * tree.math("SINE", half)
        return new_x, rise + y * cosine + beyond * sine


def _sinc(tree: Tree, angle: Value) -> Value:
    """sin(angle) / angle, 1 at 0."""
    large = tree.math("ABSOLUTE", angle) > SMALL_ANGLE
    return tree.switch(large, tree.math("SINE", angle) / angle, 1.0 - angle * angle * (1.0 / 6.0))


def _turn(tree: Tree, vector: Value, axis: Value, angle: Value) -> Value:
    """Rodrigues' rotation of ``vector`` about ``axis``."""
    with tree.frame("Turned normal"):
        along = axis * vector.dot(axis)
        across = (vector - along) * tree.math("COSINE", angle)
        return across + axis.cross(vector) * tree.math("SINE", angle) + along


def _handles(tree: Tree, axis: Value, side: Value, inputs: dict[str, Value]) -> None:
    """Hinge, band and angle; the dial of the angle is as large as the band is wide."""
    with tree.frame("Handles"):
        hinge, band = inputs["hinge_point"], inputs["band"]
        point_handle(tree, hinge)
        length_handle(tree, band, hinge + side * band, side, along_surface=True)
        angle_handle(tree, inputs["angle"], hinge, axis, band)
