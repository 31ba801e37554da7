"""Draw concrete recipes from a template: all chance before training is here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.geodesic import distances_within
from backend.defects.push import unit
from backend.errors import SamplingError
from backend.geometry.hinge import principal_axes, section_hinge
from backend.geometry.rotations import even_directions
from backend.replay.resolve import surface_path, triple
from backend.sampling.places import Place, Surface, find_place, place_near
from backend.wording import coordinates
from shared_schema.defects import Choice, DefectSpec, DefectTemplate, Distribution, Range
from shared_schema.defects.base import Along
from shared_schema.recipe import Recipe, RecipeTemplate
from shared_schema.scale import SCALED_QUANTITIES, quantity_of

HULL_CORNERS = 14
# Cosine to the heading from which on a mark of a row counts as parallel to the others.
IN_LINE = 0.99


def sample_recipes(
    template: RecipeTemplate, surface: Surface, *, seed: int, count: int, first: int = 0
) -> Iterator[Recipe]:
    """Recipes ``first`` … ``first + count − 1`` of the endless sequence that ``seed`` names.

    Each recipe has a generator of its own, so it is the same however many are drawn around it.

    Raises:
        SamplingError: the template does not fit the surface.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> template = fs.load_template("sheet_metal/dents")
    >>> recipes = list(fs.sample(template, surface, seed=0, count=3))
    >>> next(fs.sample(template, surface, seed=0, count=1, first=2)) == recipes[2]
    True
    """
    for index in range(first, first + count):
        rng = np.random.default_rng([seed, index])
        yield sample_recipe(template, surface, rng=rng, name=f"{template.name}-{seed}-{index:05d}")


def sample_recipe(
    template: RecipeTemplate, surface: Surface, *, rng: np.random.Generator, name: str = ""
) -> Recipe:
    """Draw one concrete recipe, in absolute lengths of the part's unit.

    Raises:
        SamplingError: the template does not fit the surface.
    """
    if surface.cloud.normals is None:
        raise SamplingError(
            f"recipes are drawn on surfaces with outward normals, and these {len(surface.cloud)} "
            "points have none; give a nominal model with faces, or a scan with normals"
        )
    defects: list[DefectSpec] = []
    first: Place | None = None
    for chosen in _choose(template, rng):
        place = find_place(chosen.location, template, surface, rng, first)
        first = first or place
        draw = Drawer(chosen, surface.scale_of(template), rng)
        for one in _row(draw, place, surface.cloud):
            defects.append(_sample_defect(draw, len(defects) + 1, one, surface.cloud))
    return Recipe(name=name, part=surface.part, defects=tuple(defects))


def _choose(template: RecipeTemplate, rng: np.random.Generator) -> list[DefectTemplate]:
    if template.draws is None:
        return list(template.defects)
    chances = np.array([defect.chance for defect in template.defects])
    count = round(draw_value(template.draws, rng))
    picks = rng.choice(len(chances), size=count, p=chances / chances.sum())
    return [template.defects[pick] for pick in picks]


def _row(draw: Drawer, place: Place, cloud: PointCloud) -> list[Place]:
    """The places of a repeated defect, in a row about ``place``; or that place alone."""
    repeat = draw.defect.repeat
    if repeat is None:
        return [place]
    count = round(draw_value(repeat.count, draw.rng))
    spacing = draw.scale * draw_value(repeat.spacing, draw.rng)
    ahead = draw.tangent(place.normal)
    steps = spacing * (np.arange(count) - (count - 1) / 2.0)
    # All head the same way, across the row.
    heading = np.cross(place.normal, ahead)
    return [
        replace(place_near(cloud, place.position + step * ahead), heading=heading) for step in steps
    ]


def _sample_defect(draw: Drawer, number: int, place: Place, cloud: PointCloud) -> DefectSpec:
    defect = draw.defect
    values = draw.shared_fields()
    values["label"] = number if defect.label == "auto" else defect.label
    if getattr(defect, "along", Along.NORMALS) is Along.PLACE and values["direction"] is None:
        values["direction"] = triple(-place.normal)
    values.update(_PLACE[defect.kind](draw, values, place, cloud))
    return defect.spec.model_validate(values)


@dataclass(frozen=True)
class Drawer:
    """Draws the fields of one defect's template.

    Attributes:
        defect: the template.
        scale: what its lengths are multiplied by.
        rng: where chance comes from.
    """

    defect: DefectTemplate
    scale: float
    rng: np.random.Generator

    def __call__(self, name: str) -> Any:
        """A value for field ``name``; lengths come in the part's unit."""
        value = draw_value(getattr(self.defect, name), self.rng)
        fields = self.defect.spec.model_fields
        quantity = quantity_of(fields.get(name) or type(self.defect).model_fields[name])
        if quantity not in SCALED_QUANTITIES:
            return value
        if isinstance(value, tuple):
            return tuple(self.scale * x for x in value)
        return self.scale * value

    def shared_fields(self) -> dict[str, Any]:
        """Values for every field that the template shares with the concrete defect."""
        fields = self.defect.spec.model_fields
        shared = [name for name in type(self.defect).model_fields if name in fields]
        values = {name: self(name) for name in shared if name not in ("kind", "label")}
        if "seed" in fields:
            values["seed"] = int(self.rng.integers(1_000_000))
        return values

    def heading(self, place: Place) -> FloatArray:
        """A unit vector (3,) across the normal of ``place``: its own heading or a random one."""
        if place.heading is None:
            return self.tangent(place.normal)
        return unit(place.heading - (place.heading @ place.normal) * place.normal)

    def tangent(self, normal: FloatArray) -> FloatArray:
        """A unit vector (3,) in a random heading across ``normal`` (3,)."""
        across = np.zeros(3)
        while np.linalg.norm(across) < 0.1:
            across = np.cross(normal, unit(self.rng.normal(size=3)))
        return unit(across)


