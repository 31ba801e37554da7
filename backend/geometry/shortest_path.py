"""Shortest paths over triangles that need not be manifold, closed, in one piece, or of equal size.

A search over points on the edges finds which edges the path crosses, first roughly over all the
triangles and then ever finer where the rough ways are hardly longer than the shortest (Kanai and
Suzuki, "Approximate shortest path on a polyhedral surface and its applications", 2001). The strip
of triangles between those edges is then laid flat, and the path in it pulled straight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.geometry.closest_on_mesh import closest_weights
from backend.geometry.straighten import straighten

# An anchor is on a side of a triangle when the opposite corner's weight there is below this.
ON_SIDE = 1e-9
# In parts of the distance between the anchors: so near an anchor, a triangle holds it.
TOUCHES = 1e-9


class Level(NamedTuple):
    """How one search is refined after another.

    Attributes:
        margin: how much longer than the shortest a way over a place may be to stay, as a ratio.
        least: fineness to reach: edges have one place more at least than this, and one for each
            part of the path's length · ``COARSEST`` / 2^fineness that they are long.
        ways: go on beyond that, up to about so many straight ways across triangles.

    Long thin triangles, which a fine step cuts into many ways, stop at ``MOST_WAYS`` in any case.
    """

    margin: float
    least: int
    ways: int


LEVELS = (Level(np.inf, 0, 600_000), Level(0.15, 2, 300_000), Level(0.04, 4, 300_000))
# The last ones, a few triangles to both sides of the way only, as long as one shortens the path by
# this ratio.
POLISH = Level(0.02, 5, 300_000)
MOST_WAYS = 4_000_000
LEAST_MARGIN = 0.005
RINGS = 6
MAX_POLISH = 10
WORTH = 2e-5
COARSEST = 1 / 12
FINEST = 9


@dataclass(frozen=True)
class _Places:
    """Places on edges: place i at ``fraction[i]`` along ``edge[i]``; sorted by edge.

    Attributes:
        fineness: see ``Level``.
        edge: (P,) int.
        fraction: (P,) in (0, 1).
        first: (E + 1,) where each edge's places begin.
        positions: (P, 3).
    """

    fineness: int
    edge: IntArray
    fraction: FloatArray
    first: IntArray
    positions: FloatArray


@dataclass(frozen=True)
class _Strip:
    """The triangles as the search sees them.

    Attributes:
        points: (N, 3).
        triangles: (M, 3).
        edges: (E, 2) each once.
        lengths: (E,) of the edges.
        sides: (M, 3) the edge from corner k to corner k + 1.
        ends: (2, 3) the two anchors.
        doors: for each anchor the edges that it sees: opposite ones of the triangles holding it.
    """

    points: FloatArray
    triangles: IntArray
    edges: IntArray
    lengths: FloatArray
    sides: IntArray
    ends: FloatArray
    doors: tuple[IntArray, IntArray]


def shortest_path(
    points: FloatArray,
    triangles: IntArray,
    ends: FloatArray,
    reach: float,
    limit: float = np.inf,
    levels: tuple[Level, ...] = LEVELS,
) -> FloatArray | None:
    """Polyline (V, 3) between ``ends`` (2, 3) over ``triangles`` (M, 3), both on some triangle.

    Args:
        points: (N, 3) vertices; those at one place are taken for one.
        triangles: (M, 3).
        ends: (2, 3), different.
        reach: about how long the path may be; the first search is as fine as that tells.
        limit: longer ways are not looked for.
        levels: how fine the searches are, one after the other.

    Returns:
        A vertex for each edge crossed, and the ends; None if there is no way shorter than
        ``limit`` from triangle to triangle over common edges.
    """
    first, *finer = levels
    strip = _strip(points, triangles, ends)
    if strip is None:
        return ends
    everywhere = partial(_spread, strip, reach)
    places = _finer(strip, everywhere(0), first, everywhere)
    found = _search(strip, places, limit)
    for level in finer:
        if found is None:
            return None
        places = _refined(strip, places, found, level)
        found = _search(strip, places, np.inf)
    return None if found is None else _polished(strip, places, found)


def _finer(
    strip: _Strip, places: _Places, level: Level, spread: Callable[[int], _Places]
) -> _Places:
    """``places``, or those that ``spread`` makes of a greater fineness, as ``level`` wants."""
    for fineness in range(places.fineness + 1, FINEST + 1):
        finer = spread(fineness)
        if _ways(strip, finer) > (level.ways if fineness > level.least else MOST_WAYS):
            break
        places = finer
    return places


def _ways(strip: _Strip, places: _Places) -> int:
    """How many straight ways there are across the triangles."""
    count = np.diff(places.first)[strip.sides]
    return int((count * np.roll(count, 1, axis=1)).sum())


def _polished(strip: _Strip, places: _Places, found: _Found) -> FloatArray:
    """The path (V, 3) pulled straight, and looked for again about it while that shortens it."""
    path, length = _pulled(strip, places, found)
    for _ in range(MAX_POLISH):
        beside = _beside(strip, places.edge[found.way])
        places = _refined(strip, places, found, POLISH, beside)
        closer = _search(strip, places, np.inf)
        if closer is None:
            return path
        found = closer
        better, shorter = _pulled(strip, places, found)
        gain = 1.0 - shorter / length
        if gain > 0.0:
            path, length = better, shorter
        if gain < WORTH:
            return path
    return path


def _pulled(strip: _Strip, places: _Places, found: _Found) -> tuple[FloatArray, float]:
    """The path (V, 3) through the strip that a search found, pulled straight; and its length."""
    portals = strip.edges[_crossed(strip, places.edge[found.way])]
    path = straighten(strip.points, portals, strip.ends[0], strip.ends[1])
    return path, float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _refined(
    strip: _Strip,
    places: _Places,
    found: _Found,
    level: Level,
    inside: BoolArray | None = None,
) -> _Places:
    """Finer places where the ways found are hardly longer than the shortest.

    Where there are too many for ``level.least``, those of the shorter ways.

    Args:
        inside: (E,) only on these edges; all if None.
    """
    inside = np.ones(len(strip.edges), dtype=bool) if inside is None else inside
    margin = level.margin
    while True:
        near = (found.detour <= (1.0 + margin) * found.length) & inside[places.edge]
        spread = partial(_children, strip, found.length, places, near)
        finer = _finer(strip, _kept(places, near), level, spread)
        if finer.fineness >= level.least or margin < LEAST_MARGIN:
            return finer
        margin *= 0.5


def _children(
    strip: _Strip, length: float, places: _Places, near: BoolArray, fineness: int
) -> _Places:
    """Places of ``fineness`` on the edges whose nearest one of ``places`` is ``near`` (P,)."""
    on = np.zeros(len(strip.edges), dtype=bool)
    on[places.edge[near]] = True
    finer = _spread(strip, length, fineness, on)
    return _kept(finer, near[_parents(places, finer)])


def _beside(strip: _Strip, way: IntArray) -> BoolArray:
    """The edges (E,) a few triangles to both sides of the edges ``way`` (W,)."""
    touched = np.zeros(len(strip.points), dtype=bool)
    touched[strip.edges[way]] = True
    for _ in range(RINGS):
        touched[strip.edges[touched[strip.edges].any(axis=1)]] = True
    return touched[strip.edges].all(axis=1)


def _strip(points: FloatArray, triangles: IntArray, ends: FloatArray) -> _Strip | None:
    """What to search on; None where one triangle holds both ends."""
    points, triangles = _welded(points, triangles)
    seen = [_seen_from(points, triangles, end, float(np.ptp(ends, axis=0).max())) for end in ends]
    if np.intersect1d(seen[0].held_by, seen[1].held_by).size:
        return None
    edges, sides = _edges_of(triangles)
    lengths = np.linalg.norm(points[edges[:, 1]] - points[edges[:, 0]], axis=1)
    doors = (sides.ravel()[seen[0].opposite], sides.ravel()[seen[1].opposite])
    return _Strip(points, triangles, edges, lengths, sides, ends, doors)


def _welded(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, IntArray]:
    """Vertices at one place made one; triangles without area of their own and doubles dropped."""
    used, triangles = np.unique(triangles, return_inverse=True)
    distinct, same = np.unique(points[used], axis=0, return_inverse=True)
    triangles = np.sort(same.reshape(-1)[triangles].reshape(-1, 3), axis=1)
    apart = (np.diff(triangles, axis=1) > 0).all(axis=1)
    return distinct, np.unique(triangles[apart], axis=0)


class _Seen(NamedTuple):
    """Triangles that hold an anchor, and their sides that it does not lie on (row · 3 + side)."""

    held_by: IntArray
    opposite: IntArray


def _seen_from(points: FloatArray, triangles: IntArray, end: FloatArray, size: float) -> _Seen:
    corners = points[triangles]
    weights = closest_weights(corners, end)
    away = np.linalg.norm(np.einsum("mc,mci->mi", weights, corners) - end, axis=1)
    held_by = np.flatnonzero(away <= max(TOUCHES * size, 2.0 * float(away.min())))
    # Side k lies opposite to corner k + 2.
    row, side = np.nonzero(np.roll(weights[held_by], 1, axis=1) > ON_SIDE)
    return _Seen(held_by, 3 * held_by[row] + side)


def _edges_of(triangles: IntArray) -> tuple[IntArray, IntArray]:
    """Edges (E, 2) each once, and the three (M, 3) of each of ``triangles`` with sorted corners."""
    pairs = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
    count = int(triangles.max()) + 1
    keys, sides = np.unique(pairs[:, 0] * count + pairs[:, 1], return_inverse=True)
    return np.stack([keys // count, keys % count], axis=1), sides.reshape(-1, 3)


def _spread(strip: _Strip, length: float, fineness: int, on: BoolArray | None = None) -> _Places:
    """Places at the middles of equal parts of edges, for a path of ``length``.

    Args:
        on: (E,) on these edges only; on all if None.
    """
    step = COARSEST * length / 2.0**fineness
    count = np.maximum(np.ceil(strip.lengths / step).astype(np.int64), fineness + 1)
    if on is not None:
        count[~on] = 0
    first = np.concatenate([[0], np.cumsum(count)])
    edge = np.repeat(np.arange(len(strip.lengths)), count)
    fraction = (np.arange(len(edge)) - first[edge] + 0.5) / count[edge]
    start, end = strip.points[strip.edges[edge, 0]], strip.points[strip.edges[edge, 1]]
    return _Places(fineness, edge, fraction, first, start + fraction[:, None] * (end - start))


def _parents(coarse: _Places, fine: _Places) -> IntArray:
    """For each fine place the coarse one (P,) nearest to it on its edge; -1 where there is none."""
    first, count = coarse.first[fine.edge], np.diff(coarse.first)[fine.edge]
    part = np.minimum((fine.fraction * count).astype(np.int64), count - 1)
    return np.where(count > 0, first + part, -1)


def _kept(places: _Places, keep: BoolArray) -> _Places:
    edge = places.edge[keep]
    count = np.bincount(edge, minlength=len(places.first) - 1)
    first = np.concatenate([[0], np.cumsum(count)])
    return _Places(places.fineness, edge, places.fraction[keep], first, places.positions[keep])


class _Found(NamedTuple):
    """Length of the shortest way, its places in order, and each place's shortest way over it."""

    length: float
    way: IntArray
    detour: FloatArray


