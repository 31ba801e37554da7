# SPDX-License-Identifier: GPL-3.0-or-later
"""Random places on a part: even by area, restricted to a vertex group, apart from each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..data.attributes import read_attribute
from ..documents.errors import AddonError
from ..nodes.tree import Value, new_tree
from .places import Place, place_at
from .raycasting import LabeledSurface, labeled_surface
from .surface_paths import Surface

Floats = NDArray[np.float64]

# A vertex belongs to a group if its weight there exceeds this.
MEMBER = 0.5
GROUP_COPY = "flawsmith_group"
# How many places are tried for each that is wanted.
TRIES = 50


def random_places(
    obj: bpy.types.Object,
    surface: Surface,
    count: int,
    size: float,
    rng: np.random.Generator,
    *,
    group: str = "",
    apart: float = 0.0,
) -> list[Place]:
    """Places on the object's evaluated surface, each with a random heading.

    Args:
        obj: a mesh object.
        surface: of it, as it is evaluated.
        count: how many places.
        size: of the places.
        rng: the only source of chance.
        group: name of a vertex group; all corners of a face must belong to it. "" takes all.
        apart: least distance between two places, in local space.

    Raises:
        AddonError: there is no such group, no face belongs to it, or there is no room.
    """
    labeled = labeled_surface(obj)
    points, normals = _spread(labeled, _areas(labeled, obj, group), TRIES * count, rng)
    chosen = _apart(points, count, apart)
    if len(chosen) < count:
        raise AddonError(
            f"there is room for {len(chosen)} defects {apart:.4g} apart, not for {count}; "
            "ask for fewer defects, or for a smaller distance"
        )
    return [_turned(place_at(surface, points[n], normals[n], size), rng) for n in chosen]


def _areas(surface: LabeledSurface, obj: bpy.types.Object, group: str) -> Floats:
    """Area (M,) of each triangle, 0 outside of the group."""
    corners = surface.points[surface.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas: Floats = np.linalg.norm(across, axis=1) / 2.0
    if group:
        areas = areas * (_weights(obj, group)[surface.triangles] > MEMBER).all(axis=1)
    if not areas.any():
        what = f"vertex group {group!r} of {obj.name!r}" if group else repr(obj.name)
        raise AddonError(f"{what} has no faces to place defects on")
    return areas


def _weights(obj: bpy.types.Object, group: str) -> Floats:
    """Weight (N,) in a vertex group, of the points of the evaluated mesh.

    A node group copies it to an attribute, which Python can read at once; weights themselves it can
    read but one by one.
    """
    if group not in obj.vertex_groups:
        there = ", ".join(found.name for found in obj.vertex_groups) or "none"
        raise AddonError(f"{obj.name!r} has no vertex group {group!r}; it has {there}")
    tree_block, tree = new_tree("Flawsmith vertex group")
    for way in ("OUTPUT", "INPUT"):
        tree.tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    weight, _ = tree.attribute(group, "FLOAT")
    geometry = Value(tree, tree.node("NodeGroupInput").outputs["Geometry"])
    tree.node("NodeGroupOutput", tree.store(geometry, GROUP_COPY, weight))
    modifier: Any = obj.modifiers.new("Flawsmith vertex group", "NODES")
    try:
        modifier.node_group = tree_block
        evaluated: Any = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        return read_attribute(evaluated.data, GROUP_COPY).astype(np.float64)
    finally:
        obj.modifiers.remove(modifier)
        bpy.data.node_groups.remove(tree_block)


def _spread(
    surface: LabeledSurface, areas: Floats, count: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Points and normals (count, 3), even by area.

    Within a triangle as R. Osada et al., "Shape distributions", 2002, section 4.2.
    """
    triangle = rng.choice(len(areas), size=count, p=areas / areas.sum())
    root, along = np.sqrt(rng.random(count)), rng.random(count)
    shares = np.stack([1.0 - root, root * (1.0 - along), root * along], axis=1)
    points = np.einsum("pc,pci->pi", shares, surface.points[surface.triangles[triangle]])
    return points, np.einsum("pc,pci->pi", shares, surface.normals[triangle])


def _apart(points: Floats, count: int, apart: float) -> list[int]:
    """The first ``count`` of ``points`` (P, 3) that are all at least ``apart``."""
    chosen: list[int] = []
    for number, point in enumerate(points):
        if len(chosen) == count:
            break
        if not chosen or np.linalg.norm(points[chosen] - point, axis=1).min() >= apart:
            chosen.append(number)
    return chosen


def _turned(place: Place, rng: np.random.Generator) -> Place:
    """The place with any heading."""
    turn = rng.uniform(0.0, 2.0 * np.pi)
    heading = np.cos(turn) * place.heading + np.sin(turn) * place.across
    return replace(place, heading=heading)
