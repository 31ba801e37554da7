"""Which points of a surface a camera sees, and at which pixels."""

from __future__ import annotations

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud.point_cloud import PointCloud
from shared_schema.views import Camera

# Depth test cells are this many point spacings wide, so that the front surface leaves no holes.
CELL_IN_SPACINGS = 2.0


def visible_pixels(cloud: PointCloud, camera: Camera) -> tuple[IntArray, FloatArray]:
    """Rows (V,) of the points that ``camera`` sees, and their pixels (V, 2) as x, y.

    A point is seen where it lies in the image, faces the camera (if the cloud has normals), and no
    other point of its neighbourhood in the image is clearly nearer.
    """
    transform = np.array(camera.T_camera_part)
    seen = cloud.points @ transform[:3, :3].T + transform[:3, 3]
    depth = seen[:, 2]
    safe = np.where(depth > 0, depth, 1.0)
    pixels = seen[:, :2] / safe[:, None] * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    candidate = (depth > 0) & (pixels >= 0).all(axis=1)
    candidate &= (pixels < (camera.width, camera.height)).all(axis=1)
    if cloud.normals is not None:
        facing = cloud.normals @ transform[:3, :3].T
        candidate &= np.einsum("ij,ij->i", facing, seen) < 0
    rows = np.flatnonzero(candidate)
    rows = rows[_in_front(pixels[rows], depth[rows], cloud.spacing, camera)]
    return rows, pixels[rows]


def _in_front(pixels: FloatArray, depth: FloatArray, spacing: float, camera: Camera) -> BoolArray:
    """Depth test on a grid whose cells hold a few points each."""
    if len(depth) == 0:
        return np.zeros(0, dtype=bool)
    cell = max(1.0, CELL_IN_SPACINGS * spacing * camera.fx / float(np.median(depth)))
    cells = (pixels // cell).astype(np.int64)
    keys = cells[:, 1] * (int(camera.width // cell) + 1) + cells[:, 0]
    _, inverse = np.unique(keys, return_inverse=True)
    nearest = np.full(inverse.max() + 1, np.inf)
    np.minimum.at(nearest, inverse, depth)
    # A steep surface spans a few spacings of depth within one cell.
    return depth <= nearest[inverse] + 4.0 * CELL_IN_SPACINGS * spacing
