"""Pictures of a scan on its nominal model: what was cut away, and why it is refused."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.surface import surface_points
from backend.registration.nominal_model import FIT_DISTANCE, nominal_model
from backend.report.pictures import ANOMALY, View, as_png

# Points (N, 3), their color and their size.
Layer = tuple[FloatArray, str | FloatArray, float]

# More do not change a picture of this size.
SHOWN_POINTS = 40_000
MODEL_POINTS = 30_000
MODEL, PART = "#cfe0ff", "#404550"
CAPTION = 130
FROM_THE_SIDE = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def scene_picture(part: FloatArray, rest: FloatArray, nominal: PointCloud) -> bytes:
    """PNG of a placed scan over the silhouette of its nominal model, seen from two sides.

    Args:
        part: (N, 3) points of the part, in the part frame.
        rest: (M, 3) points that were cut away, in the same.
        nominal: the nominal model, a mesh or a fused one.
    """
    surface = _samples(nominal)
    counts = f"{len(part):,} points of the part (grey), {len(rest):,} cut away (red)"
    caption = f"{counts}, nominal model (blue)"
    layers: list[Layer] = [(surface.points, MODEL, 1.0), (part, PART, 0.6), (rest, ANOMALY, 1.5)]
    return as_png(_from_two_sides(layers, _axes(surface, part), caption))


def refusal_picture(scan: FloatArray, nominal: PointCloud, reason: str) -> bytes:
    """PNG of a scan that was refused, at the best pose that was found: what of it fits there.

    Args:
        scan: (N, 3) points, in the part frame.
        nominal: the nominal model, a mesh or a fused one.
        reason: why it is refused, as a sentence.
    """
    surface, model = _samples(nominal), nominal_model(nominal)
    few = scan[:: 1 + len(scan) // SHOWN_POINTS]
    fits = model.distance(few) <= FIT_DISTANCE * nominal.diagonal
    # Surroundings may reach far: then the part would be too small to be seen.
    off = few[~fits & (np.linalg.norm(few - model.center, axis=1) <= nominal.diagonal)]
    layers: list[Layer] = [
        (surface.points, MODEL, 1.0),
        (few[fits], PART, 0.6),
        (off, ANOMALY, 0.6),
    ]
    legend = (
        f"At the best pose that was found, {fits.mean():.0%} of the scan lie within "
        f"{FIT_DISTANCE:.0%} of the diagonal of the nominal model (grey on blue), the rest does "
        "not (red)."
    )
    caption = "\n".join(
        textwrap.wrap(f"Refused: {reason}", CAPTION) + textwrap.wrap(legend, CAPTION)
    )
    return as_png(
        _from_two_sides(layers, _axes(surface, few[fits] if fits.any() else few), caption)
    )


def _samples(nominal: PointCloud) -> PointCloud:
    return surface_points(nominal, MODEL_POINTS, np.random.default_rng(0))


def _axes(surface: PointCloud, part: FloatArray) -> FloatArray:
    """Right, up and towards the eye (3, 3), where most of the surface under ``part`` faces it."""
    assert surface.normals is not None  # a subsampled surface has them
    _, nearest = surface.tree.query(part[:: 1 + len(part) // SHOWN_POINTS])
    towards = surface.normals[nearest].mean(axis=0)
    return View.along(towards if np.linalg.norm(towards) > 0.1 else np.array([0.6, -1.0, 0.5])).axes


def _from_two_sides(layers: Sequence[Layer], axes: FloatArray, caption: str) -> Figure:
    """A figure of layers of points, the first one behind."""
    figure = Figure(figsize=(9.0, 4.6), dpi=110, layout="constrained")
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
    figure.suptitle(caption, fontsize=9)
    return figure
