# SPDX-License-Identifier: GPL-3.0-or-later
"""The terms that defects share (``docs/reference/defects.md``, "Common terms"), as nodes."""

from __future__ import annotations

import math

from ..data.attributes import LABEL, MASK, NORMAL, SOURCE_INDEX, WEIGHT
from ..documents.schema import CONSTANTS
from .tree import Operand, Tree, Value

# How much farther than its reach a defect looks for its points: rounding must not lose any.
BEYOND = 1.001


def smoothstep(tree: Tree, t: Operand) -> Value:
    """t² (3 − 2t) with t clipped to [0, 1]."""
    t = tree.clip(t)
    return t * t * (3.0 - 2.0 * t)


def cosine_falloff(tree: Tree, u: Value) -> Value:
    """½ (1 + cos πu), u clipped to [0, 1]."""
    return 0.5 + 0.5 * tree.math("COSINE", tree.clip(u) * math.pi)


def flat_falloff(tree: Tree, u: Value) -> Value:
    """1 up to the plateau's end, then a smoothstep down to 0 at u = 1."""
    plateau = CONSTANTS["flat_plateau"]
    return 1.0 - smoothstep(tree, (u - plateau) * (1.0 / (1.0 - plateau)))


def gaussian_falloff(tree: Tree, u: Value) -> Value:
    """A Gaussian, shifted and scaled to 0 at u = 1."""
    spread = 2.0 * CONSTANTS["gaussian_sigma"] ** 2
    end = math.exp(-1.0 / spread)
    u = tree.clip(u)
    return (tree.math("EXPONENT", u * u * (-1.0 / spread)) - end) * (1.0 / (1.0 - end))


def falloff(tree: Tree, u: Value, kind: Value) -> Value:
    """The falloff that the menu ``kind`` names, at ``u`` = distance / radius."""
    with tree.frame("Falloff"):
        values: dict[str, Operand] = {
            "cosine": cosine_falloff(tree, u),
            "linear": 1.0 - tree.clip(u),
            "gaussian": gaussian_falloff(tree, u),
            "flat": flat_falloff(tree, u),
        }
        return tree.menu(kind, values)


def facing(tree: Tree, normal: Value, support_normal: Value, angle: Value) -> Value:
    """1 up to half of ``angle`` between the normals, 0 from ``angle`` on."""
    with tree.frame("Facing"):
        end = tree.math("COSINE", angle)
        span = tree.math("COSINE", angle * 0.5) - end
        return smoothstep(tree, (normal.dot(support_normal) - end) / span)


def push(tree: Tree, normal: Value, use_direction: Value, direction: Value) -> Value:
    """Along what a positive depth goes: the given direction, else the inward normal."""
    with tree.frame("Push"):
        return tree.switch(use_direction, direction.unit(), -normal)


def keep_source(tree: Tree, geometry: Value) -> tuple[Value, Value]:
    """The mesh with its nominal normals and point numbers, and those normals.

    The first modifier of a stack stores them, the others find them.
    """
    with tree.frame("Nominal normals and point numbers"):
        kept, exists = tree.attribute(NORMAL, "FLOAT_VECTOR")
        own = tree.out(tree.node("GeometryNodeInputNormal"), "Normal")
        geometry = tree.store(geometry, NORMAL, tree.switch(exists, kept, own))
        number, exists = tree.attribute(SOURCE_INDEX, "INT")
        index = tree.out(tree.node("GeometryNodeInputIndex"))
        geometry = tree.store(geometry, SOURCE_INDEX, tree.switch(exists, number, index))
        normal, _ = tree.attribute(NORMAL, "FLOAT_VECTOR")
        return geometry, normal


def near_box(tree: Tree, corners: tuple[Value, Value], reach: Value) -> Value:
    """Whether a point lies in the box between ``corners``, made wider by ``reach`` on each side."""
    with tree.frame("Near the box"):
        low, high = corners
        half = (high - low) * 0.5 + tree.vector(reach, reach, reach)
        outside = tree.vector_math("ABSOLUTE", tree.position() - (low + high) * 0.5) - half * BEYOND
        x, y, z = tree.components(outside)
        return tree.maximum(tree.maximum(x, y), z) < 0.0


def mark(
    tree: Tree,
    geometry: Value,
    weight: Value,
    threshold: Value,
    label: Value,
    removed: Value | None = None,
) -> Value:
    """The mesh with mask, label and weight of this defect added to those before it.

    ``weight`` and ``removed`` must be kept: all points are asked for them.
    """
    with tree.frame("Ground truth"):
        anomalous = weight > threshold
        if removed is not None:
            anomalous = (anomalous | rim(tree, removed)) & ~removed
        geometry, anomalous = tree.keep(geometry, "anomalous", anomalous)
        geometry = tree.store(geometry, MASK, True, anomalous)
        geometry = tree.store(geometry, LABEL, label, anomalous)
        most, _ = tree.attribute(WEIGHT, "FLOAT")
        return tree.store(geometry, WEIGHT, tree.maximum(most, weight), weight > 0.0)


def rim(tree: Tree, removed: Value) -> Value:
    """Points that share an edge with removed ones."""
    # An edge has the conjunction of what holds for its ends, a point the disjunction of what holds
    # for its edges: both ends are kept, or the edge touches what is removed.
    kept = tree.evaluate_on("POINT", ~removed)
    return tree.evaluate_on("EDGE", ~kept)
