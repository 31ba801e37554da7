# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials of industrial parts: metal, cast, plastic and painted, textured by position.

Textures are made of the part's own coordinates, so that they need no unwrapping, and scale with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Finish:
    """How a surface looks.

    Attributes:
        colour: linear red, green, blue.
        metallic: 0 or 1.
        roughness: of the reflection, 0 to 1, in the mean.
        grain: waves of the texture over the part's diagonal, along x, y and z.
        relief: height of the texture, as a ratio of the diagonal.
        blotches: how much the roughness varies over the surface.
        coat: strength of a clear layer on top.
    """

    colour: Colour
    metallic: float
    roughness: float
    grain: tuple[float, float, float]
    relief: float
    blotches: float = 0.1
    coat: float = 0.0


FINISHES: dict[str, Finish] = {
    # Machined: fine marks along one axis.
    "metal": Finish((0.56, 0.55, 0.53), 1.0, 0.3, (20.0, 20.0, 260.0), 5e-5, 0.12),
    # As it came out of the sand.
    "cast": Finish((0.16, 0.155, 0.15), 0.7, 0.55, (260.0, 260.0, 260.0), 8e-4, 0.2),
    "plastic": Finish((0.20, 0.205, 0.21), 0.0, 0.3, (400.0, 400.0, 400.0), 3e-5, 0.05),
    "painted": Finish((0.05, 0.17, 0.30), 0.0, 0.45, (150.0, 150.0, 150.0), 4e-5, 0.05, 0.4),
}


def new_material(name: str, diagonal: float) -> bpy.types.Material:
    """The material of that name in ``FINISHES`` for a part of that diagonal."""
    finish = FINISHES[name]
    material = bpy.data.materials.new(f"Flawsmith {name}")
    tree = node_tree_of(material)
    surface = tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*finish.colour, 1.0)
    surface.inputs["Metallic"].default_value = finish.metallic
    surface.inputs["Coat Weight"].default_value = finish.coat
    place = tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]
    _vary_roughness(tree, surface, place, finish, diagonal)
    _raise_grain(tree, surface, place, finish, diagonal)
    return material


def node_tree_of(block: Any) -> Any:
    """The node tree of a new material or world; since Blender 5.0 it has one from the start."""
    if bpy.app.version < (5, 0):
        block.use_nodes = True
    return block.node_tree


def mix_colours(tree: Any, factor: Any, first: Any, second: Any) -> Any:
    """The output that goes from the ``first`` colour to the ``second`` as ``factor`` does 0 to 1.

    Each is an output of the tree, or a value.
    """
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type = "RGBA"
    inputs = [socket for socket in node.inputs if socket.enabled]
    for socket, value in zip(inputs, (factor, first, second), strict=True):
        feed(tree, socket, value)
    return next(socket for socket in node.outputs if socket.enabled)


def feed(tree: Any, socket: Any, value: Any) -> None:
    """Link an output of the tree to an input, or set the input to a value."""
    if isinstance(value, bpy.types.NodeSocket):
        tree.links.new(value, socket)
    else:
        socket.default_value = value


def _vary_roughness(tree: Any, surface: Any, place: Any, finish: Finish, diagonal: float) -> None:
    blotches = _noise(tree, place, (6.0, 6.0, 6.0), diagonal)
    spread = tree.nodes.new("ShaderNodeMapRange")
    spread.inputs["To Min"].default_value = finish.roughness - finish.blotches
    spread.inputs["To Max"].default_value = finish.roughness + finish.blotches
    tree.links.new(blotches, spread.inputs["Value"])
    tree.links.new(spread.outputs["Result"], surface.inputs["Roughness"])


def _raise_grain(tree: Any, surface: Any, place: Any, finish: Finish, diagonal: float) -> None:
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Distance"].default_value = finish.relief * diagonal
    tree.links.new(_noise(tree, place, finish.grain, diagonal), bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], surface.inputs["Normal"])


def _noise(tree: Any, place: Any, waves: tuple[float, float, float], diagonal: float) -> Any:
    """Noise in [0, 1] with that many waves over the diagonal."""
    scale = tree.nodes.new("ShaderNodeMapping")
    scale.inputs["Scale"].default_value = [count / diagonal for count in waves]
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 1.0
    noise.inputs["Detail"].default_value = 3.0
    tree.links.new(place, scale.inputs["Vector"])
    tree.links.new(scale.outputs["Vector"], noise.inputs["Vector"])
    return next(socket for socket in noise.outputs if socket.name in ("Fac", "Factor"))
