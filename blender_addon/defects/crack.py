# SPDX-License-Identifier: GPL-3.0-or-later
"""Crack: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.attributes import NORMAL
from ..documents.schema import CONSTANTS
from ..nodes.formulas import BEYOND, cosine_falloff, keep_source, mark
from ..nodes.gizmos import length_handle, point_handle
from ..nodes.interface import declare, finish
from ..nodes.noise import noise
from ..nodes.tree import Tree, Value


@dataclass(frozen=True)
class Gap:
    """The crack's coordinates: fields over the part's points.

    Attributes:
        normal: unit, of the plane.
        inward: unit, in the plane and into the material.
        offset: from the origin.
        wide: from the middle of the mouth along it, in half lengths.
        deep: along ``inward``, in depths.
        openness: 1 at the middle of the mouth, 0 at the crack front; 1 all over if severed.
        half: half of the gap there.
        severed: whether the part is broken through.
    """

    normal: Value
    inward: Value
    offset: Value
    wide: Value
    deep: Value
    openness: Value
    half: Value
    severed: Value


@dataclass(frozen=True)
class Flank:
    """What opens on each side of the crack: fields over the points near it.

    Attributes:
        across: signed distance to the rough crack, positive where the normal points.
        away: that distance without its sign.
        side: 1 where the normal points, else -1.
        lost: half of the width in which material is missing.
        fade: 1 at the edge of what is missing, 0 where the flank ends.
    """

    across: Value
    away: Value
    side: Value
    lost: Value
    fade: Value


def crack(tree: Tree) -> None:
    """Open the part along a patch of a plane, or break it through."""
    inputs = declare(tree, "crack")
    geometry, carried = keep_source(tree, inputs["geometry"])
    fate = tree.menu(inputs["severed"], {"no": 0.0, "shift": 1.0, "remove": 2.0})
    gap = _gap(tree, inputs, fate > 0.5)
    geometry, near = tree.keep(geometry, "near", _near(tree, gap, inputs))
    geometry, across = tree.keep(geometry, "across", _across(tree, gap, inputs), near)
    flank = _flank(tree, gap, across, inputs)
    missing = flank.away < flank.lost
    mouth = carried.dot(gap.inward) < -CONSTANTS["mouth_cosine"]
    drawn = missing & mouth & (inputs["walls"] > 0.0)
    geometry, drawn = tree.keep(geometry, "drawn", drawn, near)
    removed = (missing & ~drawn) | ((across > 0.0) & (fate > 1.5))
    geometry, removed = tree.keep(geometry, "removed", removed, near)
    active = tree.is_nonzero(inputs["gap"]) | gap.severed
    weight = tree.where_active(active, gap.openness * flank.fade)
    geometry, weight = tree.keep(geometry, "weight", weight, near)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"], removed)
    geometry = tree.store(geometry, NORMAL, gap.normal * -flank.side, drawn)
    opened = _opened(tree, gap, flank, inputs)
    shift = tree.switch(drawn, _onto_walls(tree, gap, flank, inputs), opened)
    shift += inputs["offset"] * tree.indicator((across > 0.0) & gap.severed & ~(fate > 1.5))
    _handles(tree, gap, inputs)
    finish(tree, tree.delete(tree.move(geometry, shift, near), removed), "crack")


def _gap(tree: Tree, inputs: dict[str, Value], severed: Value) -> Gap:
    with tree.frame("Openness"):
        normal, direction = inputs["normal"].unit(), inputs["direction"]
        inward = (direction - normal * direction.dot(normal)).unit()
        offset = tree.position() - inputs["origin"]
        wide = offset.dot(normal.cross(inward)) * 2.0 / inputs["length"]
        deep = offset.dot(inward) / inputs["depth"]
        openness = tree.clip(1.0 - wide * wide - deep * deep)
        openness = tree.switch(severed, tree.constant(1.0), openness)
    half = openness * inputs["gap"] * 0.5
    return Gap(normal, inward, offset, wide, deep, openness, half, severed)


def _near(tree: Tree, gap: Gap, inputs: dict[str, Value]) -> Value:
    """Whether a point may be moved, marked or removed: wherever the rough crack may run."""
    with tree.frame("Near the crack"):
        reach = inputs["gap"] * 0.5 + inputs["flank"] * (1.0 + inputs["roughness"])
        reach *= BEYOND
        above = gap.offset.dot(gap.normal)
        open_part = (gap.openness > 0.0) & (tree.math("ABSOLUTE", above) < reach)
        return tree.switch(gap.severed, above > -reach, open_part)


def _flank(tree: Tree, gap: Gap, across: Value, inputs: dict[str, Value]) -> Flank:
    with tree.frame("Flank"):
        away = tree.math("ABSOLUTE", across)
        side = tree.switch(across < 0.0, tree.constant(-1.0), tree.constant(1.0))
        lost = gap.half * (1.0 - inputs["opening"])
        fade = cosine_falloff(tree, (away - lost) / inputs["flank"])
        return Flank(across, away, side, lost, fade)


def _opened(tree: Tree, gap: Gap, flank: Flank, inputs: dict[str, Value]) -> Value:
    """The way of a point that stays on its flank."""
    with tree.frame("Opened"):
        sign = tree.math("SIGN", flank.across)
        return gap.normal * (sign * gap.half * inputs["opening"] * flank.fade)


def _onto_walls(tree: Tree, gap: Gap, flank: Flank, inputs: dict[str, Value]) -> Value:
    """The way of a point of the gap down along a wall, and to its side."""
    with tree.frame("Walls"):
        room = 1.0 - gap.wide * gap.wide
        to_front = (tree.math("SQRT", tree.maximum(room, 0.0)) - gap.deep) * inputs["depth"]
        seen = inputs["walls"] * gap.openness
        seen = tree.switch(gap.severed, seen, tree.minimum(seen, to_front))
        down = seen * (1.0 - flank.away / flank.lost)
        deep = gap.deep + down / inputs["depth"]
        narrower = tree.clip(room - deep * deep) * inputs["gap"] * 0.5
        apart = tree.switch(gap.severed, gap.half, narrower) - flank.away
        return gap.inward * down + gap.normal * (flank.side * apart)


def _across(tree: Tree, gap: Gap, inputs: dict[str, Value]) -> Value:
    """Signed distance to the rough crack surface, positive where the normal points."""
    across = gap.offset.dot(gap.normal)
    flat, wavelength = (
        gap.offset - gap.normal * across,
        inputs["length"] * CONSTANTS["crack_wavelength"],
    )
    rough = noise(tree, flat, wavelength, inputs["seed"])
    bent = across - inputs["roughness"] * inputs["flank"] * rough
    return tree.switch(tree.is_nonzero(inputs["roughness"]), bent, across)


def _handles(tree: Tree, gap: Gap, inputs: dict[str, Value]) -> None:
    """Origin, length and depth; the handle of the length stands at an end of the mouth."""
    with tree.frame("Handles"):
        origin, depth = inputs["origin"], inputs["depth"]
        along, half_length = gap.normal.cross(gap.inward), inputs["length"] * 0.5
        point_handle(tree, origin)
        length_handle(tree, half_length, origin + along * half_length, along, along_surface=True)
        length_handle(tree, depth, origin + gap.inward * depth, gap.inward)
