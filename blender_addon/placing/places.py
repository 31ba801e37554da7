# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a new defect goes: places on a surface, and what each kind needs of its place.

All arrays are in the object's local space, float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..documents.errors import AddonError
from ..documents.schema import fields
from .surface_paths import Surface, surface_path

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Values = dict[str, Any]

# Sizes of what the schema suggests nothing for, as ratios like its suggested lengths.
SCRATCH_LENGTH = 0.3
HULL_RADIUS = 0.1
HULL_CORNERS = 10
# Bumps of a new freeform defect: place along and across as ratios of the hull's radius, and
# amplitude as a ratio of the largest.
BUMPS = ((0.0, 0.0, 1.0), (0.4, 0.3, -0.6), (-0.35, 0.35, 0.7), (-0.1, -0.45, -0.5))
BUMP_AMPLITUDE = 0.02
BUMP_SIGMA = 0.25
# What remains of the length of a bend's inner fibre.
LEAST_FIBRE = 0.2

# Choice of well separated places: how many cells the region's diagonal has, of which each offers
# one; which share of them may be chosen; and the cosine below which a normal is another face's.
CELLS = 35
CLEAREST = 0.25
SAME_FACE = 0.97


@dataclass(frozen=True, eq=False)
class Place:
    """A point on a surface, for a defect of about ``size``.

    Attributes:
        position: (3,) on the surface.
        normal: (3,) outward and unit.
        heading: (3,) unit, along the surface; round an elongated part.
        axis: (3,) unit, along which the part is longest; to the side with less of it.
        size: what suggested ratios are multiplied by; the diagonal, or less where it is crowded.
    """

    position: Floats
    normal: Floats
    heading: Floats
    axis: Floats
    size: float

    @property
    def across(self) -> Floats:
        """(3,) unit, along the surface and across the heading."""
        return np.cross(self.normal, self.heading)


def place_near(surface: Surface, near: ArrayLike, size: float) -> Place:
    """The place of ``surface`` nearest to the point ``near`` (3,)."""
    position, vertex = surface.nearest(near)
    return place_at(surface, position, surface.normals[vertex], size)


def place_at(surface: Surface, position: Floats, normal: Floats, size: float) -> Place:
    """The place at a ``position`` (3,) on ``surface`` with an outward ``normal`` (3,) there."""
    normal = unit(normal)
    axis, other, _ = principal_axes(surface.points)
    # Of two axes across each other, at least one is not along the normal.
    round_part = np.cross(axis, normal)
    heading = round_part if np.linalg.norm(round_part) > 0.3 else np.cross(other, normal)
    ahead = ((surface.points - position) @ axis > 0).mean()
    return Place(position, normal, unit(heading), axis if ahead <= 0.5 else -axis, size)


def placed_values(kind: str, surface: Surface, place: Place) -> Values:
    """Fields for a new defect of ``kind`` at ``place``; all others may take their defaults."""
    return {**suggested_lengths(kind, place.size), **PLACED[kind](surface, place)}


def separated_vertices(surface: Surface, region: NDArray[np.bool_], count: int) -> Integers:
    """``count`` vertices far from each other, and from edges and hollows of the surface.

    Always the same ones: the clearest of all, then each the one farthest from those before it.

    Args:
        surface: to choose on.
        region: (N,) vertices that may be chosen; at least one.
        count: how many.
    """
    candidates = _clear_candidates(surface, np.flatnonzero(region))
    points = surface.points[candidates]
    chosen = [0]
    while len(chosen) < count:
        away = np.linalg.norm(points[:, None] - points[chosen][None], axis=2).min(axis=1)
        chosen.append(int(np.argmax(away)))
    return candidates[chosen]


def principal_axes(points: Floats) -> Floats:
    """Rows (3, 3): unit axes of ``points`` (N, 3) from the greatest extent to the least."""
    centered = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    return _upward(axes.T[::-1])


