"""The picture of one scored scan."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from backend.arrays import Float32Array
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.geometry.thinning import thin
from backend.report.pictures import View, panels, score_colors, splat

# More do not change a picture of this size.
SHOWN_POINTS = 60_000


class Scored(Protocol):
    """What the picture shows: scores of N points, and the threshold of a point."""

    @property
    def point_scores(self) -> Float32Array: ...

    @property
    def point_threshold(self) -> float: ...


def heat_map(scan: PointCloud, result: Scored) -> bytes:
    """PNG of ``scan`` coloured by its point scores, seen at its anomalous points and from behind.

    Blue is a score of 0, red three times the detector's point threshold: the colours of two scans
    can be compared.
    """
    keep = thin(scan.points, SHOWN_POINTS)
    normals = None if scan.normals is None else scan.normals[keep]
    cloud, _ = with_outward_normals(PointCloud(scan.points[keep], normals))
    scores = np.nan_to_num(result.point_scores[keep])  # a scan may not have been scored
    colors = score_colors(scores, result.point_threshold)
    front = View.onto(cloud.normals, scores > result.point_threshold)
    turned = front.axes * [[-1.0], [1.0], [-1.0]]
    views = {"anomalous side": front, "other side": replace(front, axes=turned)}
    return panels(
        {title: splat(cloud.points, cloud.normals, colors, v) for title, v in views.items()}
    )