def _search(strip: _Strip, places: _Places, limit: float) -> _Found | None:
    """The shortest way from anchor to anchor over ``places``, if it is within ``limit``."""
    graph = _graph(strip, places)
    start, end = len(places.edge), len(places.edge) + 1
    there, before = dijkstra(
        graph, directed=False, indices=start, limit=limit, return_predecessors=True
    )
    length = float(there[end])
    if np.isinf(length):
        return None
    back = dijkstra(graph, directed=False, indices=end, limit=1.5 * length)
    way = [int(before[end])]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    return _Found(length, np.array(way[-2::-1]), (there + back)[:start])


def _graph(strip: _Strip, places: _Places) -> csr_matrix:
    """Straight ways (P + 2, P + 2) across each triangle from side to side, and to the anchors."""
    sides = [(strip.sides[:, k], strip.sides[:, (k + 1) % 3]) for k in range(3)]
    pairs = [_products(places.first, first, second) for first, second in sides]
    total = len(places.edge)
    for anchor, doors in enumerate(strip.doors):
        seen = _ranges(places.first, np.unique(doors))
        pairs.append((np.full(len(seen), total + anchor), seen))
    rows = np.concatenate([row for row, _ in pairs])
    columns = np.concatenate([column for _, column in pairs])
    lengths = _lengths(np.concatenate([places.positions, strip.ends]), rows, columns)
    lengths = np.maximum(lengths, np.finfo(float).tiny)
    return coo_matrix((lengths, (rows, columns)), shape=(total + 2, total + 2)).tocsr()


