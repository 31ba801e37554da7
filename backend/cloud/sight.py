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

# Radius of a scan's discs, in pitches. Even points leave no gaps from half a square's diagonal on,
# which is 0.71, and scans are less even. Larger discs reach too far beyond outlines.
DISC = 1.1
# Cosine of the angle of incidence, as far as it tells how much surface a pixel shows.
STEEPEST = 0.25


@dataclass(frozen=True, eq=False)
class Sight:
    """What the rays through the pixels (x[i], y[j]) of a camera meet first.

    Attributes:
        camera: whose rays they are.
        x: (W,) pixels, ascending.
        y: (H,) pixels, ascending.
        row: (H, W) the face of a mesh, or the point of a scan, that is met; −1 where none is.
        depth: (H, W) along the camera's axis, in the cloud's unit; infinite where nothing is met.
        outward: (K, 3) unit normals of all faces or points, part frame.
    """

    camera: Camera
    x: FloatArray
    y: FloatArray
    row: IntArray
    depth: FloatArray
    outward: FloatArray

    @property
    def met(self) -> BoolArray:
        """(H, W) whether the ray meets anything."""
        return self.row >= 0

    @cached_property
    def places(self) -> FloatArray:
        """(H, W, 3) what is met, in the part frame; not a number where nothing is."""
        return self.places_at(*np.indices(self.row.shape))

    def places_at(self, rows: IntArray, columns: IntArray) -> FloatArray:
        """What the rays at ``rows`` and ``columns`` (…,) meet, (…, 3); as ``places``."""
        camera = self.camera
        depth = np.where(self.row[rows, columns] >= 0, self.depth[rows, columns], np.nan)
        x = (self.x[columns] - camera.cx) / camera.fx * depth
        y = (self.y[rows] - camera.cy) / camera.fy * depth
        turn = np.array(camera.T_camera_part)[:3, :3]
        return camera_place(camera) + np.stack([x, y, depth], axis=-1) @ turn

    @cached_property
    def normals(self) -> FloatArray:
        """(H, W, 3) outward, part frame; zero where nothing is met."""
        return np.where(self.met[:, :, None], self.outward[self.row], 0.0)

    @cached_property
    def cosine(self) -> FloatArray:
        """(H, W) of the angle of incidence; negative where the surface is seen from behind."""
        camera = self.camera
        turned = self.outward @ np.array(camera.T_camera_part)[:3, :3].T
        rows, columns = np.nonzero(self.met)
        normals = turned[self.row[rows, columns]]
        x = ((self.x - camera.cx) / camera.fx)[columns]
        y = ((self.y - camera.cy) / camera.fy)[rows]
        along = normals[:, 0] * x + normals[:, 1] * y + normals[:, 2]
        cosine = np.zeros(self.row.shape)
        cosine[rows, columns] = -along / np.sqrt(x * x + y * y + 1.0)
        return cosine

    @property
    def facing(self) -> BoolArray:
        """(H, W) whether the ray meets the outer side of the surface."""
        return self.met & (self.cosine > 0.0)


def look(
    cloud: PointCloud, camera: Camera, x: FloatArray, y: FloatArray, *, closed: bool = False
) -> Sight:
    """What the rays of ``camera`` through the pixels (x[i], y[j]) meet first of ``cloud``.

    Args:
        cloud: a mesh, whose faces wind outwards, or a scan with outward normals.
        camera: before the frame of the cloud.
        x: (W,) ascending; the centre of the leftmost pixels is at 0.5.
        y: (H,) ascending.
        closed: whether the cloud is known to be a watertight mesh before the camera, of which only
            outer sides are seen; this is quicker.
    """
    seen = in_camera(cloud.points, camera)
    across, down = (x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy
    if cloud.faces is not None and len(cloud.faces) > 0:
        corners, normals = seen[require_faces(cloud)], face_normals(cloud)[0]
        if closed:
            turned = normals @ np.array(camera.T_camera_part)[:3, :3].T
            outer = np.flatnonzero(np.einsum("mi,mi->m", turned, corners[:, 0]) < 0.0)
            row, depth = first_faces(corners[outer], across, down)
            row = np.append(outer, -1)[row]
        else:
            row, depth = first_faces(corners, across, down)
    else:
        assert cloud.normals is not None  # places are found on surfaces with normals
        normals = cloud.normals
        turned = normals @ np.array(camera.T_camera_part)[:3, :3].T
        # What is seen from behind is the far side, and a scan's far side hides nothing.
        facing = np.flatnonzero(np.einsum("ni,ni->n", turned, seen) < 0.0)
        disc, depth = first_discs(seen[facing], turned[facing], DISC * pitch(cloud), across, down)
        row = np.append(facing, -1)[disc]
    return Sight(camera, x, y, row, depth, normals)


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


def sees(sight: Sight, places: FloatArray, tolerance: float) -> BoolArray:
    """Whether (N,) each of ``places`` (N, 3) is what its pixel shows, from outside.

    Args:
        sight: through the centres of all pixels of the camera.
        places: on the surface, part frame.
        tolerance: how far a place may lie off the plane of what its pixel shows, in the cloud's
            unit.
    """
    camera = sight.camera
    pixels = pixels_of(places, camera)
    inside = ((pixels >= 0.0) & (pixels < (camera.width, camera.height))).all(axis=1)
    column, row = np.where(inside[:, None], pixels, 0.0).astype(np.int64).T
    step = places - sight.places_at(row, column)
    met, cosine = sight.row[row, column], sight.cosine[row, column]
    off = np.abs(np.einsum("ni,ni->n", step, sight.outward[met]))
    # A place and what its pixel's centre shows lie within a pixel, at the angle of the surface.
    pixel = sight.depth[row, column] / min(camera.fx, camera.fy)
    reach = tolerance + 2.0 * pixel / np.maximum(cosine, STEEPEST)
    with np.errstate(invalid="ignore"):
        near = (off <= tolerance) & (np.linalg.norm(step, axis=1) <= reach)
    return np.asarray(inside & (met >= 0) & (cosine > 0.0) & near)
