"""The scan's own density on a deformed surface: filled where stretched, thinned where compressed.

Neighbours on the nominal surface tell how far it was stretched. New points are spread over the
triangles of stretched neighbours, lifted onto the curved surface, and kept where they are as far
from each other as the scan's points were there. Where the surface tore, as at the flanks of a
crack, nothing is put in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import LabeledCloud, PointCloud
from backend.geometry.blur import adjacency_matrix, blur, grow
from backend.geometry.neighbors import unique_edges
from backend.geometry.surface import within_triangles
from backend.sensor.disks import clear_of, spread_out
from shared_schema.sensor import Resample

# Random places tried for each point that is wanted.
OVERSAMPLING = 12
# Discs of this many spacings, spread at random until no more fit, are as many to an area as
# points of a square grid (found by experiment: benchmarks/sensor.txt).
DISC_IN_SPACINGS = 0.75
# Rounds of averaging over neighbours that even out the spacing of a scan.
SPACING_ROUNDS = 2
# Surface that does not move matters this many edges about the one that does.
CONTEXT = 2
# Diagonals are edges over two others that are shorter than this many spacings.
DIAGONAL = 2.0
# A stretched edge goes on in a neighbour, across its end, that shows this share of its stretch.
CONTINUED = 0.25
# Two edges go on in each other where they turn by less than 60 degrees.
AHEAD = -0.5
# Corners whose normals are farther apart than 60 degrees lie on the two sides of a sharp edge.
SMOOTH_COSINE = 0.5


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The surface that moved, as edges between the points that are still there.

    Attributes:
        before: (N, 3) where the points were.
        edges: (E, 2) rows of the labelled cloud.
        stretch: (E,) length after over length before.
        spacing: (N,) edge of the square that a point had to itself before.
    """

    before: FloatArray
    edges: IntArray
    stretch: FloatArray
    spacing: FloatArray


def resample(
    labeled: LabeledCloud, nominal: PointCloud, settings: Resample, rng: np.random.Generator
) -> tuple[LabeledCloud, BoolArray]:
    """Restore the density that ``nominal`` had.

    A new point lies on the deformed surface; its mask, label, weight, source index and fields are
    those of its nearest corner, so that no mask is ever blurred.

    Args:
        labeled: N points with unit normals, made of ``nominal``.
        nominal: the cloud before the defects.
        settings: from which stretch on.
        rng: the only source of chance.

    Returns:
        The points that stay, as they were and in order, then the new ones; and which stay, (N,).
    """
    sheet = _sheet(labeled, nominal)
    fill_rng, thin_rng = rng.spawn(2)
    keep = np.ones(len(labeled), dtype=bool)
    if settings.thin:
        keep = _thinned(labeled, sheet, settings.stretch, thin_rng)
    added = _filled(labeled, sheet, keep, settings.stretch, fill_rng)
    return _joined(labeled, keep, added), keep


def _sheet(labeled: LabeledCloud, nominal: PointCloud) -> _Sheet:
    source = nominal.positions_of(labeled.source_index)
    row_of = np.full(len(nominal), -1)
    row_of[source] = np.arange(len(source))
    edges = row_of[nominal.edges]
    edges = edges[(edges >= 0).all(axis=1)]
    before = nominal.points[source]
    moved = (before != labeled.points).any(axis=1)
    edges = edges[grow(moved, edges, CONTEXT)[edges].all(axis=1)]
    spacing = _spacing(nominal)[source]
    return _Sheet(before, edges, _stretch(labeled.points, before, edges, spacing), spacing)


def _stretch(
    after: FloatArray, before: FloatArray, edges: IntArray, spacing: FloatArray
) -> FloatArray:
    """Length after over length before (E,); an edge counts as no shorter than the spacing.

    Points of merged scans may nearly coincide, and noise in their normals drives them apart.
    """
    start, end = edges.T
    now, was = (np.linalg.norm(p[end] - p[start], axis=1) for p in (after, before))
    was = np.maximum(was, (spacing[start] + spacing[end]) / 2.0)
    return np.asarray(now / np.maximum(was, np.finfo(float).tiny))


def _spacing(cloud: PointCloud) -> FloatArray:
    """Square root (N,) of the area a point has, from the lengths of its edges.

    In the mean, the disc to the j-th neighbour holds j points: its squared radius is j a / π, and
    the sum over k neighbours k (k + 1) / 2 · a / π.
    """
    start, end = cloud.edges.T
    squared = ((cloud.points[end] - cloud.points[start]) ** 2).sum(axis=1)
    count = len(cloud)
    both = np.bincount(start, squared, count) + np.bincount(end, squared, count)
    degree = np.bincount(start, minlength=count) + np.bincount(end, minlength=count)
    area = 2.0 * np.pi * both / np.maximum(degree * (degree + 1), 1)
    return blur(np.sqrt(area)[:, None], cloud.edges, SPACING_ROUNDS)[:, 0]


