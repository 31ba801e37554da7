"""From a template's location to a place on a surface."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.sight import pitch
from backend.cloud.surface import subsample_surface
from backend.defects.push import unit
from backend.errors import CloudError, SamplingError
from backend.file_names import shown
from backend.intake import ANY_TEXT, TextFormat
from backend.io import read_cloud
from backend.sampling.view_boxes import see_box
from backend.wording import coordinates
from shared_schema.constants import FORMULA_CONSTANTS
from shared_schema.locations import (
    EdgeRandomLocation,
    HullLocation,
    LassoLocation,
    NearLocation,
    PathLocation,
    PlaneLocation,
    PointLocation,
    SurfaceRandomLocation,
    ViewBoxLocation,
)
from shared_schema.recipe import MM_PER_UNIT, Lengths, Part, RecipeTemplate, Unit
from shared_schema.views import ViewSet

EDGE_NEIGHBORS = 12
# Cosine below which a neighbour's normal is that of another wall.
OPPOSITE = -0.8
# Dense enough to place a defect of a hundredth of the part's size.
SURFACE_POINTS = 20_000


@dataclass(frozen=True, eq=False)
class Surface:
    """A surface on which recipes are drawn.

    Attributes:
        cloud: the part's surface in the part frame, with outward normals.
        part: the description of the part in the recipes.
        views: rendered views, for templates with view boxes.
        mesh: the part's faces, which view boxes look at; None where ``cloud`` has them, or where
            there is a scan alone.
        seen_boxes: the places of view boxes that were found on it.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> surface.part.name, surface.part.unit.value
    ('plate', 'mm')
    """

    cloud: PointCloud
    part: Part
    views: ViewSet | None = None
    mesh: PointCloud | None = None
    seen_boxes: dict[ViewBoxLocation, Place] = field(default_factory=dict, repr=False)

    @property
    def seen(self) -> PointCloud:
        """What a camera sees of the part: its faces, or the points of a scan."""
        return self.cloud if self.mesh is None else self.mesh

    def scale_of(self, template: RecipeTemplate) -> float:
        """What the template's lengths and coordinates are multiplied by on this part."""
        if template.lengths is Lengths.RATIO:
            return self.part.diagonal
        return MM_PER_UNIT[template.unit] / MM_PER_UNIT[self.part.unit]


def load_surface(
    path: Path,
    *,
    unit: Unit,
    seed: int,
    part_unit: Unit | None = None,
    views: ViewSet | None = None,
    text: TextFormat = ANY_TEXT,
) -> Surface:
    """The part in a file, as a surface to draw recipes on.

    Args:
        path: a mesh, whose surface is subsampled, or a scan, whose points are used unchanged.
        unit: unit of its lengths in the file.
        seed: seed of the subsampling.
        part_unit: unit of its lengths in the recipes; None takes that of the file.
        views: rendered views of it, in the part's unit.
        text: how a text file writes its numbers, as far as it is known.

    Raises:
        FileFormatError: the file cannot be read.
        CloudError: the part has no extent.
        SamplingError: the views are in another unit.

    >>> fs.write_cloud(folder / "plate.stl", fs.load_sample("plate_holes"))
    >>> fs.load_surface(folder / "plate.stl", unit=fs.Unit.MM, seed=0).part.name
    'plate'
    """
    part_unit = part_unit or unit
    cloud = read_cloud(path, unit=unit.value, text=text).surface.in_unit(part_unit)
    surface = with_views(surface_of(cloud, shown(path.stem), part_unit), views)
    if cloud.faces is None or len(cloud.faces) == 0:
        part = surface.part.model_copy(update={"diagonal": cloud.part_diagonal})
        return replace(surface, part=part)
    spread = subsample_surface(cloud, SURFACE_POINTS, np.random.default_rng(seed))
    return replace(surface, cloud=replace(spread, notices=cloud.notices), mesh=cloud)


def surface_of(cloud: PointCloud, name: str, unit: Unit, views: ViewSet | None = None) -> Surface:
    """A cloud as a part of its own; outward normals are estimated if it has none.

    Raises:
        CloudError: its points all coincide.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> surface.cloud.normals.shape
    (618, 3)
    """
    if not cloud.diagonal > 0:
        raise CloudError(f"the {len(cloud)} points of {name!r} all lie at one place")
    part = Part(name=name, unit=unit, diagonal=cloud.diagonal)
    return Surface(with_outward_normals(cloud)[0], part, views)


