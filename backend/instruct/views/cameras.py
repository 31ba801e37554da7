"""Cameras round a part, each of which shows most of what the others do not."""

from __future__ import annotations

from itertools import product

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.sight import in_camera, look, sees
from shared_schema.views import Camera

# A camera stands this many radii from the part's middle: near enough to look natural.
AWAY = 4.0
# Left free about the part in its picture, as a ratio of the picture.
MARGIN = 0.04
# Pixels of the pictures by which cameras are compared, and how exactly these show a place, as a
# ratio of the part's diagonal.
OVERVIEW = 72
TOLERANCE = 0.02
# Sine of the elevation above which a camera takes y to be up, not z.
STEEP = 0.95
# In the part frame: z is up, and y points away from the front, as in Blender.
SIDES = (("left", "", "right"), ("front", "", "back"), ("bottom", "", "top"))


def cameras_around(
    cloud: PointCloud, spread: PointCloud, count: int, pixels: int
) -> tuple[Camera, ...]:
    """``count`` of the 26 cameras that look at a part along the sides, edges and corners of a cube.

    The first sees most of the surface, each next one most of what those before it see badly: each
    place counts by the cosine of the angle at which it is seen. The same part has the same cameras.

    Args:
        cloud: a mesh or a scan, which fills the pictures.
        spread: places of its surface, evenly by area, with outward normals.
        count: of the cameras, from 1 to 26.
        pixels: width and height of the pictures.
    """
    ways = [np.array(way) for way in product((-1, 0, 1), repeat=3) if any(way)]
    quality = np.array([_quality(cloud, spread, way) for way in ways])
    best = np.zeros(len(spread))
    chosen: list[int] = []
    for _ in range(count):
        gain = np.maximum(quality - best, 0.0).sum(axis=1)
        gain[chosen] = -1.0
        chosen.append(int(np.argmax(gain)))
        best = np.maximum(best, quality[chosen[-1]])
    return tuple(camera_along(cloud, ways[number], pixels) for number in chosen)


def _quality(cloud: PointCloud, spread: PointCloud, way: FloatArray) -> FloatArray:
    """How well (N,) a camera sees each place of ``spread``: the cosine of its angle, or 0.

    The places themselves stand for the surface that hides others: that is exact enough, and quick.
    """
    assert spread.normals is not None
    camera = camera_along(cloud, way, OVERVIEW)
    centres = np.arange(OVERVIEW) + 0.5
    seen = sees(look(spread, camera, centres, centres), spread.points, TOLERANCE * spread.diagonal)
    turn = np.array(camera.T_camera_part)[:3, :3]
    rays = in_camera(spread.points, camera)
    cosine = -np.einsum("ni,ni->n", spread.normals @ turn.T, rays) / np.linalg.norm(rays, axis=1)
    return np.where(seen, np.maximum(cosine, 0.0), 0.0)


def camera_along(cloud: PointCloud, way: FloatArray, pixels: int) -> Camera:
    """The camera on the side ``way`` (3,) of a part, whose picture the part fills.

    ``way`` has −1, 0 or 1 along each axis of the part frame; the name of the camera says which.
    """
    low, high = cloud.box
    middle, radius = (low + high) / 2.0, float(np.linalg.norm(high - low)) / 2.0
    pose = _pose(middle, middle + AWAY * radius * way / np.linalg.norm(way))
    inside = ((cloud.points >= low) & (cloud.points <= high)).all(axis=1)
    seen = cloud.points[inside] @ pose[:3, :3].T + pose[:3, 3]
    flat = seen[:, :2] / seen[:, 2:]
    start, end = flat.min(axis=0), flat.max(axis=0)
    focal = (1.0 - 2.0 * MARGIN) * pixels / float((end - start).max())
    center = pixels / 2.0 - focal * (start + end) / 2.0
    words = [SIDES[axis][int(way[axis]) + 1] for axis in (2, 1, 0)]
    rows = [(*map(float, row[:3]), float(row[3])) for row in pose]
    return Camera.model_validate(
        {
            "name": "_".join(word for word in words if word),
            "width": pixels,
            "height": pixels,
            "fx": focal,
            "fy": focal,
            "cx": float(center[0]),
            "cy": float(center[1]),
            "T_camera_part": rows,
        }
    )


def _pose(target: FloatArray, place: FloatArray) -> FloatArray:
    """``T_camera_part`` (4, 4) of a camera at ``place`` (3,) that looks at ``target`` (3,)."""
    forward = (target - place) / np.linalg.norm(target - place)
    up = np.array((0.0, 0.0, 1.0) if abs(forward[2]) < STEEP else (0.0, 1.0, 0.0))
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes, -axes @ place
    return pose
