"""From a pixel box of a rendered view to the surface that is seen in it.

Rays through the box meet the part's mesh, so that the narrowest box finds its place to the pixel.
A scan is met at a disc for each of its points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.sight import Sight, camera_place, look
from backend.cloud.visibility import visible_pixels
from backend.defects.push import unit
from backend.errors import SamplingError
from backend.wording import coordinates
from shared_schema.constants import FORMULA_CONSTANTS
from shared_schema.locations import ViewBoxLocation
from shared_schema.views import Camera, ViewSet

# Rays along each side of a box, at most; one of them goes through its middle.
RAYS = 32
# Neighbouring places farther apart than this in depth, in spacings, are of different surfaces,
# unless each goes on to the other without a bend.
JUMP = 5.0
# Of several surfaces in a box, one that fills this much of what is seen is the one that is meant.
MOST = 0.6
# Anchors of a path are no nearer to each other than this, in spacings: shorter legs over the
# points of a surface would go to and fro. A path shorter than ``SHORTEST`` spacings is none.
ANCHORS = 5.0
SHORTEST = 2.0
# On a scan, a box smaller than this may lie between the points; then one within ``NEAR`` of its
# middle is taken. Both in spacings.
SMALL = 3.0
NEAR = 1.5
# Rays along each side of the whole picture, for the message about an empty box.
OVERVIEW = 128


@dataclass(frozen=True, eq=False)
class SeenBox:
    """What is seen in a box of a view, in the part frame.

    Attributes:
        position: (3,) the surface nearest to the box's middle.
        normal: (3,) its outward unit normal.
        path: (A, 3) places along the longer side of the box; None if that is too short.
        plane_normal: (3,) unit, along the longer side.
        hull: (8, 3) corners of a box about what is seen, which reaches through the surface.
    """

    position: FloatArray
    normal: FloatArray
    path: FloatArray | None
    plane_normal: FloatArray
    hull: FloatArray


def see_box(
    location: ViewBoxLocation, cloud: PointCloud, views: ViewSet | None, spacing: float
) -> SeenBox:
    """What is seen in the box of ``location``: always the nearest surface, never one behind it.

    Args:
        location: names a view and a box in it.
        cloud: the part's mesh, or its scan with outward normals.
        views: rendered views of the part, in its unit.
        spacing: between the points of the surface that recipes are drawn on.

    Raises:
        SamplingError: the view is not known; the box shows nothing, the back of the surface alone,
            or several surfaces of which none fills most of it. The message tells the nearest
            place that is seen, and a box that shows it.
    """
    box = _Box.of(location, find_camera(location.view, views))
    sight = look(cloud, box.camera, *box.rays())
    if not sight.facing.any() and not _has_faces(cloud):
        sight = _between_points(sight, box, cloud, spacing)
    if not sight.facing.any():
        raise SamplingError(_nothing_seen(sight, box, cloud))
    return _shapes(sight, _one_surface(sight, box, spacing), box, spacing)


def find_camera(name: str, views: ViewSet | None) -> Camera:
    """The camera of that name.

    Raises:
        SamplingError: there is none; the message tells those that there are.
    """
    cameras = {camera.name: camera for camera in views.cameras} if views else {}
    if name not in cameras:
        known = ", ".join(sorted(cameras)) or "none were given"
        raise SamplingError(f"view {name!r} is not in the view set; known views: {known}")
    return cameras[name]


@dataclass(frozen=True, eq=False)
class _Box:
    """A box in the picture of a camera, in pixels.

    Attributes:
        camera: whose picture it is.
        low, high: (2,) top left and bottom right corner as x, y; within the picture.
        name: how messages speak of it.
    """

    camera: Camera
    low: FloatArray
    high: FloatArray
    name: str

    @classmethod
    def of(cls, location: ViewBoxLocation, camera: Camera) -> _Box:
        size = np.array([camera.width, camera.height], dtype=np.float64)
        low = np.clip(location.box[:2], 0.0, size)
        high = np.clip(location.box[2:], 0.0, size)
        name = (
            f"box {location.box} of view {location.view!r} ({camera.width} × {camera.height} "
            "pixels)"
        )
        if (low >= high).any():
            raise SamplingError(f"{name} lies outside the picture; give a box within it")
        return cls(camera, low, high, name)

    @property
    def middle(self) -> FloatArray:
        return (self.low + self.high) / 2.0

    @property
    def long_axis(self) -> int:
        """0 where the box is at least as wide as high, else 1."""
        width, height = self.high - self.low
        return 0 if width >= height else 1

    def rays(self) -> tuple[FloatArray, FloatArray]:
        """Pixels (W,) and (H,) through whose centres rays go, and the box's middle."""
        low, high = self.low, self.high
        x, y = (_centres(low[axis], high[axis], RAYS - 1) for axis in (0, 1))
        return np.union1d(x, self.middle[:1]), np.union1d(y, self.middle[1:])


