# SPDX-License-Identifier: GPL-3.0-or-later
"""Crack: formulas in ``docs/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

from ..attribute_io import NORMAL
from ..formulas import cosine_falloff, keep_source, mark
from ..interface import declare, finish
from ..nodes import Tree, Value
from ..noise import noise
from ..schema import CONSTANTS


@dataclass(frozen=True)
class Gap:
    """The crack's coordinates: fields over the part's points.

    Attributes:
        normal: unit, of the plane.
        inward: unit, in the plane and into the material.
        wide: from the middle of the mouth along it, in half lengths.
        deep: along ``inward``, in depths.
        across: signed distance to the rough crack, positive where the normal points.
        openness: 1 at the middle of the mouth, 0 at the crack front; 1 all over if severed.
        half: half of the gap there.
        severed: whether the part is broken through.
    """

    normal: Value
    inward: Value
    wide: Value
    deep: Value
    across: Value
    openness: Value
    half: Value
    severed: Value


def crack(tree: Tree) -> None:
    """Open the part along a patch of a plane, or break it through."""
    inputs = declare(tree, "crack")
    geometry, carried = keep_source(tree, inputs["geometry"])
    fate = tree.menu(inputs["severed"], {"no": 0.0, "shift": 1.0, "remove": 2.0})
    lost_piece = fate > 1.5
    gap = _gap(tree, inputs, fate > 0.5)
    away = tree.math("ABSOLUTE", gap.across)
    lost = gap.half * (1.0 - inputs["opening"])
    fade = cosine_falloff(tree, (away - lost) / inputs["flank"])
    opened = gap.normal * (tree.math("SIGN", gap.across) * gap.half * inputs["opening"] * fade)
    side = tree.switch(gap.across < 0.0, tree.constant(-1.0), tree.constant(1.0))
    down, apart = _onto_walls(tree, gap, away, lost, inputs)
    mouth = carried.dot(gap.inward) < -CONSTANTS["mouth_cosine"]
    drawn = (away < lost) & mouth & (inputs["walls"] > 0.0)
    shift = tree.switch(drawn, gap.inward * down + gap.normal * (side * apart), opened)
    far = gap.across > 0.0
    shift += inputs["offset"] * tree.indicator(far & gap.severed & ~lost_piece)
    removed = ((away < lost) & ~drawn) | (far & lost_piece)
    active = tree.is_nonzero(inputs["gap"]) | gap.severed
    weight = tree.where_active(active, gap.openness * fade)
    turned = tree.switch(drawn, gap.normal * -side, carried)
    geometry, shift = tree.capture(geometry, shift)
    geometry, turned = tree.capture(geometry, turned)
    geometry, removed = tree.capture(geometry, removed)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"], removed)
    geometry = tree.store(geometry, NORMAL, turned)
    kept = tree.node(
        "GeometryNodeDeleteGeometry", tree.move(geometry, shift), removed, domain="POINT"
    )
    finish(tree, tree.out(kept), "crack")


def _gap(tree: Tree, inputs: dict[str, Value], severed: Value) -> Gap:
    with tree.frame("Openness"):
        normal, direction = inputs["normal"].unit(), inputs["direction"]
        inward = (direction - normal * direction.dot(normal)).unit()
        offset = tree.position() - inputs["origin"]
        wide = offset.dot(normal.cross(inward)) * 2.0 / inputs["length"]
        deep = offset.dot(inward) / inputs["depth"]
        openness = tree.clip(1.0 - wide * wide - deep * deep)
        openness = tree.switch(severed, tree.constant(1.0), openness)
    across = _distance_across(tree, offset, normal, inputs)
    half = openness * inputs["gap"] * 0.5
    return Gap(normal, inward, wide, deep, across, openness, half, severed)


def _onto_walls(
    tree: Tree, gap: Gap, away: Value, lost: Value, inputs: dict[str, Value]
) -> tuple[Value, Value]:
    """How far a point of the gap goes down to the walls, and how far to its side."""
    with tree.frame("Walls"):
        room = 1.0 - gap.wide * gap.wide
        to_front = (tree.math("SQRT", tree.maximum(room, 0.0)) - gap.deep) * inputs["depth"]
        seen = inputs["walls"] * gap.openness
        seen = tree.switch(gap.severed, seen, tree.minimum(seen, to_front))
        down = seen * (1.0 - away / lost)
        deep = gap.deep + down / inputs["depth"]
        narrower = tree.clip(room - deep * deep) * inputs["gap"] * 0.5
        return down, tree.switch(gap.severed, gap.half, narrower) - away


def _distance_across(tree: Tree, offset: Value, normal: Value, inputs: dict[str, Value]) -> Value:
    """Signed distance to the rough crack surface, positive where the normal points."""
    across = offset.dot(normal)
    wavelength = inputs["length"] * CONSTANTS["crack_wavelength"]
    rough = noise(tree, offset - normal * across, wavelength, inputs["seed"])
    return across - inputs["roughness"] * inputs["flank"] * rough
