# SPDX-License-Identifier: GPL-3.0-or-later
"""Roughness by position and seed, in a node group of its own (docs/reference/defects.md)."""

from __future__ import annotations

import math

import bpy

from ..documents.schema import CONSTANTS
from .tree import Tree, Value, new_tree

GROUP_NAME = "Flawsmith Noise v1"
INPUTS = {"Place": "NodeSocketVector", "Wavelength": "NodeSocketFloat", "Seed": "NodeSocketInt"}
OUTPUT = "Noise"


def noise(tree: Tree, place: Value, wavelength: Value, seed: Value) -> Value:
    """Noise in [−1, 1] at ``place``; ``wavelength`` is the longest one."""
    return tree.out(tree.node("GeometryNodeGroup", place, wavelength, seed, node_tree=_group()))


def roughened(tree: Tree, roughness: Value, place: Value, wavelength: Value, seed: Value) -> Value:
    """1 + roughness · noise; without roughness, no noise is computed."""
    rough = 1.0 + roughness * noise(tree, place, wavelength, seed)
    return tree.switch(tree.is_nonzero(roughness), rough, tree.constant(1.0))


def _group() -> bpy.types.NodeTree:
    if GROUP_NAME in bpy.data.node_groups:
        return bpy.data.node_groups[GROUP_NAME]
    group, tree = new_tree(GROUP_NAME, modifier=False)
    for name, kind in INPUTS.items():
        tree.tree.interface.new_socket(name, in_out="INPUT", socket_type=kind)
    tree.tree.interface.new_socket(OUTPUT, in_out="OUTPUT", socket_type="NodeSocketFloat")
    inputs = tree.node("NodeGroupInput")
    place, wavelength, seed = (Value(tree, inputs.outputs[name]) for name in INPUTS)
    tree.node("NodeGroupOutput", _sum_of_waves(tree, place, wavelength, seed))
    tree.arrange()
    return group


def _sum_of_waves(tree: Tree, place: Value, wavelength: Value, seed: Value) -> Value:
    pairs = _Generator(tree, seed)
    scaled = place * tree.math("DIVIDE", 2.0 * math.pi, wavelength)
    total: Value = tree.constant(0.0)
    for number in range(int(CONSTANTS["noise_waves"])):
        with tree.frame(f"Wave {number + 1}"):
            total = total + _wave(tree, scaled, pairs)
    return tree.clip(total * (1.0 / CONSTANTS["noise_scale"]), -1.0, 1.0)


def _wave(tree: Tree, scaled: Value, pairs: _Generator) -> Value:
    a, b = pairs.next()
    z, theta = 2.0 * a - 1.0, (2.0 * math.pi) * b
    a, b = pairs.next()
    flat = tree.math("SQRT", 1.0 - z * z)
    direction = tree.vector(flat * tree.math("COSINE", theta), flat * tree.math("SINE", theta), z)
    wave_vector = direction * (1.0 + b)
    return tree.math("SINE", scaled.dot(wave_vector) + (2.0 * math.pi) * a)


class _Generator:
    """Pairs in (0, 1) from two multiplicative generators, each step exact in single precision."""

    def __init__(self, tree: Tree, seed: Value) -> None:
        self.tree = tree
        size_a, size_b = CONSTANTS["noise_modulus_a"] - 1, CONSTANTS["noise_modulus_b"] - 1
        self.a = 1.0 + self._modulo(seed, size_a)
        self.b = 1.0 + self._modulo(tree.math("FLOOR", seed / size_a), size_b)

    def next(self) -> tuple[Value, Value]:
        """The next pair."""
        self.a = self._modulo(self.a * CONSTANTS["noise_factor_a"], CONSTANTS["noise_modulus_a"])
        self.b = self._modulo(self.b * CONSTANTS["noise_factor_b"], CONSTANTS["noise_modulus_b"])
        return self.a / CONSTANTS["noise_modulus_a"], self.b / CONSTANTS["noise_modulus_b"]

    def _modulo(self, value: Value, modulus: float) -> Value:
        return self.tree.math("MODULO", value, modulus)
