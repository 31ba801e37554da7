# SPDX-License-Identifier: GPL-3.0-or-later
"""Crack: formulas in ``docs/defects.md``."""

from __future__ import annotations

from ..formulas import cosine_falloff, keep_source, mark
from ..interface import declare, finish
from ..nodes import Tree, Value
from ..noise import noise
from ..schema import CONSTANTS


def crack(tree: Tree) -> None:
    """Open the part along a patch of a plane, or break it through."""
    inputs = declare(tree, "crack")
    geometry, _ = keep_source(tree, inputs["geometry"])
    normal = inputs["normal"].unit()
    offset = tree.position() - inputs["origin"]
    fate = tree.menu(inputs["severed"], {"no": 0.0, "shift": 1.0, "remove": 2.0})
    severed, lost_piece = fate > 0.5, fate > 1.5
    openness = tree.switch(severed, tree.constant(1.0), _openness(tree, offset, normal, inputs))
    across = _distance_across(tree, offset, normal, inputs)
    half = openness * inputs["gap"] * 0.5
    lost = half * (1.0 - inputs["opening"])
    away = tree.math("ABSOLUTE", across)
    fade = cosine_falloff(tree, (away - lost) / inputs["flank"])
    shift = normal * (tree.math("SIGN", across) * half * inputs["opening"] * fade)
    far = across > 0.0
    shift += inputs["offset"] * tree.indicator(far & severed & ~lost_piece)
    removed = (away < lost) | (far & lost_piece)
    active = tree.is_nonzero(inputs["gap"]) | severed
    weight = tree.where_active(active, openness * fade)
    geometry, shift = tree.capture(geometry, shift)
    geometry, removed = tree.capture(geometry, removed)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"], removed)
    kept = tree.node(
        "GeometryNodeDeleteGeometry", tree.move(geometry, shift), removed, domain="POINT"
    )
    finish(tree, tree.out(kept), "crack")


def _openness(tree: Tree, offset: Value, normal: Value, inputs: dict[str, Value]) -> Value:
    """1 at the middle of the mouth, 0 at the crack front and beyond."""
    with tree.frame("Openness"):
        direction = inputs["direction"]
        inward = (direction - normal * direction.dot(normal)).unit()
        wide = offset.dot(normal.cross(inward)) * 2.0 / inputs["length"]
        deep = offset.dot(inward) / inputs["depth"]
        return tree.clip(1.0 - wide * wide - deep * deep)


def _distance_across(tree: Tree, offset: Value, normal: Value, inputs: dict[str, Value]) -> Value:
    """Signed distance to the rough crack surface, positive where the normal points."""
    across = offset.dot(normal)
    wavelength = inputs["length"] * CONSTANTS["crack_wavelength"]
    rough = noise(tree, offset - normal * across, wavelength, inputs["seed"])
    return across - inputs["roughness"] * inputs["flank"] * rough
