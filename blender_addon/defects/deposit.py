# SPDX-License-Identifier: GPL-3.0-or-later
"""Deposit: formulas in ``docs/reference/defects.md``."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.attributes import NORMAL
from ..documents.schema import CONSTANTS
from ..nodes.formulas import BEYOND, facing, flat_falloff, keep_source, mark, smoothstep
from ..nodes.gizmos import length_handle, point_handle
from ..nodes.interface import declare, finish
from ..nodes.noise import roughened
from ..nodes.tree import Tree, Value


@dataclass(frozen=True)
class Foot:
    """The deposit's coordinates: fields over the part's points.

    Attributes:
        normal: unit, the deposit rises along it.
        across: unit, across the normal and the heading.
        lean: along the surface from the center, in a foot drawn together to a circle.
        outward: along the surface from the center.
        above: the surface at the center.
        u: from the center, 1 at the edge of the foot.
    """

    normal: Value
    across: Value
    lean: Value
    outward: Value
    above: Value
    u: Value


def deposit(tree: Tree) -> None:
    """Raise the surface of the foot to the cap of a sphere, evenly spread over it."""
    inputs = declare(tree, "deposit")
    geometry, carried = keep_source(tree, inputs["geometry"])
    offset = tree.position() - inputs["center"]
    geometry, near = tree.keep(geometry, "near", _near(tree, offset, inputs))
    foot = _foot(tree, offset, inputs)
    level = smoothstep(tree, (1.0 - tree.math("ABSOLUTE", foot.above) / inputs["radius"]) * 2.0)
    share = level * facing(tree, carried, foot.normal, inputs["facing_angle"])
    share *= tree.indicator(foot.u < 1.0)
    geometry, share = tree.keep(geometry, "share", share, near)
    geometry, height = tree.keep(geometry, "height", _height(tree, offset, inputs), near)
    geometry, weight = tree.keep(geometry, "weight", share * flat_falloff(tree, foot.u), near)
    geometry = mark(tree, geometry, weight, inputs["mask_threshold"], inputs["label"])
    rise, normal = _onto_cap(tree, foot, height, inputs["radius"])
    turned = (carried + (normal - carried) * share).unit()
    geometry = tree.store(geometry, NORMAL, turned, near & (foot.u < 1.0))
    _handles(tree, foot, inputs)
    finish(tree, tree.move(geometry, rise * share, near), "deposit")


def _near(tree: Tree, offset: Value, inputs: dict[str, Value]) -> Value:
    """Whether a point lies in the ball that holds the foot and what is level with it."""
    with tree.frame("Near the foot"):
        reach = inputs["radius"] * (inputs["stretch"] + 1.0)
        return (offset.length() < reach * BEYOND) & (inputs["height"] > 0.0)


def _foot(tree: Tree, offset: Value, inputs: dict[str, Value]) -> Foot:
    with tree.frame("Foot"):
        normal, heading = inputs["normal"].unit(), inputs["heading"]
        heading = (heading - normal * heading.dot(normal)).unit()
        across = normal.cross(heading)
        x, y = offset.dot(heading) / inputs["stretch"], offset.dot(across)
        above = offset.dot(normal)
        lean = heading * (x / inputs["stretch"]) + across * y
        u = tree.math("SQRT", x * x + y * y) / inputs["radius"]
        return Foot(normal, across, lean, offset - normal * above, above, u)


def _onto_cap(tree: Tree, foot: Foot, height: Value, radius: Value) -> tuple[Value, Value]:
    """The way of a point of the foot onto the cap, and the cap's normal there."""
    with tree.frame("Cap"):
        rest, slope = 1.0 - foot.u * foot.u, height / radius
        sideways = tree.math("SQRT", tree.maximum(1.0 + slope * slope * rest, 0.0))
        rise = foot.outward * (sideways - 1.0) + foot.normal * (height * rest)
        curvature = height * 2.0 / (radius * radius + height * height)
        outward = foot.lean * (curvature * sideways)
        outward += foot.normal * (1.0 - foot.u * foot.u * height * curvature)
        return rise, outward.unit()


def _height(tree: Tree, offset: Value, inputs: dict[str, Value]) -> Value:
    """How high the deposit rises, rough or not."""
    wavelength = inputs["radius"] * CONSTANTS["deposit_wavelength"]
    rough = roughened(tree, inputs["roughness"], offset, wavelength, inputs["seed"])
    return inputs["height"] * rough


def _handles(tree: Tree, foot: Foot, inputs: dict[str, Value]) -> None:
    """Center, radius and height; the arrow of the height stands at the edge, clear of others."""
    with tree.frame("Handles"):
        center, radius, height = inputs["center"], inputs["radius"], inputs["height"]
        point_handle(tree, center)
        edge = foot.across * radius
        length_handle(tree, radius, center + edge, foot.across, along_surface=True)
        length_handle(tree, height, center - edge + foot.normal * height, foot.normal)
