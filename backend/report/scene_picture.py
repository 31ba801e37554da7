"""The picture of a scan on its nominal model: what is of the part, and what was cut away."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.geometry.surface import subsample_surface
from backend.report.pictures import ANOMALY, View, as_png

FloatArray = NDArray[np.float64]

# More do not change a picture of this size.
SHOWN_POINTS = 40_000
MODEL_POINTS = 30_000
MODEL, PART = "#cfe0ff", "#404550"
FROM_THE_SIDE = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def scene_picture(part: FloatArray, rest: FloatArray, nominal: PointCloud) -> bytes:
    """PNG of a placed scan over the silhouette of its nominal model, seen from two sides.

    Args:
        part: (N, 3) points of the part, in the part frame.
        rest: (M, 3) points that were cut away, in the same.
        nominal: the nominal model, a mesh.
    """
    surface = subsample_surface(nominal, MODEL_POINTS, np.random.default_rng(0))
    assert surface.normals is not None  # a subsampled surface has them
    _, nearest = surface.tree.query(part[:: 1 + len(part) // SHOWN_POINTS])
    towards = surface.normals[nearest].mean(axis=0)
    axes = View.along(towards if np.linalg.norm(towards) > 0.1 else np.array([0.6, -1.0, 0.5])).axes
    figure = Figure(figsize=(9.0, 4.6), dpi=110, layout="constrained")
    layers = [(surface.points, MODEL, 1.0), (part, PART, 0.6), (rest, ANOMALY, 1.5)]
    for column, (title, seen) in enumerate(
        {"as the sensor sees it": axes, "from the side": FROM_THE_SIDE @ axes}.items()
    ):
        plot = figure.add_subplot(1, 2, column + 1)
        for points, color, size in layers:
            few = points[:: 1 + len(points) // SHOWN_POINTS] @ seen.T
            plot.scatter(few[:, 0], few[:, 1], s=size, color=color, linewidths=0)
        plot.set_aspect("equal")
        plot.axis("off")
        plot.set_title(title, fontsize=9)
    counts = f"{len(part):,} points of the part (grey), {len(rest):,} cut away (red)"
    figure.suptitle(f"{counts}, nominal model (blue)", fontsize=9)
    return as_png(figure)