def with_views(surface: Surface, views: ViewSet | None) -> Surface:
    """The same surface with rendered views of it.

    Raises:
        SamplingError: the views are in another unit.
    """
    unit = surface.part.unit
    if views is not None and views.unit is not unit:
        raise SamplingError(
            f"the views are in {views.unit.value}, the part {surface.part.name} in {unit.value}; "
            "render them anew"
        )
    return replace(surface, views=views, seen_boxes={})


@dataclass(frozen=True, eq=False)
class Place:
    """A point of the surface, and the shape of the location where it has one; part frame.

    Attributes:
        index: row of the surface's cloud that lies there.
        position: (3,) that row's point; in a view box, the place between the points.
        normal: (3,) its outward unit normal.
        path: (A, 3) anchors over the surface.
        plane_normal: (3,) unit normal of a plane through the position.
        hull: (H, 3) corners of a convex hull.
        heading: (3,) in which a defect lies that has a direction along the surface.
    """

    index: int
    position: FloatArray
    normal: FloatArray
    path: FloatArray | None = None
    plane_normal: FloatArray | None = None
    hull: FloatArray | None = None
    heading: FloatArray | None = None


def find_place(
    location: Any,
    template: RecipeTemplate,
    surface: Surface,
    rng: np.random.Generator,
    first: Place | None = None,
) -> Place:
    """Find ``location`` (any of the schema's) of ``template`` on ``surface``.

    Args:
        location: what to find.
        template: whose regions and lengths it speaks of.
        surface: the part.
        rng: where chance comes from.
        first: place of the recipe's first defect; None while that is looked for.

    Raises:
        SamplingError: nothing of the surface is there, or the view is not known.
    """
    cloud, scale = surface.cloud, surface.scale_of(template)
    match location:
        case SurfaceRandomLocation():
            return _drawn(cloud, _in_region(cloud, template, location.region, scale), rng)
        case EdgeRandomLocation():
            candidates = _in_region(cloud, template, location.region, scale)
            return _on_edge(cloud, candidates, location.angle, rng)
        case NearLocation():
            if first is None:
                return _drawn(cloud, np.arange(len(cloud)), rng)
            around = cloud.tree.query_ball_point(first.position, location.distance * scale)
            return _drawn(cloud, np.union1d(around, [first.index]).astype(np.int64), rng)
        case PointLocation():
            return place_near(cloud, np.array(location.position) * scale)
        case PathLocation():
            anchors = np.array(location.path.points) * scale
            return replace(place_near(cloud, anchors[len(anchors) // 2]), path=anchors)
        case PlaneLocation():
            place = place_near(cloud, np.array(location.origin) * scale)
            normal = np.array(location.normal) / np.linalg.norm(location.normal)
            return replace(place, plane_normal=normal)
        case HullLocation():
            hull = np.array(location.points) * scale
            return replace(place_near(cloud, hull.mean(axis=0)), hull=hull)
        case LassoLocation():
            line = np.array(location.points) * scale
            thickness = None if location.thickness is None else location.thickness * scale
            return _in_lasso(cloud, line, thickness)
        case ViewBoxLocation():
            return _in_view_box(location, surface)
    raise SamplingError(f"unknown location {location!r}")


def _at(cloud: PointCloud, index: int) -> Place:
    if cloud.normals is None:
        raise SamplingError(
            f"places are found on surfaces with outward normals, and these {len(cloud)} points "
            "have none; give a nominal model with faces, or a scan with normals"
        )
    return Place(index, cloud.points[index], cloud.normals[index])


def place_near(cloud: PointCloud, position: ArrayLike) -> Place:
    """The place of the point nearest to ``position`` (3,).

    >>> cloud = PointCloud.of([[0, 0, 0], [5, 0, 0]], normals=[[0, 0, 1], [0, 0, 1]])
    >>> place_near(cloud, [4, 1, 0]).position
    array([5., 0., 0.])
    """
    return _at(cloud, int(cloud.tree.query(position)[1]))


def _drawn(cloud: PointCloud, candidates: IntArray, rng: np.random.Generator) -> Place:
    """One of ``candidates``, drawn evenly by area."""
    return _at(cloud, int(rng.choice(candidates, p=_areas(cloud, candidates))))


def edge_points(
    cloud: PointCloud, candidates: IntArray, angle: float
) -> tuple[IntArray, FloatArray]:
    """Those of ``candidates`` (C,) at sharp edges, as rows of the cloud, and the other faces there.

    Args:
        cloud: with outward unit normals.
        candidates: rows of the cloud that are looked at.
        angle: in radians; a point is at an edge where the surface turns by more about it.

    Returns:
        Rows (E,) of the cloud, and the normal (E, 3) of the face on the other side of each edge.
    """
    assert cloud.normals is not None  # places are found on surfaces with normals
    neighbors = min(EDGE_NEIGHBORS, len(cloud))
    _, near = cloud.tree.query(cloud.points[candidates], k=neighbors)
    around = cloud.normals[near.reshape(len(candidates), neighbors)]
    cosine = np.einsum("ci,cki->ck", cloud.normals[candidates], around)
    # The far side of a thin wall is no face of an edge.
    cosine[cosine < OPPOSITE] = 1.0
    edge = np.flatnonzero(cosine.min(axis=1) < np.cos(angle))
    return candidates[edge], around[edge, np.argmin(cosine[edge], axis=1)]


def _on_edge(
    cloud: PointCloud, candidates: IntArray, angle: float, rng: np.random.Generator
) -> Place:
    """One of ``candidates`` about which the surface turns by more than ``angle`` radians."""
    rows, other_faces = edge_points(cloud, candidates, angle)
    if len(rows) == 0:
        raise SamplingError(
            f"none of the surface turns by more than {angle:.5g} radians at an edge; lower the "
            "location's angle, or use surface_random"
        )
    chosen = int(rng.choice(len(rows)))
    place = _at(cloud, int(rows[chosen]))
    return replace(place, normal=unit(place.normal + other_faces[chosen]))


def _in_lasso(cloud: PointCloud, line: FloatArray, thickness: float | None) -> Place:
    """The surface about the middle of a closed ``line`` (L, 3), in a hull on both sides of it.

    The line's normal is its area vector (Newell's method), whatever plane its corners are off.
    """
    extent = float(np.linalg.norm(np.ptp(line, axis=0)))
    area = np.cross(line - line[0], np.roll(line, -1, axis=0) - line[0]).sum(axis=0)
    if np.linalg.norm(area) < 1e-9 * extent**2:
        raise SamplingError(
            f"the lasso through {', '.join(map(coordinates, line[:4]))}… encloses nothing"
        )
    if thickness is None:
        thickness = FORMULA_CONSTANTS["lasso_thickness"] * extent
    lift = thickness * unit(area)
    hull = np.concatenate([line - lift, line + lift])
    return replace(place_near(cloud, line.mean(axis=0)), hull=hull)


def _in_region(
    cloud: PointCloud, template: RecipeTemplate, name: str | None, scale: float
) -> IntArray:
    if name is None:
        return np.arange(len(cloud))
    region = template.regions[name]
    low, high = np.array(region.min) * scale, np.array(region.max) * scale
    inside = np.flatnonzero(((cloud.points >= low) & (cloud.points <= high)).all(axis=1))
    if len(inside) == 0:
        raise SamplingError(
            f"region {name!r} from {coordinates(low)} to {coordinates(high)} holds none of the "
            f"surface, which spans {coordinates(cloud.box[0])} to {coordinates(cloud.box[1])}"
        )
    return inside


def _areas(cloud: PointCloud, candidates: IntArray) -> FloatArray:
    """Share of the surface's area that each candidate stands for, from the local density."""
    areas = cloud.areas[candidates]
    total = areas.sum()
    if total == 0:
        return np.full(len(candidates), 1.0 / len(candidates))
    return areas / total


def _in_view_box(location: ViewBoxLocation, surface: Surface) -> Place:
    """The surface in a box of a view; it is looked for once, since no chance is in it."""
    if location not in surface.seen_boxes:
        cloud = surface.cloud
        seen = see_box(location, surface.seen, surface.views, pitch(cloud))
        row = _row_facing(cloud, seen.position, seen.normal)
        surface.seen_boxes[location] = Place(
            row, seen.position, seen.normal, seen.path, seen.plane_normal, seen.hull
        )
    return surface.seen_boxes[location]


def _row_facing(cloud: PointCloud, position: FloatArray, normal: FloatArray) -> int:
    """The point nearest to ``position`` (3,) that is not of the other side of a thin wall."""
    assert cloud.normals is not None  # places are found on surfaces with normals
    rows = np.atleast_1d(cloud.tree.query(position, k=min(EDGE_NEIGHBORS, len(cloud)))[1])
    return int(rows[np.argmax(cloud.normals[rows] @ normal > OPPOSITE)])
