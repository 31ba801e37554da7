"""Numbered places of a part's surface, the same in every view that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.sight import Sight, pixels_of, sees

# Marks in each view, as far as it has room for them.
FEWEST, MOST = 20, 40
# Marks that are spread over all of the surface first, wherever it is seen.
SPREAD = 48
# Pixels between the middles of two marks in a picture, so that no number hides another one.
APART = 25.0
# No nearer to an edge than this, in pixels, where that can be: at an edge it is not plain which
# side is meant.
CLEAR = 7
# Surface that is seen at a smaller cosine than this has no mark.
GRAZING = 0.25
# How far a place may lie off what its pixel shows, as a ratio of the part's diagonal.
TOLERANCE = 0.002


@dataclass(frozen=True, eq=False)
class ViewMarks:
    """The marks that one view shows.

    Attributes:
        numbers: (K,) of the marks, from 1.
        pixels: (K, 2) where they are, as x, y.
    """

    numbers: IntArray
    pixels: FloatArray


@dataclass(frozen=True, eq=False)
class Marks:
    """Numbered places of the surface; mark 1 is in the first row.

    Attributes:
        positions: (M, 3) part frame, in the unit of the views.
        normals: (M, 3) unit, outward.
        views: what each view shows, by its name.
    """

    positions: FloatArray
    normals: FloatArray
    views: dict[str, ViewMarks]

    def __len__(self) -> int:
        return len(self.positions)


def choose_marks(
    spread: PointCloud, sights: Sequence[Sight], edges: Sequence[BoolArray], diagonal: float
) -> Marks:
    """Marks far from each other, of which each view shows 20 to 40 as far as it has room for them.

    The first marks are spread over all that is seen. Each later one is in the view that has the
    fewest. The next mark is always the place that is farthest from all others. It is a mark of
    every view that shows it clear of the others.

    Args:
        spread: places of the surface, evenly by area, with outward normals.
        sights: what each camera sees through the centres of its pixels.
        edges: for each, which pixels (H, W) are outlines or sharp edges.
        diagonal: of the part.
    """
    assert spread.normals is not None
    pixels = np.array([pixels_of(spread.points, sight.camera) for sight in sights])
    shown = np.array([_shown(spread, sight, TOLERANCE * diagonal) for sight in sights])
    clear = np.array([_clear(*of_view) for of_view in zip(shown, pixels, edges, strict=True)])
    rows, drawn = _farthest_first(spread.points, shown, clear, pixels)
    views = {
        sight.camera.name: ViewMarks(
            np.array(marks, dtype=np.int64) + 1, pixels[view, [rows[mark] for mark in marks]]
        )
        for view, (sight, marks) in enumerate(zip(sights, drawn, strict=True))
    }
    return Marks(spread.points[rows], spread.normals[rows], views)


def _shown(spread: PointCloud, sight: Sight, tolerance: float) -> BoolArray:
    """Which places (C,) a camera shows well enough."""
    seen = sees(sight, spread.points, tolerance)
    column, row = _whole(pixels_of(spread.points, sight.camera), seen)
    return seen & (sight.cosine[row, column] > GRAZING)


def _clear(shown: BoolArray, pixels: FloatArray, edges: BoolArray) -> BoolArray:
    """Which of the places (C,) that are ``shown`` are clear of all edges in the picture."""
    near = maximum_filter(edges, 2 * CLEAR + 1)
    column, row = _whole(pixels, shown)
    return shown & ~near[row, column]


def _whole(pixels: FloatArray, inside: BoolArray) -> IntArray:
    """Columns and rows (2, C) of the pixels (C, 2) that are ``inside``; 0 for the others."""
    return np.asarray(np.where(inside[:, None], pixels, 0.0).astype(np.int64).T)


def _farthest_first(
    points: FloatArray, shown: BoolArray, clear: BoolArray, pixels: FloatArray
) -> tuple[list[int], list[list[int]]]:
    """Rows of the marks among ``points`` (C, 3), and for each view the marks that it has.

    Args:
        points: (C, 3).
        shown: (V, C) whether a view shows a place.
        clear: (V, C) whether it is clear of edges there.
        pixels: (V, C, 2).
    """
    away = np.full(len(points), np.inf)
    free = shown.copy()
    rows: list[int] = []
    drawn: list[list[int]] = [[] for _ in shown]
    waiting = set(range(len(shown)))
    while waiting:
        views = [min(waiting, key=lambda view: (len(drawn[view]), view))]
        if len(rows) < SPREAD:
            views = [view for view in sorted(waiting) if len(drawn[view]) < MOST]
        if not views:
            break
        candidates = (free[views] & clear[views]).any(axis=0)
        if not candidates.any():
            candidates = free[views].any(axis=0)
        full = len(rows) >= SPREAD and len(drawn[views[0]]) >= FEWEST
        if full or not candidates.any():
            waiting -= set(views)
            continue
        row = int(np.argmax(np.where(candidates, away, -1.0)))
        away = np.minimum(away, np.linalg.norm(points - points[row], axis=1))
        for view in np.flatnonzero(free[:, row]).tolist():
            if len(drawn[view]) < MOST:
                drawn[view].append(len(rows))
                step = pixels[view] - pixels[view, row]
                free[view] &= np.linalg.norm(step, axis=1) >= APART
        rows.append(row)
    return rows, drawn
