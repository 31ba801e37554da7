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
from backend.locations import Place, find_place
from backend.resolve import surface_path, triple
from shared_schema.defects import (
    BendTemplate,
    Choice,
    CrackTemplate,
    DefectSpec,
    DefectTemplate,
    DentTemplate,
    Distribution,
    FreeformTemplate,
    Range,
    ScratchTemplate,
)
from shared_schema.recipe import Lengths, Part, Recipe, RecipeTemplate
from shared_schema.scale import SCALED_QUANTITIES, quantity_of
from shared_schema.views import ViewSet

FloatArray = NDArray[np.float64]

HULL_CORNERS = 14


@dataclass(frozen=True)
class Surface:
    """What recipes are drawn on.

    Attributes:
        cloud: the part's surface in the part frame, evenly dense, with outward normals.
        part: what the recipes say about the part.
        views: rendered views, for templates that speak in view boxes.
    """

    cloud: PointCloud
    part: Part
    views: ViewSet | None = None


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
        raise SamplingError("recipes are drawn on surfaces with outward normals; estimate them first")
    scale = surface.part.diagonal if template.lengths is Lengths.RATIO else 1.0
    defects = tuple(
        _sample_defect(chosen, number, template, surface, scale, rng)
        for number, chosen in enumerate(_choose(template, rng), start=1)
    )
    return Recipe(name=name, part=surface.part, defects=defects)


def _choose(template: RecipeTemplate, rng: np.random.Generator) -> list[DefectTemplate]:
    if template.draws is None:
        return list(template.defects)
    chances = np.array([defect.chance for defect in template.defects])
    count = round(draw(template.draws, rng))
    picks = rng.choice(len(chances), size=count, p=chances / chances.sum())
    return [template.defects[pick] for pick in picks]


def _sample_defect(
    defect: DefectTemplate,
    number: int,
    template: RecipeTemplate,
    surface: Surface,
    scale: float,
    rng: np.random.Generator,
) -> Any:
    values = _draw_values(defect, scale, rng)
    values["label"] = number if defect.label == "auto" else defect.label
    place = find_place(defect.location, template.regions, surface.cloud, scale, surface.views, rng)
    return _PLACE[defect.kind](defect, values, place, surface.cloud, rng)


