"""Features of a part that its shape tells: bores, bosses, fillets, ribs, flanges and flat faces.

Each function gives the features of its kind, the most distinct first, each as rows (K,) of the
mesh's faces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.instruct.places.bands import Band, Piece, Pieces

# A cylinder is a bore or a boss, not a fillet, if it goes round so far, in radians.
ROUND = np.deg2rad(240.0)
# Radius of a boss, of a fillet, and thickness of ribs and flanges, at most, as ratios of the
# part's diagonal.
BOSS_RADIUS = 0.15
FILLET_RADIUS = 0.06
RIB_THICKNESS = 0.06
FLANGE_THICKNESS = 0.12
# Area of a fillet, at most, as a share of the surface.
FILLET_AREA = 0.15
# Share of a piece's border at which its neighbours rise, at least, where it stands on something.
RISES = 0.1
# Share of a fillet's border at which it goes over into its neighbours, at least.
GOES_OVER = 0.5
# Cosine between the normals of the two sides of a rib or flange, at most.
OPPOSITE = -0.99
# Thickness of a rib as a share of its length and of its height, at most.
RIB_SLIM, RIB_LOW = 0.4, 0.6
# Area of one side of a rib, at most, as a share of the surface.
RIB_AREA = 0.1
# By this share of their extent two sides lie one behind the other, at least.
OVERLAP = 0.5
# Share of the surface that lies beside a flange, at least, and how much wider the flange is.
BODY, WIDER = 0.15, 1.1
# Faces of this share of the largest one's area or more are large.
LARGE = 0.5
# What is between two sides may lie beyond them by this share of their distance.
BEYOND = 0.05


def bores(pieces: Pieces) -> list[IntArray]:
    """Cylinders that look inward."""
    return [band.faces for band in pieces.bands if band.curvature < 0 and _closed(band)]


def bosses(pieces: Pieces) -> list[IntArray]:
    """Slim cylinders that look outward and stand on something, with their tops."""
    most = BOSS_RADIUS * _diagonal(pieces)
    return [
        _with_top(pieces, band)
        for band in pieces.bands
        if band.curvature > 0 and _closed(band) and band.concave >= RISES and _radius(band) <= most
    ]


def fillets(pieces: Pieces) -> list[IntArray]:
    """Rounded inner corners; rounded outer edges where there are none."""
    most, area = FILLET_RADIUS * _diagonal(pieces), FILLET_AREA * float(pieces.mesh.areas.sum())
    found = [
        band
        for band in pieces.bands
        if band.smooth >= GOES_OVER
        and not _closed(band)
        and 1.0 / max(abs(band.curvature), 1e-300) <= most
        and band.area <= area
    ]
    inner = [band.faces for band in found if band.curvature < 0]
    return inner or [band.faces for band in found]


def ribs(pieces: Pieces) -> list[IntArray]:
    """Thin walls that stand on something: two opposite flat faces, both with an inner corner."""
    found = []
    for one, other, thickness in _walls(pieces, RIB_THICKNESS):
        if min(_rise(pieces, one), _rise(pieces, other)) < RISES:
            continue
        if one.area > RIB_AREA * pieces.mesh.areas.sum():
            continue
        low, high = sorted(_extents(pieces, one))
        if thickness <= RIB_SLIM * high and thickness <= RIB_LOW * low:
            found.append(_between(pieces, one, other))
    return found


def flanges(pieces: Pieces) -> list[IntArray]:
    """The flat thin plate that sticks out widest over the rest of the part; one, or none."""
    best, widest = [], 0.0
    for one, other, _ in _walls(pieces, FLANGE_THICKNESS):
        plate = _between(pieces, one, other)
        width = _width_over_body(pieces, one, plate)
        if width > widest:
            best, widest = [plate], width
    return best


def flat_faces(pieces: Pieces) -> list[IntArray]:
    """The largest flat faces."""
    flats = pieces.flats
    return [flat.faces for flat in flats if flat.area >= LARGE * flats[0].area]


# --- rounded pieces -----------------------------------------------------------------------------


def _closed(band: Band) -> bool:
    return band.circle is not None and band.circle.round >= ROUND


def _radius(band: Band) -> float:
    return np.inf if band.circle is None else band.circle.radius


def _with_top(pieces: Pieces, band: Band) -> IntArray:
    """A boss with the faces that lie within its cylinder and look along its axis."""
    mesh, circle = pieces.mesh, band.circle
    assert circle is not None  # bosses are cylinders
    away = mesh.middles - circle.middle
    along = away @ circle.axis
    off = np.linalg.norm(away - along[:, None] * circle.axis, axis=1)
    reach = np.abs(along[band.faces]).max() * 1.6  # middles of faces are short of the ends
    level = np.abs(mesh.normals @ circle.axis) > -OPPOSITE
    top = np.flatnonzero(level & (off < circle.radius) & (np.abs(along) <= reach))
    return np.union1d(band.faces, top)


# --- pairs of flat faces ------------------------------------------------------------------------


def _walls(pieces: Pieces, most: float) -> Iterator[tuple[Piece, Piece, float]]:
    """Pairs of flat faces that look away from each other, and how thick the wall between them is.

    Args:
        most: thickness as a ratio of the part's diagonal.
    """
    flats, most = pieces.flats, most * _diagonal(pieces)
    middles = [_corners(pieces, flat).mean(axis=0) for flat in flats]
    for at, one in enumerate(flats):
        for place, other in zip(middles[at + 1 :], flats[at + 1 :], strict=True):
            if one.normal @ other.normal > OPPOSITE:
                continue
            thickness = float((middles[at] - place) @ one.normal)
            if 0.0 < thickness <= most and _overlap(pieces, one, other) >= OVERLAP:
                yield one, other, thickness


def _corners(pieces: Pieces, flat: Piece) -> FloatArray:
    """The corners (K, 3) of a piece."""
    return pieces.mesh.points[np.unique(pieces.mesh.faces[flat.faces])]


def _plane(normal: FloatArray, points: FloatArray) -> FloatArray:
    """Two unit axes (2, 3) across ``normal``, along and across the spread of ``points``."""
    flat = points - points.mean(axis=0)
    flat = flat - np.outer(flat @ normal, normal)
    return np.asarray(np.linalg.svd(flat, full_matrices=False)[2][:2])


def _extents(pieces: Pieces, flat: Piece) -> list[float]:
    corners = _corners(pieces, flat)
    return [float(size) for size in np.ptp(corners @ _plane(flat.normal, corners).T, axis=0)]


def _overlap(pieces: Pieces, one: Piece, other: Piece) -> float:
    """By which share of the smaller one's extent two pieces lie one behind the other, per axis."""
    first, second = _corners(pieces, one), _corners(pieces, other)
    axes = _plane(one.normal, first).T
    lows = np.stack([(first @ axes).min(axis=0), (second @ axes).min(axis=0)])
    highs = np.stack([(first @ axes).max(axis=0), (second @ axes).max(axis=0)])
    shared = np.maximum(highs.min(axis=0) - lows.max(axis=0), 0.0)
    return float((shared / np.maximum((highs - lows).min(axis=0), 1e-300)).min())


