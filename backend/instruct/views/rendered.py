"""Views of a part that the backend renders by itself, and what answers about them mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.arrays import BoolArray
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.sight import Sight, look
from backend.cloud.surface import require_faces, subsample_surface
from backend.errors import SamplingError
from backend.geometry.surface import is_watertight
from backend.geometry.thinning import thin
from backend.instruct.views.box_frame import BoxFrame
from backend.instruct.views.cameras import cameras_around
from backend.instruct.views.drawing import marked_png
from backend.instruct.views.marks import Marks, choose_marks
from backend.instruct.views.photos import read_picture
from backend.instruct.views.shading import find_edges, shaded
from backend.sampling.view_boxes import find_camera
from shared_schema.locations import PointLocation, ViewBoxLocation
from shared_schema.recipe import Unit
from shared_schema.views import Camera, Pass, ViewSet

PIXELS = 768
COUNT = 8
# Places of the surface among which the marks are.
CANDIDATES = 3000
# How far beyond the picture an edge of a box may be said to lie, as a ratio of the picture.
BEYOND = 0.01


@dataclass(frozen=True, eq=False)
class RenderedViews:
    """Pictures of a part with numbered marks.

    Attributes:
        views: the cameras, before the part frame and in the part's unit.
        pictures: PNG with marks, by the name of the view.
        marks: the numbered places.
    """

    views: ViewSet
    pictures: Mapping[str, bytes]
    marks: Marks

    def mark_location(
        self, number: int, *, view: str | None = None, scale: float = 1.0
    ) -> PointLocation:
        """The place of a mark, for a template.

        Args:
            number: of the mark, as the pictures show it.
            view: the view in which it was seen, if that is told.
            scale: what the template's coordinates are multiplied by on this part; see
                ``Surface.scale_of``. 1 where the template is in the part's own unit.

        Raises:
            SamplingError: there is no such mark, or the view does not show it.
        """
        if not 1 <= number <= len(self.marks):
            raise SamplingError(f"there is no mark {number}; the marks are 1 to {len(self.marks)}")
        if view is not None:
            find_camera(view, self.views)
            shown = [name for name, of in self.marks.views.items() if number in of.numbers]
            if view not in shown:
                raise SamplingError(
                    f"view {view!r} does not show mark {number}; it is seen in {', '.join(shown)}"
                )
        x, y, z = (float(value) / scale for value in self.marks.positions[number - 1])
        return PointLocation(position=(x, y, z))

    def box_location(
        self, view: str, box: Sequence[float], frame: BoxFrame = BoxFrame.PIXELS
    ) -> ViewBoxLocation:
        """A box in a picture, for a template.

        Args:
            view: name of the view.
            box: left, top, right and bottom edge.
            frame: in what they are told.

        Raises:
            SamplingError: the view is not known, or this is no box in its picture.
        """
        camera = find_camera(view, self.views)
        size = np.array([camera.width, camera.height], dtype=np.float64)
        ends = {
            BoxFrame.PIXELS: size,
            BoxFrame.PER_MILLE: np.full(2, 1000.0),
            BoxFrame.UNIT: np.ones(2),
        }[frame]
        name = f"box {tuple(box)} of view {view!r}, in {frame.value},"
        if len(box) != 4:
            raise SamplingError(f"{name} has {len(box)} numbers; give left, top, right and bottom")
        corners = np.array(box, dtype=np.float64).reshape(2, 2) / ends
        if not np.isfinite(corners).all() or (corners[0] >= corners[1]).any():
            raise SamplingError(f"{name} is empty; give left, top, right and bottom, in this order")
        if (corners < -BEYOND).any() or (corners > 1.0 + BEYOND).any():
            raise SamplingError(
                f"{name} reaches out of the picture, which ends at {ends[0]:g} to the right and "
                f"{ends[1]:g} below; check in what frame its edges are"
            )
        (left, top), (right, bottom) = (np.clip(corners, 0.0, 1.0) * size).tolist()
        return ViewBoxLocation(view=view, box=(left, top, right, bottom))


def render_views(
    cloud: PointCloud, *, unit: Unit, pixels: int = PIXELS, count: int = COUNT
) -> RenderedViews:
    """Pictures of a part from ``count`` sides, with the same numbered marks in all of them.

    The cameras are those of ``cameras_around``. No chance is in it: the same part gives the same
    pictures and marks.

    Args:
        cloud: a mesh, or a scan, whose points are drawn as discs. A scan without normals gets
            estimated ones.
        unit: of the part.
        pixels: width and height of the pictures.
        count: of the views, from 1 to 26.

    Raises:
        CloudError: the part has no surface.
        MissingDependencyError: Pillow is not installed.

    >>> rendered = render_views(
    ...     fs.load_sample("plate_holes"), unit=fs.Unit.MM, pixels=96, count=2
    ... )
    >>> [camera.name for camera in rendered.views.cameras]
    ['bottom', 'top']
    """
    surface, spread = _prepared(cloud, unit)
    cameras = cameras_around(surface, spread, count, pixels)
    return _rendered(surface, spread, ViewSet(unit=unit, cameras=cameras), None)


def mark_views(cloud: PointCloud, views: ViewSet, folder: Path) -> RenderedViews:
    """The views that Blender rendered, with numbered marks.

    Args:
        cloud: the part, as in ``render_views``; it is taken to be in the unit of the views if it
            has none.
        views: as Blender's ``render`` wrote them in ``views.json``.
        folder: where that file is; pictures of the pass ``rgb`` are beside it. A view without
            one is rendered here.

    Raises:
        CloudError: the part has no surface.
        SamplingError: the view set has no camera.
        FileFormatError: a picture cannot be read, or has not the size that the view set says.
        MissingDependencyError: Pillow is not installed.
    """
    if not views.cameras:
        raise SamplingError("the view set has no camera; render the part anew")
    surface, spread = _prepared(cloud, views.unit)
    return _rendered(surface, spread, views, folder)


def _prepared(cloud: PointCloud, unit: Unit) -> tuple[PointCloud, PointCloud]:
    """The surface of a part in ``unit``, and places evenly over it."""
    surface = cloud.surface.in_unit(unit.value)
    if _has_faces(surface):
        return surface, subsample_surface(surface, CANDIDATES, np.random.default_rng(0))
    surface = with_outward_normals(surface)[0]
    return surface, surface.cropped(thin(surface.points, CANDIDATES))


def _has_faces(cloud: PointCloud) -> bool:
    return cloud.faces is not None and len(cloud.faces) > 0


def _rendered(
    surface: PointCloud, spread: PointCloud, views: ViewSet, folder: Path | None
) -> RenderedViews:
    closed = _has_faces(surface) and is_watertight(require_faces(surface))
    sights: list[Sight] = []
    edges: list[BoolArray] = []
    pictures: list[NDArray[np.uint8]] = []
    for camera in views.cameras:
        sight = look(surface, camera, *_centres(camera), closed=closed)
        outline, crease = find_edges(sight, creases=_has_faces(surface))
        given = None if folder is None else _given(camera, folder)
        sights.append(sight)
        edges.append(outline | crease)
        pictures.append(shaded(sight, outline, crease) if given is None else given)
    marks = choose_marks(spread, sights, edges, surface.part_diagonal)
    drawn = {
        camera.name: marked_png(picture, marks.views[camera.name])
        for camera, picture in zip(views.cameras, pictures, strict=True)
    }
    return RenderedViews(views, drawn, marks)


def _centres(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The centres (W,) and (H,) of all pixels of a camera."""
    return np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5


def _given(camera: Camera, folder: Path) -> NDArray[np.uint8] | None:
    """The picture (H, W, 3) of a view set; None if it has none."""
    if Pass.RGB not in camera.passes:
        return None
    return read_picture(folder / camera.passes[Pass.RGB], (camera.width, camera.height))
