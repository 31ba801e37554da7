# SPDX-License-Identifier: GPL-3.0-or-later
"""Bend: formulas in ``docs/defects.md``."""

from __future__ import annotations

from ..attribute_io import NORMAL
from ..formulas import flat_falloff, keep_source, mark
from ..interface import declare, finish
from ..nodes import Tree, Value

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
    behind = tree.where_active(tree.is_nonzero(inputs["angle"]), tree.indicator(x > 0.0))
    shift = (side * (new_x - x) + up * (new_y - y)) * behind
    half = band * 0.5
    weight = flat_falloff(tree, tree.math("ABSOLUTE", x - half) / half) * behind
    geometry, shift = tree.capture(geometry, shift)
    geometry, turned = tree.capture(geometry, _turn(tree, normal, axis, angle * behind))
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    geometry = tree.store(geometry, NORMAL, turned)
    finish(tree, tree.move(geometry, shift), "bend")


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
