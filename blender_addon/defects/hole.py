# SPDX-License-Identifier: GPL-3.0-or-later
"""Hole: formulas in ``docs/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

from ..attribute_io import NORMAL
from ..formulas import cosine_falloff, facing, keep_source, mark
from ..interface import declare, finish
from ..nodes import Tree, Value
from ..noise import noise
from ..schema import CONSTANTS


@dataclass(frozen=True)
class Cylinder:
    """The hole's coordinates: fields over the part's points.

    Attributes:
        axis: unit, into the material.
        below: along the axis from the center.
        outward: unit, away from the axis.
        away: from the axis.
        edge: radius of the hole in the point's direction.
        reached: whether the point is low and high enough.
    """

    axis: Value
    below: Value
    outward: Value
    away: Value
    edge: Value
    reached: Value


def hole(tree: Tree) -> None:
    """Take the surface in the cylinder away, or turn it into the hole's wall and bottom."""
    inputs = declare(tree, "hole")
    geometry, normal = keep_source(tree, inputs["geometry"])
    place = _cylinder(tree, inputs)
    inside = place.reached & (place.away < place.edge)
    around = place.reached & ~inside
    faced = facing(tree, normal, -place.axis, inputs["facing_angle"])
    raised = faced * cosine_falloff(tree, (place.away - place.edge) / inputs["rim_width"])
    rim = tree.indicator(around & tree.is_nonzero(inputs["rim"])) * raised
    fate = tree.menu(inputs["walls"], {"none": 0.0, "open": 1.0, "closed": 2.0})
    drawn = inside & (faced > 0.0) & (fate > 0.5)
    on_wall, shift = _onto_walls(tree, place, inputs, inputs["rim"] * raised)
    removed = inside & ~(drawn & (on_wall | (fate > 1.5)))
    lifted = place.axis * (rim * inputs["rim"] * -1.0)
    offset = tree.switch(drawn, shift, lifted)
    turned = tree.switch(drawn, tree.switch(on_wall, -place.outward, -place.axis), normal)
    geometry, offset = tree.capture(geometry, offset)
    geometry, turned = tree.capture(geometry, turned)
    geometry, removed = tree.capture(geometry, removed)
    weight = tree.switch(inside, tree.constant(1.0), rim)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"], removed)
    geometry = tree.store(geometry, NORMAL, turned)
    kept = tree.node(
        "GeometryNodeDeleteGeometry", tree.move(geometry, offset), removed, domain="POINT"
    )
    finish(tree, tree.out(kept), "hole")


def _cylinder(tree: Tree, inputs: dict[str, Value]) -> Cylinder:
    with tree.frame("Cylinder"):
        axis = inputs["direction"].unit()
        radius, depth = inputs["radius"], inputs["depth"]
        offset = tree.position() - inputs["center"]
        below = offset.dot(axis)
        across = offset - axis * below
        outward = across.unit()
        wavelength = radius * CONSTANTS["hole_wavelength"]
        rough = noise(tree, outward * radius, wavelength, inputs["seed"])
        edge = radius * (1.0 + inputs["roughness"] * rough)
        reached = (below > -radius) & ~(below > depth) & (depth > 0.0)
        return Cylinder(axis, below, outward, across.length(), edge, reached)


def _onto_walls(
    tree: Tree, place: Cylinder, inputs: dict[str, Value], lift: Value
) -> tuple[Value, Value]:
    """Whether a point of the disc goes to the wall or to the bottom, and the way there."""
    with tree.frame("Wall and bottom"):
        depth = inputs["depth"]
        spread = tree.math("SQRT", 1.0 + depth * 2.0 / inputs["radius"])
        u = place.away / place.edge
        on_wall = ~(u * spread < 1.0)
        down = tree.clip((1.0 - u) / (1.0 - tree.math("DIVIDE", 1.0, spread)))
        new_away = tree.switch(on_wall, place.edge, u * spread * place.edge)
        new_below = (place.below - lift) * (1.0 - down) + depth * down
        sideways = place.outward * (new_away - place.away)
        return on_wall, sideways + place.axis * (new_below - place.below)
