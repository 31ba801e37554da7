# SPDX-License-Identifier: GPL-3.0-or-later
"""Freeform: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from ..nodes.formulas import facing, keep_source, mark, near_box, push, smoothstep
from ..nodes.interface import declare, finish
from ..nodes.tree import Tree, Value
from ..placing.supports import BUMP_AMPLITUDE, BUMP_SIGMA

# Farther inside than any point: where the search for the nearest face begins.
FAR_INSIDE = -1e30


def freeform(tree: Tree) -> None:
    """Displace by the sum of the bumps and smooth, within the hull."""
    inputs = declare(tree, "freeform")
    geometry, normal = keep_source(tree, inputs["geometry"])
    bumps = tree.object_geometry(inputs["bumps"])
    hull = tree.out(tree.node("GeometryNodeConvexHull", tree.object_geometry(inputs["hull"])))
    near = near_box(tree, tree.bounds(hull), tree.constant(0.0))
    geometry, near = tree.keep(geometry, "near", near)
    faced = facing(tree, normal, inputs["normal"].unit(), inputs["facing_angle"])
    weight = _weight(tree, hull, inputs["margin"]) * tree.switch(inputs["use_normal"], faced, 1.0)
    active = (_largest_amplitude(tree, bumps) > 0.0) | (inputs["smoothing"] > 0.0)
    weight = tree.where_active(active, weight)
    geometry, weight = tree.keep(geometry, "weight", weight, near)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    direction = push(tree, normal, inputs["use_direction"], inputs["direction"])
    bumped = tree.move(geometry, direction * (_sum_of_bumps(tree, bumps) * weight), weight > 0.0)
    smoothed = _smoothed(tree, bumped, weight, inputs["smoothing"])
    finish(tree, tree.switch(inputs["smoothing"] > 0.0, smoothed, bumped), "freeform")


def _smoothed(tree: Tree, geometry: Value, weight: Value, rounds: Value) -> Value:
    """The mesh with its points drawn towards where ``rounds`` of blurring would put them."""
    with tree.frame("Smoothing"):
        blur = tree.node(
            "GeometryNodeBlurAttribute", tree.position(), rounds, data_type="FLOAT_VECTOR"
        )
        return tree.move(geometry, (tree.out(blur) - tree.position()) * weight, weight > 0.0)


def _weight(tree: Tree, hull: Value, margin: Value) -> Value:
    """1 well inside the hull, 0 outside."""
    with tree.frame("Hull"):
        size = tree.node("GeometryNodeAttributeDomainSize", hull, component="MESH")
        count = tree.out(size, "Face Count")
        face_normal = tree.out(tree.node("GeometryNodeInputNormal"), "Normal")

        def further_out(index: Value, greatest: Value) -> Value:
            normal = tree.sample(hull, face_normal, index, "FACE")
            middle = tree.sample(hull, tree.position(), index, "FACE")
            return tree.maximum(greatest, (tree.position() - middle).dot(normal))

        distance = tree.repeat(count, tree.constant(FAR_INSIDE), further_out)
        inside = tree.indicator((distance < 0.0) & (count > 3.0))
        return inside * tree.switch(
            tree.is_nonzero(margin), smoothstep(tree, -distance / margin), 1.0
        )


def _sum_of_bumps(tree: Tree, bumps: Value) -> Value:
    with tree.frame("Bumps"):
        size = tree.node("GeometryNodeAttributeDomainSize", bumps, component="MESH")
        amplitude, _ = tree.attribute(BUMP_AMPLITUDE, "FLOAT")
        sigma, _ = tree.attribute(BUMP_SIGMA, "FLOAT")

        def with_bump(index: Value, total: Value) -> Value:
            offset = tree.position() - tree.sample(bumps, tree.position(), index, "POINT")
            spread = tree.sample(bumps, sigma, index, "POINT")
            squared = offset.dot(offset) / (spread * spread * 2.0)
            height = tree.sample(bumps, amplitude, index, "POINT")
            return total + height * tree.math("EXPONENT", -squared)

        return tree.repeat(tree.out(size, "Point Count"), tree.constant(0.0), with_bump)


def _largest_amplitude(tree: Tree, bumps: Value) -> Value:
    amplitude, _ = tree.attribute(BUMP_AMPLITUDE, "FLOAT")
    size = tree.math("ABSOLUTE", amplitude)
    node = tree.node("GeometryNodeAttributeStatistic", bumps, None, size, data_type="FLOAT")
    return tree.out(node, "Max")
