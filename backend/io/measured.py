"""Points of a file that are no measurement, and leaving them out.

Readers hand them on as the file has them; this is the one place that knows them. Scanners and
their programs write NaN or infinity where nothing was measured (PCL, ROS, Zivid, HALCON), or
(0, 0, 0), which is where the sensor itself is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from backend.arrays import BoolArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.wording import were

NOT_FINITE = "NaN and infinity mean no measurement"
ZERO = "(0, 0, 0) means no measurement here"


def only_measured(cloud: PointCloud, *, zero_is_empty: bool = False) -> PointCloud:
    """``cloud`` without points that are no measurement; its notices say how many there were.

    Those are the points with a coordinate that is NaN or infinite, and those at exactly (0, 0, 0)
    where they mean that. A vertex of a mesh there is a vertex. A point of a scan there is a point
    as long as no more points lie there than at any other place: a scan may well pass through its
    origin, and one that repeats its points repeats all.

    Args:
        cloud: as its file has it: ``points`` (N, 3) of any numbers, faces by row.
        zero_is_empty: the format says that (0, 0, 0) is no measurement; it counts where the file
            marks nothing by NaN.

    Raises:
        FileFormatError: no point is left.
    """
    points = cloud.points
    unknown = ~np.isfinite(points).all(axis=1)
    zero = np.zeros(len(points), dtype=bool)
    if cloud.faces is None:
        zero = empty_zeros(points, sure=zero_is_empty and not unknown.any())
    left_out = unknown | zero
    if not left_out.any():
        return cloud
    notices = [
        f"{were(int(rows.sum()), len(points), 'points')} left out: {reason}."
        for rows, reason in ((unknown, NOT_FINITE), (zero, ZERO))
        if rows.any()
    ]
    if left_out.all():
        raise FileFormatError(f"{' '.join(notices)} No point is left; scan again")
    kept = cloud.cropped(~left_out)
    if cloud.faces is not None and kept.faces is not None:
        lost = len(cloud.faces) - len(kept.faces)
        if lost:
            notices.append(f"{were(lost, len(cloud.faces), 'faces')} left out with such a corner.")
    return replace(kept, notices=(*cloud.notices, *notices))


def empty_zeros(points: NDArray, *, sure: bool = False) -> BoolArray:
    """(N,) which of ``points`` (N, 3) are at (0, 0, 0) and mean no measurement.

    All that are there if that is ``sure``; else if they are more than there are at any other place.
    """
    zero = points[:, 0] == 0
    zero &= (points[:, 1:] == 0).all(axis=1)
    count = int(zero.sum())
    if count and not sure and (count == 1 or count <= _most_in_one_place(points[~zero])):
        zero[:] = False
    return zero


def _most_in_one_place(points: NDArray) -> int:
    """How many of ``points`` (N, 3) share one place, at most."""
    known = points[np.isfinite(points).all(axis=1)]
    if len(known) == 0:
        return 0
    _, counts = np.unique(known, axis=0, return_counts=True)
    return int(counts.max())
