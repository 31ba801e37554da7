# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras: evenly round a part, from a view set, or those of a scene; and Blender's after them.

A camera's frame has x right, y down and z forward, as the schema's ``ViewSet`` says. Pixel (0, 0)
is the top left one, its centre at (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import ArrayLike, NDArray

from ..documents.errors import AddonError
from ..documents.schema import check_document

Floats = NDArray[np.float64]

# From Blender's camera, which looks along -z with y up, to the schema's, and back.
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))
# Blender's sensor width, in mm; any would do.
SENSOR = 36.0
MAX_SCALE_ERROR = 1e-4
# Sine of the elevation above which a camera takes y to be up, not z.
STEEP = 0.999
# The part keeps this much room about it, as a ratio of its radius.
ROOM = 1.05


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera and its place before a part.

    Attributes:
        name: of the view.
        size: width and height in pixels.
        focal: (fx, fy) in pixels.
        center: (cx, cy), where the optical axis meets the image, in pixels.
        pose: ``T_camera_part`` (4, 4) rigid, from the part frame to the camera's.
    """

    name: str
    size: tuple[int, int]
    focal: tuple[float, float]
    center: tuple[float, float]
    pose: Floats

    def moved(self, origin: ArrayLike) -> Camera:
        """The camera before the same part, whose frame has its origin at ``origin`` (3,)."""
        shift = np.eye(4)
        shift[:3, 3] = origin
        return Camera(self.name, self.size, self.focal, self.center, self.pose @ shift)

    @property
    def place(self) -> Floats:
        """(3,) of the camera in the part frame."""
        return np.asarray(-self.pose[:3, :3].T @ self.pose[:3, 3])

    def rays(self) -> tuple[Floats, Floats]:
        """Origins and directions (H * W, 3) through the pixels' centres, row by row.

        In the part frame; the directions have depth 1 in the camera's.
        """
        columns, rows = np.meshgrid(*(np.arange(length) + 0.5 for length in self.size))
        x = (columns - self.center[0]) / self.focal[0]
        y = (rows - self.center[1]) / self.focal[1]
        directions = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
        directions = directions @ self.pose[:3, :3]
        return np.broadcast_to(self.place, directions.shape), directions

    def as_document(self, passes: Mapping[str, str]) -> dict[str, Any]:
        """The camera as a view set holds it, with the files of its passes."""
        return {
            "name": self.name,
            **dict(zip(("width", "height"), self.size, strict=True)),
            **dict(zip(("fx", "fy"), map(float, self.focal), strict=True)),
            **dict(zip(("cx", "cy"), map(float, self.center), strict=True)),
            "T_camera_part": self.pose.tolist(),
            "passes": dict(passes),
        }


def cameras_of(document: Any) -> list[Camera]:
    """The cameras of a view set, a parsed document.

    Raises:
        AddonError: it breaks the schema.
    """
    check_document(document, "ViewSet")
    return [
        Camera(
            camera["name"],
            (camera["width"], camera["height"]),
            (camera["fx"], camera["fy"]),
            (camera["cx"], camera["cy"]),
            np.array(camera["T_camera_part"], dtype=np.float64),
        )
        for camera in document.get("cameras", ())
    ]


def cameras_around(
    middle: ArrayLike,
    radius: float,
    count: int,
    *,
    size: tuple[int, int],
    angle: float,
    lowest: float = -math.pi / 2,
    highest: float = math.pi / 2,
) -> list[Camera]:
    """Cameras spread evenly over a sphere, each with all of a ball in its picture.

    Args:
        middle: (3,) of the ball, which all look at.
        radius: of the ball.
        count: of the cameras.
        size: width and height of the pictures in pixels.
        angle: field of view over the smaller of both, in radians.
        lowest, highest: elevation of the cameras above the plane z = 0, in radians.
    """
    focal = min(size) / (2.0 * math.tan(angle / 2.0))
    away = ROOM * radius / math.sin(angle / 2.0)
    center = (size[0] / 2.0, size[1] / 2.0)
    return [
        Camera(
            f"view_{number:03}",
            size,
            (focal, focal),
            center,
            pose_looking_at(middle, np.asarray(middle) + away * direction),
        )
        for number, direction in enumerate(spread_directions(count, lowest, highest))
    ]


def spread_directions(
    count: int, lowest: float = -math.pi / 2, highest: float = math.pi / 2
) -> Floats:
    """Unit vectors (count, 3), even by area between two elevations, on a spiral.

    R. Swinbank and R. J. Purser, "Fibonacci grids: a novel approach to global modelling", 2006.
    """
    index = np.arange(count)
    height = math.sin(highest) + (index + 0.5) / count * (math.sin(lowest) - math.sin(highest))
    flat, turn = np.sqrt(1.0 - height**2), GOLDEN_ANGLE * index - math.pi / 3
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)


def pose_looking_at(target: ArrayLike, place: ArrayLike, steep: float = STEEP) -> Floats:
    """``T_camera_part`` (4, 4) of a camera at ``place`` (3,) that looks at ``target``, upright.

    Up is z, and y where the sine of the elevation reaches ``steep``.
    """
    forward = np.asarray(target, dtype=np.float64) - np.asarray(place, dtype=np.float64)
    forward /= np.linalg.norm(forward)
    up = np.array((0.0, 0.0, 1.0) if abs(forward[2]) < steep else (0.0, 1.0, 0.0))
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes, -axes @ np.asarray(place)
    return pose


def scene_cameras(scene: Any, part: bpy.types.Object, size: tuple[int, int]) -> list[Camera]:
    """The cameras of a scene, by name, before the part's local space.

    Raises:
        AddonError: there is none, one is no perspective camera, or the part is scaled.
    """
    found = sorted((o for o in scene.objects if o.type == "CAMERA"), key=lambda obj: obj.name)
    if not found:
        raise AddonError(f"scene {scene.name!r} has no camera; add one, or leave out the option")
    return [_camera_of(scene, obj, part, size) for obj in found]


def _camera_of(scene: Any, obj: Any, part: Any, size: tuple[int, int]) -> Camera:
    if obj.data.type != "PERSP":
        raise AddonError(f"camera {obj.name!r} is {obj.data.type}; views need a perspective camera")
    pose: Floats = FLIP @ np.array(obj.matrix_world.inverted() @ part.matrix_world)
    if np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max() > MAX_SCALE_ERROR:
        raise AddonError(
            f"{part.name!r} or camera {obj.name!r} is scaled; apply the scale (Ctrl+A > Scale)"
        )
    width, height = size
    render: Any = scene.render
    projection = obj.calc_matrix_camera(
        bpy.context.evaluated_depsgraph_get(),
        x=width,
        y=height,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    focal = (projection[0][0] * width / 2.0, projection[1][1] * height / 2.0)
    center = (width / 2.0 * (1.0 - projection[0][2]), height / 2.0 * (1.0 + projection[1][2]))
    return Camera(obj.name, size, focal, center, pose)


def set_camera(scene: Any, obj: Any, camera: Camera) -> None:
    """Make Blender's camera ``obj``, and the size of the scene's pictures, those of ``camera``.

    The scene has the part in its own frame, which is the camera's too.
    """
    width, height = camera.size
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    # Other proportions than one are the pixels', as fx / fy.
    render.pixel_aspect_x = max(1.0, camera.focal[1] / camera.focal[0])
    render.pixel_aspect_y = max(1.0, camera.focal[0] / camera.focal[1])
    data = obj.data
    data.sensor_fit, data.sensor_width = "HORIZONTAL", SENSOR
    data.lens = camera.focal[0] * SENSOR / width
    aspect = camera.focal[0] / camera.focal[1]
    data.shift_x = (width / 2.0 - camera.center[0]) / width
    data.shift_y = (camera.center[1] - height / 2.0) / width * aspect
    obj.matrix_world = world_matrix(camera.pose)
    scene.camera = obj


def world_matrix(pose: Floats) -> Matrix:
    """Blender's matrix of a camera or lamp with a ``pose`` (4, 4) before what is in the scene."""
    return Matrix((np.linalg.inv(pose) @ FLIP).tolist())


def view_set(part: str, unit: str, cameras: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A view set of cameras as documents, held to the schema."""
    document = {"schema_version": 1, "part": part, "unit": unit, "cameras": list(cameras)}
    check_document(document, "ViewSet")
    return document