def _lengths(positions: FloatArray, rows: IntArray, columns: IntArray) -> FloatArray:
    """Distances (W,) from ``positions[rows]`` to ``positions[columns]``.

    Coordinate by coordinate, which takes a third of the time that rows of three numbers take.
    """
    square = np.zeros(len(rows))
    for coordinate in np.ascontiguousarray(positions.T):
        apart = coordinate[rows] - coordinate[columns]
        apart *= apart
        square += apart
    return np.sqrt(square, out=square)


def _products(first: IntArray, edges: IntArray, others: IntArray) -> tuple[IntArray, IntArray]:
    """Every place of ``edges[m]`` (M,) with every place of ``others[m]``, for all m."""
    width = first[others + 1] - first[others]
    # Places of the edges, each as often as there are places on the other edge.
    places, often = _ranges(first, edges), np.repeat(width, first[edges + 1] - first[edges])
    begins = np.repeat(first[others], first[edges + 1] - first[edges])
    ahead = np.arange(often.sum()) - np.repeat(np.cumsum(often) - often - begins, often)
    return np.repeat(places, often), ahead


def _ranges(first: IntArray, edges: IntArray) -> IntArray:
    """All places of ``edges`` (K,)."""
    count = first[edges + 1] - first[edges]
    inner = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(first[edges], count) + inner


def _crossed(strip: _Strip, way: IntArray) -> IntArray:
    """Edges crossed in order; those that are only touched on the way are left out."""
    ends = strip.edges.tolist()
    crossed: list[int] = []
    for edge in way.tolist():
        while len(crossed) >= 2 and len({*ends[crossed[-2]], *ends[crossed[-1]], *ends[edge]}) == 3:
            # Three sides of one triangle, or there and back.
            crossed.pop()
        if not crossed or crossed[-1] != edge:
            crossed.append(edge)
    return np.array(crossed)
