"""What a grid of rays of a camera meets first: a mesh exactly, a scan by a disc for each point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud.point_cloud import AREA_NEIGHBORS, PointCloud
from backend.cloud.surface import face_normals, require_faces
from backend.geometry.first_discs import first_discs
from backend.geometry.first_faces import first_faces
from shared_schema.views import Camera

# Radius of a scan's discs, in pitches: half the diagonal of a point's square leaves no gaps between
# even points, and scans are less even than that.
DISC = 0.85


@dataclass(frozen=True, eq=False)
class Sight:
    """What the rays through the pixels (x[i], y[j]) of a camera meet first.

    Attributes:
        camera: whose rays they are.
        x: (W,) pixels, ascending.
        y: (H,) pixels, ascending.
        row: (H, W) the face of a mesh, or the point of a scan, that is met; −1 where none is.
        depth: (H, W) along the camera's axis, in the cloud's unit; infinite where nothing is met.
        normals: (H, W, 3) outward, part frame; zero where nothing is met.
    """

    camera: Camera
    x: FloatArray
    y: FloatArray
    row: IntArray
    depth: FloatArray
    normals: FloatArray

    @property
    def met(self) -> BoolArray:
        """(H, W) whether the ray meets anything."""
        return self.row >= 0

    @cached_property
    def directions(self) -> FloatArray:
        """(H, W, 3) of the rays in the part frame, with depth 1 in the camera's."""
        rays = np.empty((len(self.y), len(self.x), 3))
        rays[:, :, 0] = (self.x - self.camera.cx) / self.camera.fx
        rays[:, :, 1] = ((self.y - self.camera.cy) / self.camera.fy)[:, None]
        rays[:, :, 2] = 1.0
        return rays @ np.array(self.camera.T_camera_part)[:3, :3]

    @cached_property
    def places(self) -> FloatArray:
        """(H, W, 3) what is met, in the part frame; not a number where nothing is."""
        depth = np.where(self.met, self.depth, np.nan)
        return camera_place(self.camera) + depth[:, :, None] * self.directions

    @cached_property
    def cosine(self) -> FloatArray:
        """(H, W) of the angle of incidence; negative where the surface is seen from behind."""
        length = np.linalg.norm(self.directions, axis=2)
        return -np.einsum("hwi,hwi->hw", self.normals, self.directions) / length

    @property
    def facing(self) -> BoolArray:
        """(H, W) whether the ray meets the outer side of the surface."""
        return self.met & (self.cosine > 0.0)


def look(cloud: PointCloud, camera: Camera, x: FloatArray, y: FloatArray) -> Sight:
    """What the rays of ``camera`` through the pixels (x[i], y[j]) meet first of ``cloud``.

    Args:
        cloud: a mesh, whose faces wind outwards, or a scan with outward normals.
        camera: before the frame of the cloud.
        x: (W,) ascending; the centre of the leftmost pixels is at 0.5.
        y: (H,) ascending.
    """
    seen = in_camera(cloud.points, camera)
    across, down = (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy
    if cloud.faces is not None and len(cloud.faces) > 0:
        row, depth = first_faces(seen[require_faces(cloud)], across, down)
        normals = face_normals(cloud)[0]
    else:
        assert cloud.normals is not None  # places are found on surfaces with normals
        normals = cloud.normals
        turned = normals @ np.array(camera.T_camera_part)[:3, :3].T
        # What is seen from behind is the far side, and a scan's far side hides nothing.
        facing = np.flatnonzero(np.einsum("ni,ni->n", turned, seen) < 0.0)
        disc, depth = first_discs(seen[facing], turned[facing], DISC * pitch(cloud), across, down)
        row = np.where(disc >= 0, facing[disc] if len(facing) else -1, -1)
    outward = np.where((row >= 0)[:, :, None], normals[row], 0.0)
    return Sight(camera, x, y, row, depth, outward)


def pitch(cloud: PointCloud) -> float:
    """Edge of the square that a typical point of a surface has to itself, in the cloud's unit."""
    return float(np.sqrt(np.pi * np.median(cloud.areas) / AREA_NEIGHBORS))


def in_camera(points: FloatArray, camera: Camera) -> FloatArray:
    """``points`` (N, 3) of the part frame in the frame of ``camera``, which looks along z."""
    transform = np.array(camera.T_camera_part)
    return points @ transform[:3, :3].T + transform[:3, 3]


def camera_place(camera: Camera) -> FloatArray:
    """(3,) where ``camera`` stands in the part frame."""
    transform = np.array(camera.T_camera_part)
    return np.asarray(-transform[:3, :3].T @ transform[:3, 3])


def pixels_of(points: FloatArray, camera: Camera) -> FloatArray:
    """Pixels (N, 2) as x, y at which ``points`` (N, 3) appear; not a number behind the camera."""
    seen = in_camera(points, camera)
    depth = np.where(seen[:, 2] > 0.0, seen[:, 2], np.nan)
    return seen[:, :2] / depth[:, None] * (camera.fx, camera.fy) + (camera.cx, camera.cy)
