# SPDX-License-Identifier: GPL-3.0-or-later
"""Deposit: formulas in ``docs/defects.md``."""

from __future__ import annotations

from ..attribute_io import NORMAL
from ..formulas import facing, flat_falloff, keep_source, mark, smoothstep
from ..interface import declare, finish
from ..nodes import Tree, Value
from ..noise import noise
from ..schema import CONSTANTS


def deposit(tree: Tree) -> None:
    """Raise the surface of the foot to the cap of a sphere, evenly spread over it."""
    inputs = declare(tree, "deposit")
    geometry, carried = keep_source(tree, inputs["geometry"])
    radius = inputs["radius"]
    normal = inputs["normal"].unit()
    heading = inputs["heading"]
    heading = (heading - normal * heading.dot(normal)).unit()
    across = normal.cross(heading)
    offset = tree.position() - inputs["center"]
    x, y = offset.dot(heading) / inputs["stretch"], offset.dot(across)
    u = tree.math("SQRT", x * x + y * y) / radius
    above = offset.dot(normal)
    level = smoothstep(tree, (1.0 - tree.math("ABSOLUTE", above) / radius) * 2.0)
    share = level * facing(tree, carried, normal, inputs["facing_angle"])
    within = tree.indicator((u < 1.0) & (inputs["height"] > 0.0))
    share = share * within
    height = _height(tree, offset, inputs)
    rest = 1.0 - u * u
    slope = height / radius
    sideways = tree.math("SQRT", tree.maximum(1.0 + slope * slope * rest, 0.0))
    rise = (offset - normal * above) * (sideways - 1.0) + normal * (height * rest)
    curvature = height * 2.0 / (radius * radius + height * height)
    lean = heading * (x / inputs["stretch"]) + across * y
    outward = lean * (curvature * sideways) + normal * (1.0 - u * u * height * curvature)
    turned = (carried + (outward.unit() - carried) * share).unit()
    geometry, rise = tree.capture(geometry, rise * share)
    geometry, turned = tree.capture(geometry, tree.switch(within > 0.5, turned, carried))
    weight = share * flat_falloff(tree, u)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    geometry = tree.store(geometry, NORMAL, turned)
    finish(tree, tree.move(geometry, rise), "deposit")


def _height(tree: Tree, offset: Value, inputs: dict[str, Value]) -> Value:
    """How high the deposit rises, rough or not."""
    wavelength = inputs["radius"] * CONSTANTS["deposit_wavelength"]
    rough = noise(tree, offset, wavelength, inputs["seed"])
    return inputs["height"] * (1.0 + inputs["roughness"] * rough)