def _thinned(
    labeled: LabeledCloud, sheet: _Sheet, stretch: float, rng: np.random.Generator
) -> BoolArray:
    """Which points (N,) stay: where surface is compressed, only those that keep their distance."""
    pressed = np.flatnonzero(_area_stretch(labeled, sheet) < 1.0 / stretch)
    keep = np.ones(len(labeled), dtype=bool)
    keep[pressed] = False
    normals = _normals(labeled)
    radius = DISC_IN_SPACINGS * sheet.spacing
    clear = clear_of(
        labeled.points[keep],
        normals[keep],
        labeled.points[pressed],
        normals[pressed],
        radius[pressed],
    )
    pressed = pressed[clear]
    chosen = spread_out(labeled.points[pressed], normals[pressed], radius[pressed], rng)
    keep[pressed[chosen]] = True
    return keep


def _area_stretch(labeled: LabeledCloud, sheet: _Sheet) -> FloatArray:
    """Factor (N,) on the area about each point: its edges' mean square, after over before.

    The mean over directions is an upper bound of the area's factor, so that surface pressed
    together one way and drawn out the other is left alone. 1 for a point without edges.
    """
    start, end = sheet.edges.T
    was = ((sheet.before[end] - sheet.before[start]) ** 2).sum(axis=1)
    now = ((labeled.points[end] - labeled.points[start]) ** 2).sum(axis=1)
    count = len(labeled)
    sums = [np.bincount(start, x, count) + np.bincount(end, x, count) for x in (now, was)]
    return np.where(sums[1] > 0, sums[0] / np.where(sums[1] > 0, sums[1], 1.0), 1.0)


def _filled(
    labeled: LabeledCloud,
    sheet: _Sheet,
    keep: BoolArray,
    stretch: float,
    rng: np.random.Generator,
) -> LabeledCloud:
    """The new points, each with what it has from its nearest corner."""
    corners, weights = _candidates(labeled, sheet, stretch, rng)
    points, normals = _lifted(labeled.points[corners], _normals(labeled)[corners], weights)
    radius = DISC_IN_SPACINGS * np.einsum("cj,cj->c", sheet.spacing[corners], weights)
    clear = clear_of(labeled.points[keep], _normals(labeled)[keep], points, normals, radius)
    points, normals, radius = points[clear], normals[clear], radius[clear]
    parent = corners[np.arange(len(corners)), weights.argmax(axis=1)][clear]
    chosen = spread_out(points, normals, radius, rng)
    parent = parent[chosen]
    return replace(labeled.take(parent), points=points[chosen], normals=normals[chosen])