def _centres(low: float, high: float, most: int) -> FloatArray:
    """Centres of pixels from ``low`` to ``high``, all or evenly ``most`` of them."""
    first, last = int(np.ceil(low - 0.5)), int(np.floor(high - 0.5))
    count = min(last - first + 1, most)
    return np.unique(np.round(np.linspace(first, last, max(count, 0)))) + 0.5


def _has_faces(cloud: PointCloud) -> bool:
    return cloud.faces is not None and len(cloud.faces) > 0


def _between_points(sight: Sight, box: _Box, cloud: PointCloud, spacing: float) -> Sight:
    """The sight of the point nearest to the middle of a small box that lies between points."""
    rows, pixels = visible_pixels(cloud, box.camera)
    if len(rows) == 0:
        return sight
    away = np.linalg.norm(pixels - box.middle, axis=1)
    nearest = int(np.argmin(away))
    distance = np.linalg.norm(cloud.points[rows[nearest]] - camera_place(box.camera))
    pixels_in_spacing = spacing * max(box.camera.fx, box.camera.fy) / distance
    small = float((box.high - box.low).max()) < SMALL * pixels_in_spacing
    if not small or away[nearest] > NEAR * pixels_in_spacing:
        return sight
    return look(cloud, box.camera, pixels[nearest, :1], pixels[nearest, 1:])


def _nothing_seen(sight: Sight, box: _Box, cloud: PointCloud) -> str:
    """What to say of a box in which no outer side of the surface is seen."""
    back = "only the back of the surface" if sight.met.any() else "none of the surface"
    camera = box.camera
    width, height = float(camera.width), float(camera.height)
    around = look(cloud, camera, _centres(0.0, width, OVERVIEW), _centres(0.0, height, OVERVIEW))
    if not around.facing.any():
        return (
            f"{box.name} shows {back}, and no box of this view shows any; take another view, or "
            "check that the views are of this part and in its unit"
        )
    row, column = _nearest_ray(around, around.facing, box.middle)
    pixel = np.array([around.x[column], around.y[row]])
    half = (box.high - box.low) / 2.0
    return (
        f"{box.name} shows {back}; the nearest place that this view shows is "
        f"{coordinates(around.places[row, column])} at pixel {coordinates(pixel)}, in the box "
        f"{coordinates(np.concatenate([pixel - half, pixel + half]))}"
    )


def _nearest_ray(sight: Sight, chosen: BoolArray, pixel: FloatArray) -> tuple[int, int]:
    """Row and column of the ``chosen`` (H, W) ray that is nearest to a ``pixel`` (2,)."""
    away = (sight.y[:, None] - pixel[1]) ** 2 + (sight.x - pixel[0]) ** 2
    row, column = np.unravel_index(np.argmin(np.where(chosen, away, np.inf)), chosen.shape)
    return int(row), int(column)


def _one_surface(sight: Sight, box: _Box, spacing: float) -> BoolArray:
    """The rays (H, W) that meet the surface which fills most of the box.

    Raises:
        SamplingError: none fills enough of it.
    """
    piece = _pieces(sight, JUMP * spacing)
    sizes = np.bincount(piece[piece >= 0])
    largest = int(np.argmax(sizes))
    if sizes[largest] >= MOST * sizes.sum():
        return piece == largest
    row, column = _nearest_ray(sight, piece == largest, box.middle)
    pixel = np.array([sight.x[column], sight.y[row]])
    shares = [
        f"{size / sizes.sum():.0%} at depth {np.median(sight.depth[piece == number]):.5g}"
        for number, size in sorted(enumerate(sizes), key=lambda pair: -pair[1])[:3]
    ]
    raise SamplingError(
        f"{box.name} shows {len(sizes)} surfaces, one behind the other ({', '.join(shares)}), and "
        f"none fills {MOST:.0%} of it; draw the box about one of them, for example "
        f"{coordinates(np.concatenate([pixel - 1.0, pixel + 1.0]))}"
    )


