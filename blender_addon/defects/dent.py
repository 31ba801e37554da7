# SPDX-License-Identifier: GPL-3.0-or-later
"""Dent: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from ..nodes.formulas import BEYOND, facing, falloff, keep_source, mark, push
from ..nodes.gizmos import length_handle, point_handle, sideways
from ..nodes.interface import declare, finish
from ..nodes.tree import Tree, Value


def dent(tree: Tree) -> None:
    """Press the center in."""
    inputs = declare(tree, "dent")
    geometry, normal = keep_source(tree, inputs["geometry"])
    distance = (tree.position() - inputs["center"]).length()
    geometry, near = tree.keep(geometry, "near", distance < inputs["radius"] * BEYOND)
    weight = falloff(tree, distance / inputs["radius"], inputs["falloff"])
    faced = facing(tree, normal, inputs["center_normal"].unit(), inputs["facing_angle"])
    weight *= tree.switch(inputs["use_center_normal"], faced, 1.0)
    weight = tree.where_active(tree.is_nonzero(inputs["depth"]), weight)
    geometry, weight = tree.keep(geometry, "weight", weight, near)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    direction = push(tree, normal, inputs["use_direction"], inputs["direction"])
    geometry = tree.move(geometry, direction * (inputs["depth"] * weight), near)
    _handles(tree, inputs)
    finish(tree, geometry, "dent")


def _handles(tree: Tree, inputs: dict[str, Value]) -> None:
    """Center, radius and depth; the arrow of the depth stands at the edge, clear of others."""
    with tree.frame("Handles"):
        center, radius, depth = inputs["center"], inputs["radius"], inputs["depth"]
        upright = tree.vector(0.0, 0.0, 1.0)
        outward = tree.switch(inputs["use_center_normal"], inputs["center_normal"].unit(), upright)
        down = tree.switch(inputs["use_direction"], inputs["direction"].unit(), -outward)
        aside = sideways(tree, down)
        point_handle(tree, center)
        length_handle(tree, radius, center + aside * radius, aside, along_surface=True)
        length_handle(tree, depth, center - aside * radius + down * depth, down)