def _upward(axes: Floats) -> Floats:
    """The axes, each with its largest component positive: an eigenvector has no sign."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return axes * np.sign(largest)


def _clear_candidates(surface: Surface, region: Integers) -> Integers:
    """Vertices of ``region`` that face away from the part, far from edges, the clearest first."""
    middle = (surface.points.min(axis=0) + surface.points.max(axis=0)) / 2.0
    outward = np.einsum("ni,ni->n", surface.points[region] - middle, surface.normals[region]) > 0
    region = region[outward] if outward.any() else region
    candidates = region[_one_per_cell(surface.points[region])]
    clear = np.array([clearance(surface, vertex) for vertex in candidates])
    order = np.argsort(-clear, kind="stable")
    return candidates[order[: max(1, round(CLEAREST * len(order)))]]


def _one_per_cell(points: Floats) -> Integers:
    """Rows of ``points`` (N, 3), one in each cell of a grid: vertices crowd on small faces."""
    low, high = points.min(axis=0), points.max(axis=0)
    cell = max(float(np.linalg.norm(high - low)) / CELLS, np.finfo(float).tiny)
    _, first = np.unique(np.floor((points - low) / cell), axis=0, return_index=True)
    return np.sort(first)


def clearance(surface: Surface, vertex: int) -> float:
    """Distance from a vertex to the nearest one whose normal is turned away from its own."""
    turned = surface.normals @ surface.normals[vertex] < SAME_FACE
    squared = (surface.points - surface.points[vertex]) ** 2
    # As the norm of each row, to the last digit, but several times quicker.
    away = squared[:, 0] + squared[:, 1] + squared[:, 2]
    return float(np.sqrt(away.min(where=turned, initial=np.inf)))


def suggested_lengths(kind: str, size: float) -> dict[str, float]:
    """The lengths that the schema suggests for a new defect, for a part or place of ``size``."""
    return {
        field.name: field.suggested * size
        for field in fields(kind)
        if field.quantity == "length" and field.suggested is not None
    }


def _place_dent(surface: Surface, place: Place) -> Values:
    return {"center": place.position.tolist(), "center_normal": place.normal.tolist()}


def _place_scratch(surface: Surface, place: Place) -> Values:
    reach = 0.5 * SCRATCH_LENGTH * place.size * place.heading
    anchors = [place.position - reach, place.position, place.position + reach]
    step = 0.5 * suggested_lengths("scratch", place.size)["width"]
    return {"path": surface_path(surface, anchors, step).as_document()}


def _place_bend(surface: Surface, place: Place) -> Values:
    """The hinge runs through the part's section at the place, across which it is thinnest.

    The lighter side turns, so that the part keeps its place by the heavier one.
    """
    band = suggested_lengths("bend", place.size)["band"]
    section = section_at(surface, place.position, place.axis, band)
    axis = principal_axes(section)[0]
    return hinge_values(section, axis, place.axis, band)


def section_at(surface: Surface, point: Floats, side: Floats, band: float) -> Floats:
    """Points (S, 3) of the part's section by the plane through ``point`` across ``side``, unit.

    They are the vertices within half a ``band`` of the plane, drawn onto it; on a coarse mesh that
    has none there, the places where its edges cross the plane.

    Raises:
        AddonError: the plane misses the part.
    """
    height = (surface.points - point) @ side
    near = np.abs(height) <= band / 2.0
    if near.any():
        return surface.points[near] - np.outer(height[near], side)
    ends = height[surface.edges]
    crossing = ends[:, 0] * ends[:, 1] < 0.0
    if not crossing.any():
        raise AddonError("the hinge misses the part; draw it across the part")
    first, second = surface.points[surface.edges[crossing]].transpose(1, 0, 2)
    fraction = ends[crossing, 0] / (ends[crossing, 0] - ends[crossing, 1])
    return np.asarray(first + fraction[:, None] * (second - first))


def hinge_values(section: Floats, axis: Floats, side: Floats, band: float) -> Values:
    """A bend about ``axis`` through the middle of ``section`` (S, 3), all in one plane.

    Args:
        section: of the part.
        axis: (3,) unit, in the plane.
        side: (3,) unit, across the plane.
        band: length over which the part bends.
    """
    hinge = section.mean(axis=0)
    thickness = float(np.abs((section - hinge) @ np.cross(side, axis)).max())
    suggested = next(field.suggested for field in fields("bend") if field.name == "angle")
    # The inner fibre shrinks; it must not turn over.
    most = (1.0 - LEAST_FIBRE) * band / thickness if thickness else np.pi
    return {
        "hinge_point": hinge.tolist(),
        "hinge_axis": axis.tolist(),
        "side": side.tolist(),
        "angle": min(suggested, most),
    }


def _place_crack(surface: Surface, place: Place) -> Values:
    return {
        "origin": place.position.tolist(),
        "normal": place.heading.tolist(),
        "direction": (-place.normal).tolist(),
    }


def _place_freeform(surface: Surface, place: Place) -> Values:
    radius = HULL_RADIUS * place.size
    bumps = []
    for along, across, amplitude in BUMPS:
        away = radius * (along * place.heading + across * place.across)
        center, _ = surface.nearest(place.position + away)
        bumps.append(
            {
                "center": center.tolist(),
                "amplitude": amplitude * BUMP_AMPLITUDE * place.size,
                "sigma": BUMP_SIGMA * radius,
            }
        )
    return {
        "hull": _hull_about(place, radius).tolist(),
        "bumps": bumps,
        "normal": place.normal.tolist(),
    }


def _place_hole(surface: Surface, place: Place) -> Values:
    return {
        "center": place.position.tolist(),
        "direction": (-place.normal).tolist(),
        # Something to look at; a hole of which nothing is seen is one choice away.
        "walls": "closed",
    }


def _place_deposit(surface: Surface, place: Place) -> Values:
    return {
        "center": place.position.tolist(),
        "normal": place.normal.tolist(),
        "heading": place.heading.tolist(),
    }


def _hull_about(place: Place, radius: float) -> Floats:
    """Corners (2 HULL_CORNERS, 3) of a round prism that reaches through the surface."""
    turn = 2.0 * np.pi * np.arange(HULL_CORNERS) / HULL_CORNERS
    ring = np.outer(np.cos(turn), place.heading) + np.outer(np.sin(turn), place.across)
    lift = 0.6 * place.normal
    return place.position + radius * np.concatenate([ring - lift, ring + lift])


def unit(vector: Floats) -> Floats:
    """``vector`` (3,) with a length of 1."""
    return np.asarray(vector / np.linalg.norm(vector))


PLACED: dict[str, Callable[[Surface, Place], Values]] = {
    "dent": _place_dent,
    "scratch": _place_scratch,
    "bend": _place_bend,
    "crack": _place_crack,
    "freeform": _place_freeform,
    "hole": _place_hole,
    "deposit": _place_deposit,
}
