# SPDX-License-Identifier: GPL-3.0-or-later
"""Dent: formulas in ``docs/defects.md``."""

from __future__ import annotations

from ..formulas import facing, falloff, keep_source, mark, push
from ..interface import declare, finish
from ..nodes import Tree


def dent(tree: Tree) -> None:
    """Press the center in."""
    inputs = declare(tree, "dent")
    geometry, normal = keep_source(tree, inputs["geometry"])
    distance = (tree.position() - inputs["center"]).length()
    weight = falloff(tree, distance / inputs["radius"], inputs["falloff"])
    faced = facing(tree, normal, inputs["center_normal"].unit(), inputs["facing_angle"])
    weight *= tree.switch(inputs["use_center_normal"], faced, 1.0)
    weight = tree.where_active(tree.is_nonzero(inputs["depth"]), weight)
    direction = push(tree, normal, inputs["use_direction"], inputs["direction"])
    geometry, offset = tree.capture(geometry, direction * (inputs["depth"] * weight))
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    finish(tree, tree.move(geometry, offset), "dent")
