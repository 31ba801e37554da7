"""Clouds as organised images: each pixel holds one point, or none.

A scan that comes from an organised image has its own pixels (see ``backend.io.tiff``). Any other is
seen by a virtual pinhole camera: what the front of the part hides is not in the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.layouts.layout import ImageView
from backend.errors import DatasetError
from backend.geometry.main_box import main_box
from backend.geometry.normals import estimate_normals
from backend.geometry.transform import transform_points
from backend.io.organised import IMAGE, PIXEL
from shared_schema.views import Camera

# The camera stands this many extents from the middle of the part: close to parallel rays, and far
# enough for single precision to keep the depth.
DISTANCE = 4.0
SPACING_NEIGHBORS = 16
# Three cells of this many spacings each way hold a point of any surface that is there.
CELL = 1.5
# A surface as steep as 70 degrees does not hide itself over three cells.
HIDING_DEPTH = 9.0
# Grey of a surface seen edge on, of one seen face on.
DARKEST, BRIGHTEST = 40.0, 255.0


@dataclass(frozen=True, eq=False)
class OrganisedCloud:
    """Points in pixels, at most one in each.

    Attributes:
        points: (P, 3) in the camera's frame (x right, y down, z forward) and the cloud's unit.
        rows: (P,) int64, rows of the labelled cloud they are from.
        pixels: (P, 2) int64, row and column.
        size: rows and columns of the image.
    """

    points: FloatArray
    rows: IntArray
    pixels: IntArray
    size: tuple[int, int]

    def image_of(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``values`` (P,) in their pixels, zero elsewhere."""
        image = np.zeros(self.size, np.uint8)
        image[self.pixels[:, 0], self.pixels[:, 1]] = values
        return image


def organised(cloud: LabeledCloud, view: ImageView) -> OrganisedCloud:
    """``cloud`` in its own image, or as the camera of ``view`` sees it, as ``view`` tells.

    Raises:
        DatasetError: the camera sees no point; the cloud has an image of its own and others of its
            category have none, or the reverse; or its pixels do not lie in its image.
    """
    if has_own_image(cloud) != view.own_images:
        raise DatasetError(
            f"only some scans of the category know their pixels (fields {', '.join(PIXEL)}): their "
            "images would differ for that alone; give all the same kind of file"
        )
    if view.own_images:
        return _in_own_image(cloud)
    camera = virtual_camera(cloud, view)
    points = transform_points(np.array(camera.T_camera_part), cloud.points)
    pixels = points[:, 1::-1] / points[:, 2:] * camera.fx + (camera.cy, camera.cx)
    rows = np.flatnonzero(((pixels >= 0) & (pixels < view.pixels)).all(axis=1))
    spacing = surface_spacing(cloud.points)
    scale = camera.fx / (DISTANCE * view.extent)
    rows = rows[in_front(pixels[rows], points[rows, 2], spacing, scale)]
    if len(rows) == 0:
        raise DatasetError("the camera sees no point of the scan; check its unit and its points")
    return _nearest(points[rows], rows, pixels[rows].astype(np.int64), (view.pixels, view.pixels))


def has_own_image(cloud: LabeledCloud) -> bool:
    """Whether the points know their pixels in an organised image that they come from."""
    return all(name in cloud.fields for name in (*PIXEL, *IMAGE))


def _in_own_image(cloud: LabeledCloud) -> OrganisedCloud:
    pixels = np.stack([cloud.fields[name].astype(np.int64) for name in PIXEL], axis=1)
    height, width = (int(cloud.fields[name].max()) for name in IMAGE)
    if (pixels < 0).any() or (pixels >= (height, width)).any():
        raise DatasetError(
            f"the fields {PIXEL[0]!r} and {PIXEL[1]!r} go beyond the image of {height} x {width}; "
            "make the labelled cloud again"
        )
    return _nearest(cloud.points, np.arange(len(cloud)), pixels, (height, width))


def _nearest(
    points: FloatArray, rows: IntArray, pixels: IntArray, size: tuple[int, int]
) -> OrganisedCloud:
    """Of the points that share a pixel, the one of the least depth; in the order of the pixels."""
    key = pixels[:, 0] * size[1] + pixels[:, 1]
    order = np.lexsort((points[:, 2], key))
    first = order[np.concatenate([[True], np.diff(key[order]) > 0])]
    return OrganisedCloud(points[first], rows[first], pixels[first], size)


def surface_spacing(points: FloatArray) -> float:
    """Side of the square of surface that one point has, the median of at most 2,000 places.

    ``neighbors`` points share the disc that reaches to the last of them. Unlike the distance to the
    nearest point, this does not depend on how evenly a surface is scanned.
    """
    step = max(1, len(points) // 2000)
    neighbors = min(SPACING_NEIGHBORS, len(points))
    distance, _ = PointCloud(points).tree.query(points[::step], k=[neighbors])
    return float(np.sqrt(np.pi / neighbors) * np.median(distance))


def in_front(pixels: FloatArray, depth: FloatArray, spacing: float, scale: float) -> BoolArray:
    """Which points (P,) no clearly nearer point hides.

    A point hides what is farther by ``HIDING_DEPTH`` spacings in its own cell of the image or a
    neighbouring one. Normals are not asked: where only one of two scans had them, the two would
    differ in what is seen.

    Args:
        pixels: (P, 2) row and column.
        depth: (P,) along the camera's axis.
        spacing: of the points on the surface, in the unit of ``depth``.
        scale: pixels per length.
    """
    if len(depth) == 0:
        return np.zeros(0, dtype=bool)
    cell = max(1.0, CELL * spacing * scale)
    row, column = (pixels // cell).astype(np.int64).T
    nearest = np.full((row.max() + 1, column.max() + 1), np.inf)
    np.minimum.at(nearest, (row, column), depth)
    around = minimum_filter(nearest, size=3, mode="nearest")
    return depth <= around[row, column] + HIDING_DEPTH * spacing


def virtual_camera(cloud: LabeledCloud, view: ImageView) -> Camera:
    """The camera of ``view`` with the middle of the cloud's box in the middle of its image."""
    low, high = main_box(cloud.points)
    center = (low + high) / 2.0
    distance = DISTANCE * view.extent
    forward = np.array(view.direction) / np.linalg.norm(view.direction)
    upward = np.array([0.0, 0.0, 1.0] if abs(forward[1]) > abs(forward[2]) else [0.0, 1.0, 0.0])
    right = np.cross(forward, upward)
    right /= np.linalg.norm(right)
    transform = np.eye(4)
    transform[:3, :3] = right, np.cross(forward, right), forward
    transform[:3, 3] = -transform[:3, :3] @ (center - distance * forward)
    return Camera(
        name="export",
        width=view.pixels,
        height=view.pixels,
        fx=view.pixels * DISTANCE,
        fy=view.pixels * DISTANCE,
        cx=view.pixels / 2.0,
        cy=view.pixels / 2.0,
        T_camera_part=transform.tolist(),
    )


def shaded(image: OrganisedCloud) -> NDArray[np.uint8]:
    """Grey (P,) by the angle between surface and ray, as under a lamp at the camera."""
    points = image.points
    normals = estimate_normals(points, PointCloud(points).tree)
    length = np.linalg.norm(points, axis=1)
    cosine = np.abs(np.einsum("pi,pi->p", normals, points)) / np.where(length > 0, length, 1.0)
    return np.rint(DARKEST + (BRIGHTEST - DARKEST) * np.minimum(cosine, 1.0)).astype(np.uint8)
