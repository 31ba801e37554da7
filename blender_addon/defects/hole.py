# SPDX-License-Identifier: GPL-3.0-or-later
"""Hole: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.attributes import NORMAL
from ..documents.schema import CONSTANTS
from ..nodes.formulas import BEYOND, cosine_falloff, facing, keep_source, mark
from ..nodes.gizmos import length_handle, point_handle, sideways
from ..nodes.interface import declare, finish
from ..nodes.noise import roughened
from ..nodes.tree import Tree, Value


@dataclass(frozen=True)
class Cylinder:
    """The hole's coordinates: fields over the part's points.

    Attributes:
        axis: unit, into the material.
        below: along the axis from the center.
        outward: unit, away from the axis.
        away: from the axis.
    """

    axis: Value
    below: Value
    outward: Value
    away: Value


def hole(tree: Tree) -> None:
    """Take the surface in the cylinder away, or turn it into the hole's wall and bottom."""
    inputs = declare(tree, "hole")
    geometry, normal = keep_source(tree, inputs["geometry"])
    place = _cylinder(tree, inputs)
    geometry, near = tree.keep(geometry, "near", _near(tree, place, inputs))
    geometry, edge = tree.keep(geometry, "edge", _edge(tree, place, inputs), near)
    faced = facing(tree, normal, -place.axis, inputs["facing_angle"])
    geometry, faced = tree.keep(geometry, "faced", faced, near)
    inside = near & (place.away < edge)
    raised = faced * cosine_falloff(tree, (place.away - edge) / inputs["rim_width"])
    rim = tree.where_active(tree.is_nonzero(inputs["rim"]), raised)
    fate = tree.menu(inputs["walls"], {"none": 0.0, "open": 1.0, "closed": 2.0})
    drawn = inside & (faced > 0.0) & (fate > 0.5)
    on_wall, shift = _onto_walls(tree, place, edge, inputs, inputs["rim"] * raised)
    removed = inside & ~(drawn & (on_wall | (fate > 1.5)))
    geometry, removed = tree.keep(geometry, "removed", removed, near)
    weight = tree.switch(inside, tree.constant(1.0), rim)
    geometry, weight = tree.keep(geometry, "weight", weight, near)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"], removed)
    turned = tree.switch(on_wall, -place.outward, -place.axis)
    geometry = tree.store(geometry, NORMAL, turned, drawn)
    lifted = place.axis * (rim * inputs["rim"] * -1.0)
    geometry = tree.move(geometry, tree.switch(drawn, shift, lifted), near)
    _handles(tree, place.axis, inputs)
    finish(tree, tree.delete(geometry, removed), "hole")


def _cylinder(tree: Tree, inputs: dict[str, Value]) -> Cylinder:
    with tree.frame("Cylinder"):
        axis = inputs["direction"].unit()
        offset = tree.position() - inputs["center"]
        below = offset.dot(axis)
        across = offset - axis * below
        return Cylinder(axis, below, across.unit(), across.length())


def _near(tree: Tree, place: Cylinder, inputs: dict[str, Value]) -> Value:
    """Whether a point takes part: low and high enough, and no farther than the rim may reach."""
    with tree.frame("Near the hole"):
        radius, depth = inputs["radius"], inputs["depth"]
        level = (place.below > -radius) & ~(place.below > depth) & (depth > 0.0)
        reach = radius * (1.0 + inputs["roughness"]) + inputs["rim_width"]
        return level & (place.away < reach * BEYOND)


def _edge(tree: Tree, place: Cylinder, inputs: dict[str, Value]) -> Value:
    """Radius of the hole in the direction of a point."""
    radius = inputs["radius"]
    wavelength = radius * CONSTANTS["hole_wavelength"]
    around = place.outward * radius
    return radius * roughened(tree, inputs["roughness"], around, wavelength, inputs["seed"])


def _onto_walls(
    tree: Tree, place: Cylinder, edge: Value, inputs: dict[str, Value], lift: Value
) -> tuple[Value, Value]:
    """Whether a point of the disc goes to the wall or to the bottom, and the way there."""
    with tree.frame("Wall and bottom"):
        depth = inputs["depth"]
        spread = tree.math("SQRT", 1.0 + depth * 2.0 / inputs["radius"])
        u = place.away / edge
        on_wall = ~(u * spread < 1.0)
        down = tree.clip((1.0 - u) / (1.0 - tree.math("DIVIDE", 1.0, spread)))
        new_away = tree.switch(on_wall, edge, u * spread * edge)
        new_below = (place.below - lift) * (1.0 - down) + depth * down
        sideways = place.outward * (new_away - place.away)
        return on_wall, sideways + place.axis * (new_below - place.below)


def _handles(tree: Tree, axis: Value, inputs: dict[str, Value]) -> None:
    """Center, radius and depth; the arrow of the depth stands on the bottom."""
    with tree.frame("Handles"):
        center, radius, depth = inputs["center"], inputs["radius"], inputs["depth"]
        aside = sideways(tree, axis)
        point_handle(tree, center)
        length_handle(tree, radius, center + aside * radius, aside, along_surface=True)
        length_handle(tree, depth, center + axis * depth, axis)
