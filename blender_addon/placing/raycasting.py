# SPDX-License-Identifier: GPL-3.0-or-later
"""What rays meet first on a part's evaluated surface, and what is known of the surface there.

The search itself is Geometry Nodes' Raycast node, which takes all rays at once and some millions a
second on two cores; a loop in Python over a BVH tree reaches a tenth of that. It computes in single
precision, so only the triangle is taken from it; place and attributes follow from the triangle
in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import bpy
import numpy as np
from numpy.typing import NDArray

from ..data.attributes import (
    LABEL,
    MASK,
    SOURCE_INDEX,
    WEIGHT,
    evaluated_mesh,
    read_attribute,
    read_items,
    read_positions,
    set_triangles,
    write_attribute,
)
from ..data.scenes import temporary_scene
from ..nodes.inputs import set_input
from ..nodes.tree import Operand, Value, new_tree

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Caster: TypeAlias = Callable[[Floats, Floats], Integers]

DIRECTION, MET = "direction", "met"
TARGET = "Target"
MISSED = -1
# Longer than any part's distance in any unit.
FAR = 1e12


@dataclass(frozen=True, eq=False)
class LabeledSurface:
    """The triangles of an evaluated part, in its local space.

    Attributes:
        points: (N, 3).
        triangles: (M, 3).
        normals: (M, 3, 3) unit and outward, of each triangle's corners: smooth within a face of the
            part, apart at its sharp edges.
        mask: (N,) bool, anomalous.
        labels: (N,) int.
        weight: (N,) in [0, 1].
        source_index: (N,) number of the point before any was removed.
    """

    points: Floats
    triangles: Integers
    normals: Floats
    mask: NDArray[np.bool_]
    labels: Integers
    weight: Floats
    source_index: Integers


@dataclass(frozen=True, eq=False)
class Hits:
    """What H rays have met of a surface, row by row.

    Attributes:
        ray: (H,) number of the ray.
        points: (H, 3) in the surface's space.
        normals: (H, 3) unit and outward.
        mask: (H,) bool: the mask of the triangle's corners, interpolated, reaches one half.
        labels: (H,) int, of the nearest anomalous corner; 0 where the mask does not hold.
        weight: (H,) interpolated.
        source_index: (H,) of the nearest corner.
    """

    ray: Integers
    points: Floats
    normals: Floats
    mask: NDArray[np.bool_]
    labels: Integers
    weight: Floats
    source_index: Integers

    def taken(self, keep: NDArray[np.bool_]) -> Hits:
        """The rows that ``keep`` (H,) names."""
        return Hits(**{name: values[keep] for name, values in vars(self).items()})


def labeled_surface(obj: bpy.types.Object) -> LabeledSurface:
    """The surface of a mesh object as its modifiers make it; nominal where it has no defects."""
    with evaluated_mesh(obj) as mesh:
        mesh.calc_loop_triangles()
        corners = read_items(mesh.loop_triangles, "loops", 3, np.int32)
        normals = read_items(mesh.corner_normals, "vector", 3, np.float32)
        points = read_positions(mesh).astype(np.float64)
        count = len(points)
        return LabeledSurface(
            points,
            read_items(mesh.loop_triangles, "vertices", 3, np.int32).astype(np.int64),
            normals[corners].astype(np.float64),
            _attribute(mesh, MASK, np.zeros(count, dtype=bool)),
            _attribute(mesh, LABEL, np.zeros(count, dtype=np.int64)).astype(np.int64),
            _attribute(mesh, WEIGHT, np.zeros(count)).astype(np.float64),
            _attribute(mesh, SOURCE_INDEX, np.arange(count)).astype(np.int64),
        )


def _attribute(mesh: Any, name: str, otherwise: NDArray[Any]) -> NDArray[Any]:
    return read_attribute(mesh, name) if name in mesh.attributes else otherwise


def hits(surface: LabeledSurface, origins: Floats, directions: Floats, met: Integers) -> Hits:
    """What is known where rays have met the surface.

    Args:
        surface: the one that was met.
        origins: (R, 3) of the rays.
        directions: (R, 3), of any length.
        met: (R,) the triangle that each ray met, ``MISSED`` for none of this surface.
    """
    ray = np.flatnonzero(met != MISSED)
    corners = surface.triangles[met[ray]]
    shares = _barycentric(surface.points[corners], origins[ray], directions[ray])
    inside = surface.mask[corners]
    nearest = np.argmax(np.where(inside, shares, -1.0), axis=1)
    mask = (shares * inside).sum(axis=1) >= 0.5
    normals = np.einsum("hc,hci->hi", shares, surface.normals[met[ray]])
    rows = np.arange(len(ray))
    return Hits(
        ray,
        np.einsum("hc,hci->hi", shares, surface.points[corners]),
        normals / np.linalg.norm(normals, axis=1, keepdims=True),
        mask,
        np.where(mask, surface.labels[corners[rows, nearest]], 0),
        np.einsum("hc,hc->h", shares, surface.weight[corners]),
        surface.source_index[corners[rows, shares.argmax(axis=1)]],
    )


def _barycentric(corners: Floats, origins: Floats, directions: Floats) -> Floats:
    """Shares (H, 3) of the corners (H, 3, 3) in the point where each ray meets their plane.

    T. Möller and B. Trumbore, "Fast, minimum storage ray/triangle intersection", 1997. A ray that
    single precision saw within the triangle may pass just outside; its point is the nearest within.
    """
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(directions, second)
    scale = np.einsum("hi,hi->h", first, across)
    scale = np.where(scale == 0.0, np.inf, scale)
    offset = origins - corners[:, 0]
    u = np.einsum("hi,hi->h", offset, across) / scale
    v = np.einsum("hi,hi->h", directions, np.cross(offset, first)) / scale
    shares = np.maximum(np.stack([1.0 - u - v, u, v], axis=1), 0.0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def reach(surface: LabeledSurface, origins: Floats, directions: Floats, met: Integers) -> Floats:
    """How far (R,) each ray goes to what it met, in lengths of its direction; inf if nothing."""
    far = np.full(len(met), np.inf)
    ray = np.flatnonzero(met != MISSED)
    corners = surface.points[surface.triangles[met[ray]]]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    along = np.einsum("ri,ri->r", across, directions[ray])
    # A ray along the triangle's own plane passes it.
    along = np.where(along == 0.0, np.nan, along)
    away = np.einsum("ri,ri->r", across, corners[:, 0] - origins[ray])
    far[ray] = np.nan_to_num(away / along, nan=np.inf)
    return far


@contextmanager
def caster(points: Floats, triangles: Integers) -> Iterator[Caster]:
    """A function that finds what rays meet first, as long as the block lasts.

    It takes origins (R, 3) and directions (R, 3) of any length, and returns the number (R,) of the
    first triangle in each ray's way, ``MISSED`` where there is none.

    Args:
        points: (N, 3).
        triangles: (M, 3).
    """
    with temporary_scene("Flawsmith rays") as scene:
        target, rays = (_add_object(scene, name) for name in ("Target", "Rays"))
        set_triangles(target.data, points, triangles)
        modifier: Any = rays.modifiers.new("Rays", "NODES")
        modifier.node_group = _node_group()
        set_input(modifier, TARGET, target)
        yield lambda origins, directions: _cast(scene, rays, origins, directions)


def _add_object(scene: Any, name: str) -> Any:
    obj = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    scene.collection.objects.link(obj)
    return obj


def _cast(scene: Any, rays: Any, origins: Floats, directions: Floats) -> Integers:
    mesh = rays.data
    mesh.clear_geometry()
    mesh.vertices.add(len(origins))
    mesh.vertices.foreach_set("co", origins.astype(np.float32).ravel())
    write_attribute(mesh, DIRECTION, directions)
    mesh.update()
    layer = scene.view_layers[0]
    layer.update()
    evaluated = rays.evaluated_get(layer.depsgraph).data
    return read_attribute(evaluated, MET).astype(np.int64)


def _node_group() -> bpy.types.NodeTree:
    """A modifier for points with a direction: it stores the face that each of them meets."""
    group, tree = new_tree("Flawsmith Rays")
    interface = tree.tree.interface
    for way in ("OUTPUT", "INPUT"):
        interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    interface.new_socket(TARGET, in_out="INPUT", socket_type="NodeSocketObject")
    inputs = tree.node("NodeGroupInput")
    target = tree.object_geometry(Value(tree, inputs.outputs[TARGET]))
    ray = tree.node("GeometryNodeRaycast", data_type="INT")
    _take_nearest(ray)
    direction, _ = tree.attribute(DIRECTION, "FLOAT_VECTOR")
    face = tree.evaluate_on("FACE", tree.out(tree.node("GeometryNodeInputIndex")))
    wanted: dict[str, Operand] = {
        "Target Geometry": target,
        "Attribute": face,
        "Ray Direction": direction,
        "Ray Length": FAR,
    }
    for name, value in wanted.items():
        tree.connect(value, next(s for s in ray.inputs if s.enabled and s.name == name))
    missed = tree.out(tree.node("FunctionNodeInputInt", integer=MISSED))
    met = tree.switch(tree.out(ray, "Is Hit"), tree.out(ray, "Attribute"), missed)
    geometry = tree.store(Value(tree, inputs.outputs["Geometry"]), MET, met)
    tree.node("NodeGroupOutput", geometry)
    return group


def _take_nearest(ray: Any) -> None:
    """Take a face's number as it is, not interpolated; by now a socket, once a setting."""
    if hasattr(ray, "mapping"):
        ray.mapping = "NEAREST"
    else:
        ray.inputs["Interpolation"].default_value = "Nearest"
