# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a part as a camera on a line takes them: a material, lamps, the part's own camera.

Everything is in a scene of its own, in the part's local space, which is removed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..data.attributes import surface_positions
from .cycles import own_scene, use_cycles, write_picture
from .materials import mix_colours, new_material, node_tree_of
from .views import Camera, pose_looking_at, set_camera, world_matrix

Floats = NDArray[np.float64]

BACKGROUND = (0.035, 0.037, 0.04, 1.0)
# What is reflected from above and from below.
SKY, GROUND = (0.75, 0.78, 0.82, 1.0), (0.12, 0.12, 0.12, 1.0)


@dataclass(frozen=True)
class Lamp:
    """A softbox, placed by the camera's axes.

    Attributes:
        place: (right, down, towards the part) from the part's middle, in its diagonals.
        size: of its sides, in diagonals.
        strength: irradiance on a surface that faces it, about.
    """

    place: tuple[float, float, float]
    size: float
    strength: float


@dataclass(frozen=True)
class Lighting:
    """What a part is lit by.

    Attributes:
        lamps: which are moved a little by chance.
        ambient: strength of the light from all around.
    """

    lamps: tuple[Lamp, ...]
    ambient: float


KEY = Lamp((-1.5, -1.6, -1.2), 1.3, 4.0)
FILL = Lamp((1.9, -0.2, -1.3), 1.8, 1.0)
RIM = Lamp((0.4, -1.5, 1.6), 1.2, 3.5)
LIGHTINGS = {
    "studio": Lighting((KEY, FILL, RIM), 0.25),
    # From the side and low, so that the least relief throws a shadow.
    "raking": Lighting((Lamp((-2.2, -0.7, -0.1), 0.5, 14.0),), 0.2),
    "dome": Lighting((), 1.0),
}
# Pixels of the map by which Cycles samples the light from all around.
WORLD_MAP = 64
# Of light; more are not seen on one opaque part.
BOUNCES = 4
VIEW_TRANSFORM = ("AgX", "AgX - Medium High Contrast")
# How far chance moves a lamp, in diagonals, and how much it changes its strength.
WANDER, FLICKER = 0.5, 0.35


@dataclass(frozen=True)
class Look:
    """How a part is photographed.

    Attributes:
        material: a name of ``FINISHES``.
        samples: of light paths for each pixel.
        seed: of the lamps and of the renderer's noise.
        lighting: a name of ``LIGHTINGS``.
    """

    material: str
    samples: int
    seed: int
    lighting: str


@contextmanager
def studio(mesh: Any, look: Look) -> Iterator[Any]:
    """A scene with the mesh; it and all that was made for it is removed at the end."""
    with own_scene("Flawsmith studio", mesh) as scene:
        mesh.materials.append(new_material(look.material, _diagonal(mesh)))
        scene.world = _world(LIGHTINGS[look.lighting].ambient)
        _set_up(scene, look)
        yield scene


def photograph(scene: Any, camera: Camera, look: Look, path: Path) -> None:
    """Draw a PNG of what the camera sees of the studio's part, lit as the seed and the view say.

    Args:
        scene: of ``studio``.
        camera: before the part's local space.
        look: of the studio.
        path: written whole or not at all.
    """
    lens: Any = bpy.data.objects.new(camera.name, bpy.data.cameras.new(camera.name))
    scene.collection.objects.link(lens)
    set_camera(scene, lens, camera)
    part: Any = next(obj for obj in scene.objects if obj.type == "MESH")
    middle, size = _middle(part.data), _diagonal(part.data)
    away = float(np.linalg.norm(camera.place - middle))
    lens.data.clip_start, lens.data.clip_end = max(away - size, 1e-3 * away), away + size
    rng = np.random.default_rng([look.seed, *camera.name.encode()])
    lit_by = LIGHTINGS[look.lighting].lamps
    lamps = [_light(scene, lamp, camera, middle, size, rng) for lamp in lit_by]
    write_picture(scene, path)
    bpy.data.batch_remove([lens.data, *(lamp.data for lamp in lamps)])


def _set_up(scene: Any, look: Look) -> None:
    use_cycles(scene, look.samples, look.seed)
    scene.cycles.max_bounces = BOUNCES
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    # The part is the same in all views.
    scene.render.use_persistent_data = True
    # As a camera does, it keeps highlights from being cut off.
    scene.view_settings.view_transform, scene.view_settings.look = VIEW_TRANSFORM


def _world(ambient: float) -> bpy.types.World:
    """Light from all around, brighter from above; the camera sees a plain dark background."""
    world: Any = bpy.data.worlds.new("Flawsmith studio")
    # By default, sampling this smooth light takes longer than drawing a small picture.
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", WORLD_MAP
    tree = node_tree_of(world)
    nodes, link = tree.nodes, tree.links.new
    height = nodes.new("ShaderNodeSeparateXYZ")
    link(nodes.new("ShaderNodeTexCoord").outputs["Generated"], height.inputs[0])
    share = nodes.new("ShaderNodeMapRange")
    share.inputs["From Min"].default_value = -1.0
    link(height.outputs["Z"], share.inputs["Value"])
    around = mix_colours(tree, share.outputs["Result"], GROUND, SKY)
    seen = nodes.new("ShaderNodeLightPath").outputs["Is Camera Ray"]
    background = nodes["Background"].inputs
    link(mix_colours(tree, seen, around, BACKGROUND), background["Color"])
    strength = nodes.new("ShaderNodeMapRange")
    strength.inputs["To Min"].default_value, strength.inputs["To Max"].default_value = ambient, 1.0
    link(seen, strength.inputs["Value"])
    link(strength.outputs["Result"], background["Strength"])
    return world


def _light(
    scene: Any, lamp: Lamp, camera: Camera, middle: Floats, size: float, rng: np.random.Generator
) -> Any:
    """A softbox that looks at the part's middle, moved and dimmed a little by chance."""
    away = (np.array(lamp.place) + rng.uniform(-WANDER, WANDER, 3)) * size
    place = middle + away @ camera.pose[:3, :3]
    light: Any = bpy.data.lights.new("Softbox", "AREA")
    light.size = lamp.size * size
    # Radiant power of a square that gives this irradiance at its distance.
    strength = lamp.strength * rng.uniform(1.0 - FLICKER, 1.0 + FLICKER)
    light.energy = strength * np.pi * float(away @ away)
    obj = bpy.data.objects.new("Softbox", light)
    obj.matrix_world = world_matrix(pose_looking_at(middle, place))
    obj.visible_camera = False
    scene.collection.objects.link(obj)
    return obj


def _box(mesh: Any) -> tuple[Floats, Floats]:
    points = surface_positions(mesh)
    return points.min(axis=0), points.max(axis=0)


def _middle(mesh: Any) -> Floats:
    low, high = _box(mesh)
    return (low + high) / 2.0


def _diagonal(mesh: Any) -> float:
    low, high = _box(mesh)
    return float(np.linalg.norm(high - low))