def _pieces(sight: Sight, jump: float) -> IntArray:
    """Number (H, W) of the surface that each ray meets; −1 where none is met from outside.

    Neighbouring rays meet one surface where the depth between them does not jump, or where each
    place lies on the plane of the other: steep surface is deep from ray to ray. By their planes,
    also places on both sides of a rib are of one surface.
    """
    height, width = sight.row.shape
    numbers = np.arange(height * width).reshape(height, width)
    links = []
    for here, there, neighbors in _pairs(height, width):
        both = sight.facing[here] & sight.facing[there]
        step = sight.places[there] - sight.places[here]
        off = [np.abs(np.einsum("hwi,hwi->hw", step, sight.normals[at])) for at in (here, there)]
        with np.errstate(invalid="ignore"):
            linked = np.maximum(*off) <= jump
            if neighbors:
                linked |= np.abs(sight.depth[there] - sight.depth[here]) <= jump
        linked &= both
        links.append(np.stack([numbers[here][linked], numbers[there][linked]]))
    start, end = np.concatenate([np.empty((2, 0), dtype=np.int64), *links], axis=1)
    graph = coo_matrix((np.ones(len(start)), (start, end)), shape=(numbers.size,) * 2)
    label = connected_components(graph, directed=False)[1].reshape(height, width)
    piece = np.full(label.shape, -1)
    piece[sight.facing] = np.unique(label[sight.facing], return_inverse=True)[1]
    return piece


def _pairs(height: int, width: int) -> Iterator[tuple[Any, Any, bool]]:
    """Index pairs of the rays of one row or column, and whether they are neighbours."""
    for step in range(1, width):
        yield np.s_[:, :-step], np.s_[:, step:], step == 1
    for step in range(1, height):
        yield np.s_[:-step, :], np.s_[step:, :], step == 1


def _shapes(sight: Sight, chosen: BoolArray, box: _Box, spacing: float) -> SeenBox:
    """The shapes of what the ``chosen`` (H, W) rays meet."""
    row, column = _nearest_ray(sight, chosen, box.middle)
    normal = sight.normals[row, column]
    along = _along(sight, chosen, box)
    way = along[-1] - along[0]
    if np.linalg.norm(way) < SHORTEST * spacing:
        # The picture's own direction, along the surface.
        axis = np.array(box.camera.T_camera_part)[box.long_axis, :3]
        way = axis - (axis @ normal) * normal
        along = along[:1]
    return SeenBox(
        sight.places[row, column],
        normal,
        _anchors(along, ANCHORS * spacing) if len(along) > 1 else None,
        unit(way),
        _hull(sight, chosen, unit(way), box),
    )


def _along(sight: Sight, chosen: BoolArray, box: _Box) -> FloatArray:
    """Places (A, 3) from end to end of the box, each the one nearest to its middle line."""
    places, across = sight.places, sight.y - box.middle[1]
    if box.long_axis == 1:
        chosen, places, across = chosen.T, places.transpose(1, 0, 2), sight.x - box.middle[0]
    used = np.flatnonzero(chosen.any(axis=0))
    off = np.where(chosen, np.abs(across)[:, None], np.inf)[:, used]
    return np.asarray(places[np.argmin(off, axis=0), used])


def _anchors(along: FloatArray, apart: float) -> FloatArray:
    """The first and the last place of ``along`` (A, 3), and those between that are ``apart``."""
    kept = [along[0]]
    for place in along[1:-1]:
        if min(np.linalg.norm(place - kept[-1]), np.linalg.norm(place - along[-1])) >= apart:
            kept.append(place)
    return np.array([*kept, along[-1]])


def _hull(sight: Sight, chosen: BoolArray, along: FloatArray, box: _Box) -> FloatArray:
    """Corners (8, 3) of the box about what is met, which reaches through the surface.

    Across the surface it goes beyond what is met by half a ray; along the surface's mean normal,
    on both sides, as far as the hull of a lasso of that extent does.
    """
    places = sight.places[chosen]
    normal = sight.normals[chosen].mean(axis=0)
    across = np.cross(normal, along)
    if np.linalg.norm(across) < 1e-6:  # seen all round: the camera's axis has to do
        normal = -np.array(box.camera.T_camera_part)[2, :3]
        across = np.cross(normal, along)
    across = unit(across)
    axes = np.stack([along, across, np.cross(along, across)])
    local = (places - places[0]) @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    step = (box.high - box.low) / (len(sight.x), len(sight.y))
    room = 0.5 * float((step / (box.camera.fx, box.camera.fy)).max() * sight.depth[chosen].max())
    extent = float(np.linalg.norm((high - low)[:2] + 2.0 * room))
    thickness = FORMULA_CONSTANTS["lasso_thickness"] * extent
    reach = np.array([room, room, thickness])
    low, high = low - reach, high + reach
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    return np.asarray(places[0] + (low + corners * (high - low)) @ axes)