def draw_value(value: Any, rng: np.random.Generator) -> Any:
    """A number from a range, one of several choices, or the value itself.

    >>> draw_value(0.5, np.random.default_rng(0))
    0.5
    """
    if isinstance(value, Choice):
        return value.choices[rng.integers(len(value.choices))]
    if not isinstance(value, Range):
        return value
    if value.distribution is Distribution.LOG_UNIFORM:
        drawn = float(np.exp(rng.uniform(np.log(value.min), np.log(value.max))))
    else:
        drawn = float(rng.uniform(value.min, value.max))
    return -drawn if value.random_sign and rng.random() < 0.5 else drawn


Values = dict[str, Any]


def _place_dent(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    return {"center": triple(place.position), "center_normal": triple(place.normal)}


def _place_scratch(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    anchors = place.path
    if anchors is None:
        anchors = np.stack([place.position, _far_end(draw, place, cloud)])
    return {"path": surface_path(cloud, anchors, values["width"])}


def _far_end(draw: Drawer, place: Place, cloud: PointCloud) -> FloatArray:
    """A point about the drawn length over the surface from ``place``, in a random heading."""
    length = draw("length")
    distance = distances_within(cloud.graph, place.index, 1.1 * length)
    reached = np.isfinite(distance)
    farthest = distance[reached].max()
    if farthest == 0:
        raise SamplingError(
            f"a scratch of length {length:.5g} has nowhere to go from "
            f"{coordinates(place.position)}: the next points are farther away; use a denser scan"
        )
    heading, offset = draw.heading(place), cloud.points - place.position
    if place.heading is not None:
        along = unit(offset - np.outer(offset @ place.normal, place.normal)) @ heading
        ahead = reached & (along > IN_LINE)
        if ahead.any():
            # One of a row: shorter near a border rather than out of line.
            ahead &= distance >= 0.9 * min(length, distance[ahead].max())
            return cloud.points[np.argmax(np.where(ahead, along, -1.0))]
    # On a patch smaller than that: as far as it goes.
    candidates = np.flatnonzero(reached & (distance >= 0.9 * min(length, farthest)))
    return cloud.points[candidates[np.argmax(unit(offset[candidates]) @ heading)]]


def _place_bend(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    normal, origin = place.plane_normal, place.position
    if normal is None:
        normal = principal_axes(cloud.points)[0]
        origin = origin + _into_part(cloud, origin, normal, values["band"]) * normal
    point, axis = section_hinge(cloud.points, origin, normal, values["band"])
    # The lighter side turns; the part keeps its place by the heavier one.
    ahead = (cloud.points - point) @ normal > 0
    side = normal if ahead.mean() <= 0.5 else -normal
    return {"hinge_point": triple(point), "hinge_axis": triple(axis), "side": triple(side)}


def _into_part(cloud: PointCloud, origin: FloatArray, normal: FloatArray, band: float) -> float:
    """How far along ``normal`` a plane must move so that a ``band`` on each side is in the part."""
    height = (cloud.points - origin) @ normal
    low, high = height.min() + band, height.max() - band
    return float(np.clip(0.0, low, high) if low < high else (low + high) / 2.0)


def _place_crack(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    across = place.plane_normal
    if across is None or np.abs(across @ place.normal) > 0.99:
        across = draw.heading(place)
        if place.heading is not None:
            # The mouths of a row run along its heading, as scratches do.
            across = np.cross(place.normal, across)
    return {
        "origin": triple(place.position),
        "normal": triple(across),
        "direction": triple(-place.normal),
    }


def _place_freeform(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    size = draw("size")
    hull = _random_hull(draw, place, size) if place.hull is None else place.hull
    inside = cloud.tree.query_ball_point(place.position, size, return_sorted=True)
    bumps = [
        {
            "center": triple(cloud.points[draw.rng.choice(inside)]),
            "amplitude": draw("amplitude"),
            "sigma": draw("sigma_ratio") * size,
        }
        for _ in range(round(draw("bump_count")))
    ]
    return {
        "hull": tuple(triple(corner) for corner in hull),
        "bumps": tuple(bumps),
        "normal": triple(place.normal),
        "margin": draw("margin_ratio") * size,
    }


def _random_hull(draw: Drawer, place: Place, size: float) -> FloatArray:
    """Corners (HULL_CORNERS, 3) about ``place``: wide along the surface, flat across it."""
    tangent = draw.heading(place)
    axes = np.stack([tangent, np.cross(place.normal, tangent), place.normal])
    # All round, so that the place itself is always well inside.
    corners = even_directions(HULL_CORNERS, draw.rng)
    corners *= draw.rng.uniform(0.75, 1.0, (HULL_CORNERS, 1))
    return place.position + (corners * (size, 0.8 * size, 0.6 * size)) @ axes


def _place_hole(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    return {"center": triple(place.position), "direction": triple(-place.normal)}


def _place_deposit(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    return {
        "center": triple(place.position),
        "normal": triple(place.normal),
        "heading": triple(draw.heading(place)),
    }


_PLACE: dict[str, Callable[[Drawer, Values, Place, PointCloud], Values]] = {
    "dent": _place_dent,
    "scratch": _place_scratch,
    "bend": _place_bend,
    "crack": _place_crack,
    "freeform": _place_freeform,
    "hole": _place_hole,
    "deposit": _place_deposit,
}
