# SPDX-License-Identifier: GPL-3.0-or-later
"""Preview pictures: the evaluated part with its defects tinted, seen from where they show.

Everything is drawn in a scene of its own, which is removed afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.attributes import (
    MASK,
    NORMAL,
    WEIGHT,
    read_attribute,
    read_positions,
    surface_positions,
)
from .cycles import own_scene, use_cycles, write_picture
from .materials import feed, mix_colours, node_tree_of
from .views import FLIP, pose_looking_at, world_matrix

Floats = NDArray[np.float64]

SAMPLES = 24
SEED = 1
LENS_ANGLE = 0.5
# What is seen around a defect, as a multiple of its radius.
MARGIN = 2.5
# A defect over more of the part than this, as a ratio of its radius, is seen with the whole part.
LARGE = 0.6
# A shorter mean of normals says nothing: the defect runs round the part.
SCATTERED = 0.3
DEFAULT_DIRECTION = (0.6, -0.75, 0.35)
# As ``views.STEEP``; lower, since the mean normal of a level defect is never quite upright, and the
# picture would be turned by which way it leans.
STEEP = 0.95

# Linear colours.
PLAIN = (0.45, 0.47, 0.50, 1.0)
TINT = (0.90, 0.17, 0.03, 1.0)
INSIDE = (0.05, 0.03, 0.03, 1.0)
BACKGROUND = (0.72, 0.75, 0.78, 1.0)
AMBIENT = 0.2
# Lights by the camera's axes (right, up, towards it), strength, and size in radians.
KEY = ((-0.7, 0.7, 0.3), 4.0, 0.1)
FILL = ((0.8, -0.1, 0.6), 0.5, 0.8)


@dataclass(frozen=True, eq=False)
class View:
    """A sphere to be seen, and where from; the object's local space.

    Attributes:
        center: (3,).
        radius: of the sphere that fits into the picture.
        direction: (3,) from the center to the camera, of any length.
    """

    center: Floats
    radius: float
    direction: Floats


def render_preview(
    obj: bpy.types.Object, path: Path, size: int = 480, look_from: ArrayLike | View | None = None
) -> None:
    """Draw the part as its modifiers make it, defects in red, as a square PNG.

    Args:
        obj: a mesh object.
        path: the PNG; written whole or not at all.
        size: its width and height in pixels.
        look_from: direction (3,) from the part to the camera, to see the whole part; or a view
            of the object's local space. None frames the defects from outside, or the whole part
            where they are large or there are none.
    """
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(obj.evaluated_get(depsgraph), depsgraph=depsgraph)
    try:
        with own_scene("Flawsmith preview", mesh) as scene:
            mesh.materials.append(_material())
            scene.world = _world()
            _aim(scene, _view(mesh, look_from))
            _set_up(scene, size)
            write_picture(scene, path)
    finally:
        bpy.data.meshes.remove(mesh)


def _view(mesh: Any, look_from: ArrayLike | View | None) -> View:
    if look_from is None:
        return view_of_defects(mesh)
    return look_from if isinstance(look_from, View) else view_of_part(mesh, look_from)


def view_of_part(mesh: Any, direction: ArrayLike) -> View:
    """The view of all of a mesh from ``direction`` (3,)."""
    return View(*_sphere(surface_positions(mesh)), np.asarray(direction, dtype=np.float64))


def view_of_defects(mesh: Any) -> View:
    """The view of a mesh's anomalous points from outside, or of all of it."""
    whole = view_of_part(mesh, DEFAULT_DIRECTION)
    if MASK not in mesh.attributes or not read_attribute(mesh, MASK).any():
        return whole
    mask, weight = read_attribute(mesh, MASK), read_attribute(mesh, WEIGHT)
    center, radius = _sphere(read_positions(mesh)[mask])
    core = mask & (weight >= 0.5 * weight[mask].max())
    mean = read_attribute(mesh, NORMAL)[core].astype(np.float64).mean(axis=0)
    if np.linalg.norm(mean) < SCATTERED:
        return whole
    if radius > LARGE * whole.radius:
        return View(whole.center, whole.radius, mean)
    return View(center, min(MARGIN * radius, whole.radius), mean)


def _sphere(points: NDArray[np.floating]) -> tuple[Floats, float]:
    """Center (3,) and radius of a sphere about ``points`` (N, 3)."""
    center = (points.min(axis=0) + points.max(axis=0)).astype(np.float64) / 2.0
    return center, float(np.linalg.norm(points - center, axis=1).max())


def _material() -> bpy.types.Material:
    """Matt and plain, tinted by weight and mask; dark on the inside, which open cracks show."""
    material = bpy.data.materials.new("Flawsmith preview")
    tree = node_tree_of(material)
    surface = tree.nodes["Principled BSDF"]
    surface.inputs["Roughness"].default_value = 0.45
    weight, mask = _attribute(tree, WEIGHT), _attribute(tree, MASK)
    amount = _math(tree, "MULTIPLY_ADD", weight, 0.5, 0.25)
    tinted = mix_colours(tree, _math(tree, "MULTIPLY", mask, amount), PLAIN, TINT)
    inside = tree.nodes.new("ShaderNodeNewGeometry").outputs["Backfacing"]
    tree.links.new(mix_colours(tree, inside, tinted, INSIDE), surface.inputs["Base Color"])
    return material


def _attribute(tree: Any, name: str) -> Any:
    node = tree.nodes.new("ShaderNodeAttribute")
    node.attribute_name = name
    return node.outputs["Fac"]


def _math(tree: Any, operation: str, *inputs: Any) -> Any:
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    for socket, value in zip(node.inputs, inputs, strict=False):
        feed(tree, socket, value)
    return node.outputs[0]


def _world() -> bpy.types.World:
    """Even light from all around, and a plain background that is no part of it."""
    world = bpy.data.worlds.new("Flawsmith preview")
    tree = node_tree_of(world)
    seen = tree.nodes.new("ShaderNodeLightPath").outputs["Is Camera Ray"]
    background = tree.nodes["Background"]
    ambient = (AMBIENT, AMBIENT, AMBIENT, 1.0)
    tree.links.new(mix_colours(tree, seen, ambient, BACKGROUND), background.inputs["Color"])
    return world


def _aim(scene: Any, view: View) -> None:
    """Put the camera where the view says, and the lights about it."""
    away = view.radius / math.sin(LENS_ANGLE / 2.0)
    place = view.center + away / np.linalg.norm(view.direction) * view.direction
    pose = pose_looking_at(view.center, place, STEEP)
    camera = bpy.data.cameras.new("Camera")
    camera.angle = LENS_ANGLE
    camera.clip_start, camera.clip_end = 0.001 * away, 100.0 * away
    scene.camera = _put(scene, camera, pose)
    axes = (FLIP @ pose)[:3, :3]
    for direction, strength, softness in (KEY, FILL):
        light: Any = bpy.data.lights.new("Light", "SUN")
        light.energy, light.angle = strength, softness
        _put(scene, light, pose_looking_at(np.zeros(3), np.array(direction) @ axes))


def _put(scene: Any, data: Any, pose: Floats) -> bpy.types.Object:
    obj = bpy.data.objects.new(data.name, data)
    obj.matrix_world = world_matrix(pose)
    scene.collection.objects.link(obj)
    return obj


def _set_up(scene: Any, size: int) -> None:
    use_cycles(scene, SAMPLES, SEED)
    scene.view_settings.view_transform = "Standard"
    render = scene.render
    render.resolution_x = render.resolution_y = size
    render.resolution_percentage = 100
    render.image_settings.compression = 100
