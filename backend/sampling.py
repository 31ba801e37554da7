"""Draw concrete recipes from a template: all chance before training is here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.defects.push import unit
from backend.errors import SamplingError
from backend.geometry.geodesic import distances_within, edge_graph
from backend.geometry.hinge import principal_axes, section_hinge
from backend.geometry.rotations import even_directions
from backend.locations import Place, Surface, find_place
from backend.resolve import surface_path, triple
from shared_schema.defects import Choice, DefectSpec, DefectTemplate, Distribution, Range
from shared_schema.recipe import Recipe, RecipeTemplate
from shared_schema.scale import SCALED_QUANTITIES, quantity_of

FloatArray = NDArray[np.float64]

HULL_CORNERS = 14


def sample_recipes(
    template: RecipeTemplate, surface: Surface, *, seed: int, count: int, first: int = 0
) -> Iterator[Recipe]:
    """Recipes ``first`` … ``first + count − 1`` of the endless sequence that ``seed`` names.

    Each recipe has a generator of its own, so it is the same however many are drawn around it.

    Raises:
        SamplingError: the template does not fit the surface.
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
        raise SamplingError("recipes are drawn on clouds with outward normals; estimate them first")
    defects = tuple(
        _sample_defect(chosen, number, template, surface, rng)
        for number, chosen in enumerate(_choose(template, rng), start=1)
    )
    return Recipe(name=name, part=surface.part, defects=defects)


def _choose(template: RecipeTemplate, rng: np.random.Generator) -> list[DefectTemplate]:
    if template.draws is None:
        return list(template.defects)
    chances = np.array([defect.chance for defect in template.defects])
    count = round(draw_value(template.draws, rng))
    picks = rng.choice(len(chances), size=count, p=chances / chances.sum())
    return [template.defects[pick] for pick in picks]


def _sample_defect(
    defect: DefectTemplate,
    number: int,
    template: RecipeTemplate,
    surface: Surface,
    rng: np.random.Generator,
) -> DefectSpec:
    place = find_place(defect.location, template, surface, rng)
    draw = Drawer(defect, surface.scale_of(template), rng)
    values = draw.shared_fields()
    values["label"] = number if defect.label == "auto" else defect.label
    values.update(_PLACE[defect.kind](draw, values, place, surface.cloud))
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

    def tangent(self, normal: FloatArray) -> FloatArray:
        """A unit vector (3,) in a random heading across ``normal`` (3,)."""
        across = np.zeros(3)
        while np.linalg.norm(across) < 0.1:
            across = np.cross(normal, unit(self.rng.normal(size=3)))
        return unit(across)


def draw_value(value: Any, rng: np.random.Generator) -> Any:
    """A number from a range, one of several choices, or the value itself."""
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
    distance = distances_within(edge_graph(cloud), place.index, 1.1 * length)
    reached = np.isfinite(distance)
    # On a patch smaller than that: as far as it goes.
    wanted = reached & (distance >= 0.9 * min(length, distance[reached].max()))
    candidates = np.flatnonzero(wanted)
    directions = unit(cloud.points[candidates] - place.position)
    return cloud.points[candidates[np.argmax(directions @ draw.tangent(place.normal))]]


def _place_bend(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    normal = principal_axes(cloud.points)[0] if place.plane_normal is None else place.plane_normal
    point, axis = section_hinge(cloud.points, place.position, normal, values["band"])
    # The lighter side turns; the part keeps its place by the heavier one.
    ahead = (cloud.points - point) @ normal > 0
    side = normal if ahead.mean() <= 0.5 else -normal
    return {"hinge_point": triple(point), "hinge_axis": triple(axis), "side": triple(side)}


def _place_crack(draw: Drawer, values: Values, place: Place, cloud: PointCloud) -> Values:
    across = place.plane_normal
    if across is None or np.abs(across @ place.normal) > 0.99:
        across = draw.tangent(place.normal)
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
        "margin": draw("margin_ratio") * size,
    }


def _random_hull(draw: Drawer, place: Place, size: float) -> FloatArray:
    """Corners (HULL_CORNERS, 3) about ``place``: wide along the surface, flat across it."""
    tangent = draw.tangent(place.normal)
    axes = np.stack([tangent, np.cross(place.normal, tangent), place.normal])
    # All round, so that the place itself is always well inside.
    corners = even_directions(HULL_CORNERS, draw.rng)
    corners *= draw.rng.uniform(0.75, 1.0, (HULL_CORNERS, 1))
    return place.position + (corners * (size, 0.8 * size, 0.6 * size)) @ axes


_PLACE: dict[str, Callable[[Drawer, Values, Place, PointCloud], Values]] = {
    "dent": _place_dent,
    "scratch": _place_scratch,
    "bend": _place_bend,
    "crack": _place_crack,
    "freeform": _place_freeform,
}
