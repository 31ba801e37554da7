"""What all detectors look at of a scan: evenly spread points of its surfaces, in its own frame.

Everything here depends on distances between points alone. So a scan scores the same however it lies
and in whatever order its points come, and a stray point changes nothing but itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud.point_cloud import PointCloud
from backend.errors import CloudError
from backend.geometry.own_frame import own_frame
from backend.geometry.poisson_disk import poisson_disk
from backend.geometry.strays import stray_points
from backend.geometry.transform import rotation_of, transform_points

SMALLEST_CLOUD = 32


@dataclass(frozen=True, eq=False)
class ThinnedScan:
    """M of the N points of a scan.

    Attributes:
        rows: (M,) int64, rows of the scan; the densest places come first, whatever the file has.
        points: (M, 3) in the scan's unit and its own frame, see ``own_frame``.
        normals: (M, 3) as the scan has them, in that frame; or None.
        stray: (N,) bool, points of the scan that belong to no surface.
    """

    rows: IntArray
    points: FloatArray
    normals: FloatArray | None
    stray: BoolArray


def thinned_scan(
    cloud: PointCloud, spacing: float, offset: float = 0.0, *, together: float | None = None
) -> ThinnedScan:
    """Leave stray points out, thin the others and bring them into their own frame.

    Args:
        cloud: the scan, N points.
        spacing: how far apart points are at least, in the unit of the cloud.
        offset: in [0, 1), which of many thinnings: the first begins where points lie densest, the
            others so far down that list.
        together: points that are no farther apart are no strays; the spacing by default.

    Raises:
        CloudError: fewer than 32 points are left.
    """
    stray = stray_points(cloud.surroundings, spacing if together is None else together)
    kept = np.flatnonzero(~stray)
    order = kept[np.argsort(cloud.surroundings.mean[kept], kind="stable")]
    rows = poisson_disk(cloud.points, np.roll(order, -int(offset * len(order))), spacing)
    check_enough(len(cloud), len(rows), spacing)
    points = cloud.points[rows]
    to_own = own_frame(points)
    normals = None if cloud.normals is None else cloud.normals[rows] @ rotation_of(to_own).T
    return ThinnedScan(rows, transform_points(to_own, points), normals, stray)


def check_enough(points: int, thinned: int | None = None, spacing: float = 0.0) -> None:
    """Refuse clouds of too few points, or that thinning leaves too little of.

    Raises:
        CloudError: they are fewer than 32.
    """
    if thinned is not None and spacing == 0:
        raise CloudError(f"all {points} points lie at one place; scan again")
    if thinned is None and points < SMALLEST_CLOUD:
        raise CloudError(f"the cloud has {points} points, but at least {SMALLEST_CLOUD} are needed")
    if thinned is not None and thinned < SMALLEST_CLOUD:
        raise CloudError(
            f"{points} points make only {thinned} at a resolution of {spacing:.4g}, but at least "
            f"{SMALLEST_CLOUD} are needed; check the scan's unit, or scan more of the part"
        )