def _candidates(
    labeled: LabeledCloud, sheet: _Sheet, stretch: float, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Random places on stretched triangles: corners (C, 3) and barycentric weights (C, 3)."""
    triangles = _triangles(labeled, sheet, stretch)
    if len(triangles) == 0:
        return triangles, np.empty((0, 3))
    own = sheet.spacing[triangles].mean(axis=1) ** 2
    # The graph's triangles lie over each other: as many times as they have more area together
    # than their points have.
    touched = np.unique(triangles)
    layers = _areas(sheet.before[triangles]).sum() / (sheet.spacing[touched] ** 2).sum()
    wanted = OVERSAMPLING * _areas(labeled.points[triangles]) / own / max(layers, 1.0)
    count = np.floor(wanted + rng.random(len(wanted))).astype(np.int64)
    corners = np.repeat(triangles, count, axis=0)
    u, v = within_triangles(len(corners), rng)
    return corners, np.stack([1.0 - u - v, u, v], axis=1)


def _areas(corners: FloatArray) -> FloatArray:
    """Areas (T,) of triangles (T, 3, 3)."""
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(np.linalg.norm(cross, axis=1) / 2.0)


def _triangles(labeled: LabeledCloud, sheet: _Sheet, stretch: float) -> IntArray:
    """Triangles (T, 3) of neighbours that have a stretched edge and no torn one, each once."""
    stretched = sheet.stretch > stretch
    touched = np.zeros(len(labeled), dtype=bool)
    touched[sheet.edges[stretched]] = True
    torn = _torn(sheet, stretch)
    edges = sheet.edges[touched[sheet.edges].any(axis=1) & ~torn]
    brink = np.zeros(len(labeled), dtype=bool)
    brink[sheet.edges[torn]] = True
    edges = unique_edges(np.concatenate([edges, _diagonals(labeled, sheet, edges, brink)]))
    first, second = edges[_stretch(labeled.points, sheet.before, edges, sheet.spacing) > stretch].T
    graph = adjacency_matrix(edges, len(labeled))
    shared = graph[first].multiply(graph[second]).tocoo()
    triangles = np.stack([first[shared.row], second[shared.row], shared.col], axis=1)
    return np.unique(np.sort(triangles.astype(np.int64), axis=1), axis=0)


def _diagonals(labeled: LabeledCloud, sheet: _Sheet, edges: IntArray, brink: BoolArray) -> IntArray:
    """Edges (D, 2) over two of ``edges`` (E, 2): short, over no sharp edge and round no tear.

    The graph of nearest neighbours leaves four-sided holes, to which these are the diagonals.
    ``brink`` (N,) are the points at a tear.
    """
    graph = adjacency_matrix(edges, len(sheet.before))
    twice = (graph @ graph).tocoo()
    start, end = twice.row.astype(np.int64), twice.col.astype(np.int64)
    way = np.linalg.norm(sheet.before[end] - sheet.before[start], axis=1)
    normals = _normals(labeled)
    fine = (start < end) & (way > 0) & ~(brink[start] & brink[end])
    fine &= way < DIAGONAL * (sheet.spacing[start] + sheet.spacing[end]) / 2.0
    fine &= np.einsum("di,di->d", normals[start], normals[end]) > SMOOTH_COSINE
    return np.stack([start[fine], end[fine]], axis=1)


def _torn(sheet: _Sheet, stretch: float) -> BoolArray:
    """Which edges (E,) lead over a tear: stretched, while the surface at both ends is not.

    Stretched surface spans several edges one behind the other; over a tear, there is one alone.
    """
    count = len(sheet.edges)
    rows = np.flatnonzero(sheet.stretch > stretch)
    starts = np.concatenate([sheet.edges[:, 0], sheet.edges[:, 1]])
    ends = np.concatenate([sheet.edges[:, 1], sheet.edges[:, 0]])
    order = np.argsort(starts, kind="stable")
    directed = np.concatenate([rows, rows + count])
    query, found = _out_of(starts[directed], starts[order])
    edge, other = directed[query], order[found]
    ways = sheet.before[ends] - sheet.before[starts]
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), np.finfo(float).tiny)
    behind = np.einsum("pi,pi->p", ways[edge], ways[other]) < AHEAD
    goes_on = np.zeros(count)
    np.maximum.at(goes_on, edge[behind] % count, sheet.stretch[other[behind] % count])
    torn = np.zeros(count, dtype=bool)
    torn[rows] = goes_on[rows] < 1.0 + CONTINUED * (sheet.stretch[rows] - 1.0)
    return torn


def _out_of(wanted: IntArray, starts: IntArray) -> tuple[IntArray, IntArray]:
    """All pairs (row of ``wanted``, row of the sorted ``starts``) that hold the same number."""
    low = np.searchsorted(starts, wanted, side="left")
    size = np.searchsorted(starts, wanted, side="right") - low
    query = np.repeat(np.arange(len(wanted)), size)
    within = np.arange(len(query)) - np.repeat(np.cumsum(size) - size, size)
    return query, low[query] + within


def _lifted(
    corners: FloatArray, normals: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Points (C, 3) on the curved surface over triangles, and their unit normals.

    Half of the way from the flat triangle to the mean of the projections on the tangent planes of
    its corners is exact for quadrics (the idea of Boubekeur and Alexa, "Phong tessellation", 2008).
    Over a sharp edge, where that mean lies on neither side, the nearest tangent plane is taken.

    Args:
        corners: (C, 3, 3) of the triangle under each point.
        normals: (C, 3, 3) unit, of the corners.
        weights: (C, 3) barycentric.
    """
    flat = np.einsum("cj,cji->ci", weights, corners)
    height = np.einsum("cji,cji->cj", corners - flat[:, None], normals)
    smooth_lift = 0.5 * np.einsum("cj,cj,cji->ci", weights, height, normals)
    rows = np.arange(len(flat))
    nearest = np.abs(height).argmin(axis=1)
    sharp_lift = height[rows, nearest][:, None] * normals[rows, nearest]
    smooth = _least_cosine(normals) > SMOOTH_COSINE
    mean = np.einsum("cj,cji->ci", weights, normals)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.finfo(float).tiny)
    return (
        flat + np.where(smooth[:, None], smooth_lift, sharp_lift),
        np.where(smooth[:, None], mean, normals[rows, nearest]),
    )


def _least_cosine(normals: FloatArray) -> FloatArray:
    """Of the greatest angle (C,) between the normals (C, 3, 3) of three corners."""
    return np.einsum("cji,cji->cj", normals, np.roll(normals, 1, axis=1)).min(axis=1)


def _joined(labeled: LabeledCloud, keep: BoolArray, added: LabeledCloud) -> LabeledCloud:
    if keep.all() and len(added) == 0:
        return labeled
    old = labeled.take(keep)
    names = ("points", "normals", "mask", "labels", "weight", "source_index")
    arrays = {n: np.concatenate([getattr(old, n), getattr(added, n)]) for n in names}
    fields = {n: np.concatenate([old.fields[n], added.fields[n]]) for n in old.fields}
    return LabeledCloud(**arrays, fields=fields, notices=labeled.notices)


def _normals(labeled: LabeledCloud) -> FloatArray:
    assert labeled.normals is not None  # the sensor refuses clouds without normals
    return labeled.normals
