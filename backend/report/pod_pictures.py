"""The pictures of an examination of small defects: curves, and sizes on the part."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.evaluation.pod.links import PREDICTORS
from backend.geometry.thinning import thin
from backend.report.pictures import SURFACE, View, as_png, splat
from shared_schema.pod import PodCurve, PodPlace, PodSweep

SHOWN_POINTS = 60_000
# Small sizes are good: dark blue; what is found only when large is yellow.
COLORS = mpl.colormaps["viridis"]
CURVE, BOUND = "#1f4e79", "#b3380f"
TOWARDS_EYE = np.array([0.6, -1.0, 0.7])


def curve_picture(sweep: PodSweep, sizes: FloatArray, found: Sequence[bool], unit: str) -> bytes:
    """Hits, misses, and the curve with its bounds, over the size on a logarithmic axis.

    Args:
        sweep: whose curve it is.
        sizes: (N,) of its defects.
        found: (N,) which were found.
        unit: of the sizes.
    """
    figure = Figure(figsize=(5.2, 3.6), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    hit = np.asarray(found, bool)
    for level, rows in ((1.03, hit), (-0.03, ~hit)):
        axes.plot(sizes[rows], np.full(int(rows.sum()), level), "|", color="black", clip_on=False)
    if sweep.curve.points:
        _draw_curve(axes, sweep.curve, unit)
    axes.set_xscale("log")
    low, high = sizes.min(), sizes.max()
    axes.set(xlim=(low / 1.1, high * 1.1), ylim=(-0.06, 1.06))
    axes.set(xlabel=f"{sweep.size_name} in {unit}", ylabel="probability of detection")
    # A decade or more gets 1, 2 and 5; a narrower range each digit.
    steps = (1.0, 2.0, 5.0) if high / low > 10.0 else (1, 2, 3, 4, 5, 6, 8)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.25)
    return as_png(figure)


def _draw_curve(axes: Axes, curve: PodCurve, unit: str) -> None:
    assert curve.link is not None and curve.intercept is not None and curve.slope is not None
    assert curve.smallest is not None and curve.largest is not None
    sizes = np.geomspace(curve.smallest, curve.largest, 200)
    at = np.log(sizes) if curve.log_size else sizes
    link = PREDICTORS[curve.link]
    shares = np.linspace(1e-4, 1.0 - 1e-4, 2001)
    pod = np.interp(curve.intercept + curve.slope * at, link(shares), shares)
    axes.plot(sizes, pod, color=CURVE, linewidth=1.8, label="most likely")
    for bound, label in (("lower", None), ("upper", "95 % interval")):
        drawn = [(getattr(one, bound), one.pod) for one in curve.points if getattr(one, bound)]
        if drawn:
            x, y = np.array(drawn).T
            axes.plot(x, y, color=CURVE, linewidth=1.0, linestyle="--", label=label)
    for size, color, name in ((curve.a90, CURVE, "a90"), (curve.a90_95, BOUND, "a90/95")):
        if size is not None:
            axes.plot([size, size], [-0.06, 0.9], color=color, linewidth=1.0, linestyle=":")
            label = f"{name} = {size:.3g} {unit}"
            axes.plot([size], [0.9], "o", color=color, markersize=5, label=label)
    axes.legend(fontsize=8, loc="lower right")


def place_map(
    part: PointCloud, place: IntArray, sweep: PodSweep, places: Sequence[PodPlace], unit: str
) -> bytes:
    """The part from two sides, its places coloured by a90/95; grey where none is stated.

    Args:
        part: its surface with normals, in the part frame.
        place: (N,) of its points, from 0.
        sweep: whose sizes are shown.
        places: all of them; their numbers are written on the part.
        unit: of the sizes.
    """
    sizes = np.array([np.nan if one.a90_95 is None else one.a90_95 for one in sweep.places])
    norm = LogNorm(*_limits(sizes))
    colors = np.where(
        np.isnan(sizes)[:, None], SURFACE, COLORS(norm(np.nan_to_num(sizes, nan=1.0)))[:, :3]
    )
    keep = thin(part.points, SHOWN_POINTS)
    points, of = part.points[keep], place[keep]
    assert part.normals is not None  # scans are prepared with outward normals
    normals = part.normals[keep]
    figure = Figure(figsize=(6.6, 3.3), dpi=110, layout="constrained")
    front = View.along(TOWARDS_EYE)
    for index, view in enumerate((front, View.along(-TOWARDS_EYE))):
        axes = figure.add_subplot(1, 2, index + 1)
        axes.imshow(np.clip(splat(points, normals, colors[of], view), 0.0, 1.0))
        _write_numbers(axes, points, view, places)
        axes.set_title(("one side", "the other side")[index], fontsize=9)
        axes.axis("off")
    shown = ScalarMappable(norm, COLORS)
    bar = figure.colorbar(
        shown, ax=figure.axes, shrink=0.8, label=f"a90/95 of the {sweep.size_name} in {unit}"
    )
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
    bar.ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
    return as_png(figure)


def _limits(sizes: FloatArray) -> tuple[float, float]:
    """Ends of the colours, apart even where all sizes are alike."""
    low, high = np.nanmin(sizes), np.nanmax(sizes)
    return float(min(low, high / 1.5)), float(max(high, low * 1.5) if low == high else high)


def _write_numbers(
    axes: Axes, points: FloatArray, view: View, places: Sequence[PodPlace], size: int = 420
) -> None:
    """The numbers of the places that face the viewer, where ``splat`` draws them."""
    seen = (points - points.mean(axis=0)) @ view.axes.T
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    scale = 0.92 * size / float((high - low).max())
    for place in places:
        if np.array(place.normal) @ view.axes[2] < 0.1:
            continue
        at = (np.array(place.center) - points.mean(axis=0)) @ view.axes.T
        x, y = (at[:2] - (low + high) / 2.0) * scale + size / 2.0
        axes.text(
            x,
            size - 1 - y,
            str(place.number),
            fontsize=7,
            ha="center",
            va="center",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "linewidth": 0.4},
        )
