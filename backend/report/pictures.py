"""Pictures of point clouds and curves, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backend.arrays import BoolArray, FloatArray, IntArray

Image = FloatArray
Curve = tuple[FloatArray, FloatArray]

SURFACE = np.array([0.72, 0.74, 0.78])
ANOMALY = np.array([0.86, 0.16, 0.18])
BACKGROUND = 1.0
# Right, up, towards the eye: from above, or dents would look like bumps.
LIGHT = np.array([-0.35, 0.45, 0.82])
# Left about what is drawn when a picture is cut to it, in pixels.
MARGIN = 12
HEAT = mpl.colormaps["turbo"]
HEAT_END = 3.0
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class View:
    """An orthographic look at a cloud: rows (3, 3) are right, up and towards the eye."""

    axes: FloatArray

    @classmethod
    def along(cls, towards_eye: FloatArray) -> View:
        """Look so that ``towards_eye`` (3,) points at the viewer, and z up where that can be."""
        back = towards_eye / np.linalg.norm(towards_eye)
        up = np.array([0.0, 0.0, 1.0]) if abs(back[2]) < 0.95 else np.array([0.0, 1.0, 0.0])
        right = np.cross(up, back)
        right /= np.linalg.norm(right)
        return cls(np.stack([right, np.cross(back, right), back]))

    @classmethod
    def onto(cls, normals: FloatArray | None, mask: BoolArray) -> View:
        """Look at the anomalous surface from where most of it can be seen, a little from aside."""
        aside = np.array([0.35, -0.25, 0.25])
        if normals is None or not mask.any():
            return cls.along(np.array([0.6, -1.0, 0.5]))
        mean = normals[mask].mean(axis=0)
        length = np.linalg.norm(mean)
        if length < 0.2:  # all around the part
            return cls.along(np.array([0.6, -1.0, 0.5]))
        return cls.along(mean / length + aside)


def mask_colors(mask: BoolArray) -> FloatArray:
    """(N, 3): anomalous points red, the others grey."""
    return np.where(mask[:, None], ANOMALY, SURFACE)


def heat_colors(scores: NDArray[np.floating], low: float, high: float) -> FloatArray:
    """(N, 3): scores from ``low`` (blue) to ``high`` (red)."""
    span = max(high - low, TINY)
    return HEAT(np.clip((scores - low) / span, 0.0, 1.0))[:, :3]


def score_colors(scores: NDArray[np.floating], point_threshold: float) -> FloatArray:
    """(N, 3): scores from 0 (blue) to ``HEAT_END`` times the detector's point threshold (red).

    So the colours of two scans by the same detector can be compared.
    """
    return heat_colors(scores, 0.0, HEAT_END * point_threshold)


def splat(
    points: FloatArray, normals: FloatArray | None, colors: FloatArray, view: View, size: int = 420
) -> Image:
    """Draw a cloud as shaded discs into a (size, size, 3) image with hidden surfaces removed."""
    seen = (points - points.mean(axis=0)) @ view.axes.T
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    scale = 0.92 * size / max(float((high - low).max()), TINY)
    pixels = (seen[:, :2] - (low + high) / 2.0) * scale + size / 2.0
    if normals is not None:
        shade = 0.45 + 0.55 * np.clip(normals @ view.axes.T @ LIGHT, 0.0, 1.0)
        colors = colors * shade[:, None]
    # Far to near: of all colours assigned to one pixel, the last, the nearest, stays.
    order = np.argsort(seen[:, 2], kind="stable")
    column = pixels[order, 0].astype(int)
    row = size - 1 - pixels[order, 1].astype(int)
    return _draw_discs(row, column, seen[order, 2] * scale, colors[order], size)


def _draw_discs(
    row: IntArray,
    column: IntArray,
    depth: FloatArray,
    colors: FloatArray,
    size: int,
) -> Image:
    radius = int(np.clip(round(0.55 * size / np.sqrt(len(row)) + 1), 1, 6))
    image = np.full((size * size, 3), BACKGROUND)
    nearest = np.full(size * size, -np.inf)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dx * dx + dy * dy > radius * radius:
                continue
            y, x = row + dy, column + dx
            inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
            cell, z = (y * size + x)[inside], depth[inside]
            front = z > nearest[cell]
            cell, z = cell[front], z[front]
            image[cell] = colors[inside][front]
            nearest[cell] = z
    return image.reshape(size, size, 3)


def panels(images: Mapping[str, Image]) -> bytes:
    """Images of one size side by side under their titles, without what is empty in all of them."""
    rows = _drawn_rows(list(images.values()))
    shown = {title: image[rows] for title, image in images.items()}
    height, width = next(iter(shown.values())).shape[:2]
    size = (3.1 * len(shown), 3.1 * height / width + 0.3)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    for index, (title, image) in enumerate(shown.items()):
        axes = figure.add_subplot(1, len(shown), index + 1)
        axes.imshow(np.clip(image, 0.0, 1.0))
        axes.set_title(title, fontsize=9)
        axes.axis("off")
    return as_png(figure)


def _drawn_rows(images: Sequence[Image]) -> slice:
    """The rows in which any of ``images`` shows anything, with a margin."""
    drawn = [(image != BACKGROUND).any(axis=(1, 2)) for image in images]
    rows = np.flatnonzero(np.any(drawn, axis=0))
    if len(rows) == 0:
        return slice(None)
    return slice(max(0, int(rows[0]) - MARGIN), int(rows[-1]) + 1 + MARGIN)


def roc_curves(curves: Mapping[str, Curve], title: str) -> bytes:
    """ROC curves by name: true against false positive rate."""
    return _curves(curves, title, "true positive rate")


def overlap_curves(curves: Mapping[str, Curve], title: str) -> bytes:
    """Per-region overlap curves by name, as far as AUPRO looks."""
    return _curves(curves, title, "mean overlap with a region", 0.3)


def _curves(curves: Mapping[str, Curve], title: str, upwards: str, right: float = 1.0) -> bytes:
    figure = Figure(figsize=(4.4, 4.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for name, (false_rate, true_rate) in curves.items():
        width, color = (2.4, "black") if name == "all" else (1.4, None)
        axes.plot(false_rate, true_rate, label=name, linewidth=width, color=color)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel=upwards, title=title)
    axes.set(xlim=(-0.02 * right, 1.02 * right), ylim=(-0.02, 1.02))
    axes.set_box_aspect(1.0)
    axes.legend(fontsize=8, loc="lower right")
    return as_png(figure)


def as_png(figure: Figure) -> bytes:
    """The figure as it is drawn."""
    buffer = io.BytesIO()
    # Without the software's version in it, the same picture is the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