def _rise(pieces: Pieces, flat: Piece) -> float:
    """Share of a piece's border at which its neighbours rise from it."""
    edges = pieces.mesh.edges
    inside = np.zeros(len(pieces.mesh.faces), dtype=bool)
    inside[flat.faces] = True
    border = pieces.border(inside)
    rising = border & ~edges.convex
    return float(edges.lengths[rising].sum() / max(edges.lengths[border].sum(), 1e-300))


def _between(pieces: Pieces, one: Piece, other: Piece) -> IntArray:
    """The faces of two sides, and those between them: the narrow sides of a wall."""
    mesh = pieces.mesh
    inside = _within_slab(pieces, one, other)
    corners = np.concatenate([_corners(pieces, one), _corners(pieces, other)])
    axes = _plane(one.normal, corners).T
    low, high = (corners @ axes).min(axis=0), (corners @ axes).max(axis=0)
    room = BEYOND * (high - low)
    places = mesh.middles @ axes
    inside &= ((places >= low - room) & (places <= high + room)).all(axis=1)
    return np.union1d(np.flatnonzero(inside), np.concatenate([one.faces, other.faces]))


def _within_slab(pieces: Pieces, one: Piece, other: Piece) -> BoolArray:
    """Which faces (M,) have all their corners between the planes of two pieces."""
    mesh = pieces.mesh
    high = float((_corners(pieces, one) @ one.normal).max())
    low = float((_corners(pieces, other) @ one.normal).min())
    room = BEYOND * (high - low)
    height = mesh.points @ one.normal
    inside = (height >= low - room) & (height <= high + room)
    return np.asarray(inside[mesh.faces].all(axis=1))


def _width_over_body(pieces: Pieces, side: Piece, plate: IntArray) -> float:
    """How wide a plate is, if it is wider than the rest of the part in its plane; else 0."""
    mesh = pieces.mesh
    height = mesh.points @ side.normal
    corners = np.unique(mesh.faces[plate])
    low, high = float(height[corners].min()), float(height[corners].max())
    room = BEYOND * (high - low)
    beside = (height > high + room) | (height < low - room)
    body = beside[mesh.faces].any(axis=1)
    if mesh.areas[body].sum() < BODY * mesh.areas.sum():
        return 0.0
    axes = _plane(side.normal, mesh.points[corners]).T
    wide = np.ptp(mesh.points[corners] @ axes, axis=0)
    narrow = np.ptp(mesh.points[beside] @ axes, axis=0)
    sticks_out = (wide >= (1.0 - 1e-6) * narrow).all() and (wide >= WIDER * narrow).any()
    return float(np.linalg.norm(wide)) if sticks_out else 0.0


def _diagonal(pieces: Pieces) -> float:
    return float(np.linalg.norm(np.ptp(pieces.mesh.points, axis=0)))
