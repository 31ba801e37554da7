# SPDX-License-Identifier: GPL-3.0-or-later
"""Scratch: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..documents.schema import CONSTANTS
from ..nodes.formulas import BEYOND, facing, falloff, keep_source, mark, near_box, push, smoothstep
from ..nodes.interface import declare, finish
from ..nodes.noise import roughened
from ..nodes.tree import Tree, Value
from ..placing.supports import PATH_NORMAL


@dataclass(frozen=True)
class Place:
    """The nearest place on the path: fields over the part's points.

    Attributes:
        distance: to it.
        along: its arc length from the start.
        length: of the whole path.
        normal: the path's unit normal there.
        has_normals: whether the path has any.
        start: the first vertex of the path.
    """

    distance: Value
    along: Value
    length: Value
    normal: Value
    has_normals: Value
    start: Value


def scratch(tree: Tree) -> None:
    """Groove the surface along the path."""
    inputs = declare(tree, "scratch")
    geometry, normal = keep_source(tree, inputs["geometry"])
    path = tree.object_geometry(inputs["path"])
    reach = inputs["width"] * (0.5 * CONSTANTS["lip_extent"])
    near = near_box(tree, tree.bounds(path), reach)
    geometry, near = tree.keep(geometry, "near", near)
    geometry, nearest = tree.keep(geometry, "segment", _nearest_segment(tree, path), near)
    place = _nearest_place(tree, path, nearest)
    geometry, near = tree.keep(geometry, "close", place.distance < reach * BEYOND, near)
    strength = _strength(tree, place, normal, inputs)
    u = place.distance * 2.0 / inputs["width"]
    groove, lip = falloff(tree, u, inputs["profile"]), _lip(tree, u, inputs["pile_up"])
    geometry, weight = tree.keep(geometry, "weight", strength * tree.maximum(groove, lip), near)
    wavelength = inputs["width"] * CONSTANTS["scratch_wavelength"]
    rough = roughened(
        tree, inputs["roughness"], tree.position() - place.start, wavelength, inputs["seed"]
    )
    depth = inputs["depth"] * strength * rough * (groove - lip)
    direction = push(tree, normal, inputs["use_direction"], inputs["direction"])
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    finish(tree, tree.move(geometry, direction * depth, near), "scratch")


def _strength(tree: Tree, place: Place, normal: Value, inputs: dict[str, Value]) -> Value:
    """The taper, but for points that face away from the path."""
    faced = facing(tree, normal, place.normal, inputs["facing_angle"])
    strength = _taper(tree, place, inputs["taper"])
    strength *= tree.switch(place.has_normals, faced, 1.0)
    active = tree.is_nonzero(inputs["depth"]) & (place.length > 0.0)
    return tree.where_active(active, strength)


def _nearest_segment(tree: Tree, path: Value) -> Value:
    """Number of the path's edge that is nearest to a point: what takes the time."""
    node = tree.node("GeometryNodeSampleNearest", path, tree.position(), domain="EDGE")
    return tree.out(node)


def _nearest_place(tree: Tree, path: Value, segment: Value) -> Place:
    with tree.frame("Path"):
        edge = tree.node("GeometryNodeInputMeshEdgeVertices")
        first, second = (tree.out(edge, f"Position {end}") for end in (1, 2))
        size = (second - first).length()
        sums = tree.node("GeometryNodeAccumulateField", size, data_type="FLOAT", domain="EDGE")

        def of_edge(value: Value) -> Value:
            return tree.sample(path, value, segment, "EDGE")

        start = of_edge(first)
        along = of_edge(second) - start
        offset = tree.position() - start
        fraction = tree.clip(offset.dot(along) / along.dot(along))
        normals, has_normals = tree.attribute(PATH_NORMAL, "FLOAT_VECTOR")
        ends = [
            tree.sample(
                path, normals.unit(), of_edge(tree.out(edge, f"Vertex Index {end}")), "POINT"
            )
            for end in (1, 2)
        ]
        return Place(
            (offset - along * fraction).length(),
            of_edge(tree.out(sums, "Trailing")) + fraction * of_edge(size),
            tree.sample(path, tree.out(sums, "Total"), 0, "EDGE"),
            (ends[0] + (ends[1] - ends[0]) * fraction).unit(),
            tree.sample(path, has_normals, 0, "POINT"),
            tree.sample(path, tree.position(), 0, "POINT"),
        )


def _taper(tree: Tree, place: Place, taper: Value) -> Value:
    with tree.frame("Taper"):
        to_end = tree.minimum(place.along, place.length - place.along)
        return tree.switch(
            tree.is_nonzero(taper), smoothstep(tree, to_end / (taper * place.length)), 1.0
        )


def _lip(tree: Tree, u: Value, pile_up: Value) -> Value:
    """Height of the raised lip in parts of the depth."""
    with tree.frame("Lip"):
        end = CONSTANTS["lip_extent"]
        wave = tree.math("COSINE", (u - 1.0) * (2.0 * math.pi / (end - 1.0)))
        within = tree.indicator((u > 1.0) & (u < end))
        return pile_up * 0.5 * (1.0 - wave) * within