def _draw_values(
    defect: DefectTemplate, scale: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Every field that template and concrete defect share, drawn and in absolute lengths."""
    values: dict[str, Any] = {}
    spec_fields = defect.spec.model_fields
    for name in type(defect).model_fields:
        if name in ("kind", "label") or name not in spec_fields:
            continue
        value = draw(getattr(defect, name), rng)
        quantity = quantity_of(spec_fields[name])
        if quantity in SCALED_QUANTITIES:
            value = tuple(scale * x for x in value) if isinstance(value, tuple) else scale * value
        values[name] = value
    if "seed" in spec_fields:
        values["seed"] = int(rng.integers(1_000_000))
    return values


def draw(value: Any, rng: np.random.Generator) -> Any:
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


def _place_dent(
    defect: DentTemplate,
    values: dict[str, Any],
    place: Place,
    cloud: PointCloud,
    rng: np.random.Generator,
) -> DefectSpec:
    return _build(
        defect, values, center=triple(place.position), center_normal=triple(place.normal)
    )


def _place_scratch(
    defect: ScratchTemplate,
    values: dict[str, Any],
    place: Place,
    cloud: PointCloud,
    rng: np.random.Generator,
) -> DefectSpec:
    anchors = place.path
    if anchors is None:
        # The length is a field of the template alone; its scale is that of the width.
        length = draw(defect.length, rng) * place.scale
        anchors = np.stack([place.position, _far_end(cloud, place, length, rng)])
    return _build(defect, values, path=surface_path(cloud, anchors, values["width"]))


def _far_end(
    cloud: PointCloud, place: Place, length: float, rng: np.random.Generator
) -> FloatArray:
    """A point about ``length`` over the surface from ``place``, in a random heading."""
    distance = distances_within(edge_graph(cloud), place.index, 1.1 * length)
    reached = np.isfinite(distance)
    wanted = reached & (distance >= 0.9 * length)
    if not wanted.any():  # a small patch: as far as it goes
        wanted = reached & (distance >= 0.9 * distance[reached].max())
    candidates = np.flatnonzero(wanted)
    heading = random_tangent(place.normal, rng)
    directions = unit(cloud.points[candidates] - place.position)
    return cloud.points[candidates[np.argmax(directions @ heading)]]


def _place_bend(
    defect: BendTemplate,
    values: dict[str, Any],
    place: Place,
    cloud: PointCloud,
    rng: np.random.Generator,
) -> DefectSpec:
    normal = principal_axes(cloud.points)[0] if place.plane_normal is None else place.plane_normal
    point, axis = section_hinge(cloud.points, place.position, normal, values["band"])
    # The lighter side turns; the part keeps its place by the heavier one.
    ahead = (cloud.points - point) @ normal > 0
    side = normal if ahead.mean() <= 0.5 else -normal
    return _build(
        defect, values, hinge_point=triple(point), hinge_axis=triple(axis), side=triple(side)
    )


def _place_crack(
    defect: CrackTemplate,
    values: dict[str, Any],
    place: Place,
    cloud: PointCloud,
    rng: np.random.Generator,
) -> DefectSpec:
    across = place.plane_normal
    if across is None or np.abs(across @ place.normal) > 0.99:
        across = random_tangent(place.normal, rng)
    return _build(
        defect,
        values,
        origin=triple(place.position),
        normal=triple(across),
        direction=triple(-place.normal),
    )


def _place_freeform(
    defect: FreeformTemplate,
    values: dict[str, Any],
    place: Place,
    cloud: PointCloud,
    rng: np.random.Generator,
) -> DefectSpec:
    size = draw(defect.size, rng) * place.scale
    hull = place.hull if place.hull is not None else _random_hull(place, size, rng)
    inside = cloud.tree.query_ball_point(place.position, size, return_sorted=True)
    bumps = [
        {
            "center": triple(cloud.points[rng.choice(inside)] if inside else place.position),
            "amplitude": draw(defect.amplitude, rng) * place.scale,
            "sigma": draw(defect.sigma_ratio, rng) * size,
        }
        for _ in range(round(draw(defect.bump_count, rng)))
    ]
    return _build(
        defect,
        values,
        hull=tuple(triple(corner) for corner in hull),
        bumps=tuple(bumps),
        margin=draw(defect.margin_ratio, rng) * size,
    )


def _random_hull(place: Place, size: float, rng: np.random.Generator) -> FloatArray:
    """Corners (HULL_CORNERS, 3) scattered about ``place``: wide along the surface, flat across it."""
    tangent = random_tangent(place.normal, rng)
    axes = np.stack([tangent, np.cross(place.normal, tangent), place.normal])
    corners = unit(rng.normal(size=(HULL_CORNERS, 3))) * rng.uniform(0.75, 1.0, (HULL_CORNERS, 1))
    return place.position + (corners * (size, 0.8 * size, 0.6 * size)) @ axes


def random_tangent(normal: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A unit vector (3,) in a random heading across ``normal`` (3,)."""
    across = np.cross(normal, unit(rng.normal(size=3)))
    while np.linalg.norm(across) < 0.1:
        across = np.cross(normal, unit(rng.normal(size=3)))
    return unit(across)


def _build(defect: DefectTemplate, values: dict[str, Any], **placed: Any) -> DefectSpec:
    return defect.spec.model_validate({**values, **placed})


_PLACE: dict[str, Callable[..., DefectSpec]] = {
    "dent": _place_dent,
    "scratch": _place_scratch,
    "bend": _place_bend,
    "crack": _place_crack,
    "freeform": _place_freeform,
}
