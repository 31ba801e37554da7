"""Faces of a mesh turned outward, one connected piece after the other.

Files turn faces as they like: single ones differently from their neighbours, or one body of
several inside out. A piece is what hangs together over edges of two faces. Its faces are made to
agree, and then its outside is found:

- A closed piece has a volume, which is positive where its faces wind counterclockwise from outside.
  A closed piece within an odd number of other ones is a cavity: its faces look into it.
- Of a piece with a border, lines through its faces tell: on the outside they cross the surface an
  even number of times, on the inside an odd number (Takayama et al., "A simple method for
  correcting facet orientations in polygon meshes based on ray casting", 2014). Where most of them
  do not tell, the winding that most of its area was given stays, and the piece is in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.geometry.crossings import crossings
from shared_schema.constants import OUTSIDE_CONSTANTS

DIRECTIONS = np.array(OUTSIDE_CONSTANTS["directions"])
# Lines in all for the pieces with a border, and for the search for cavities; and for one piece.
MOST_LINES = OUTSIDE_CONSTANTS["lines"]
LINES = (OUTSIDE_CONSTANTS["fewest_lines"], OUTSIDE_CONSTANTS["most_lines"])
# A line decides from this share on, and so does the majority of the lines of a piece.
TELLING = OUTSIDE_CONSTANTS["telling"]
# A volume below this, as a ratio of the area to the power of 3/2, is none.
FLAT = 1e-9
# More closed pieces than these, the largest, are not looked for cavities.
MOST_BODIES = 2_000


class OutwardFaces(NamedTuple):
    """Faces turned outward, and what was done and found.

    Attributes:
        faces: (M, 3) as they were but for the order of their corners.
        turned: (M,) bool.
        cavity: (M,) bool, faces of closed pieces that lie within others.
        doubtful: (M,) bool, faces whose outside is a guess.
        areas: (M,).
    """

    faces: IntArray
    turned: BoolArray
    cavity: BoolArray
    doubtful: BoolArray
    areas: FloatArray


def outward_faces(points: FloatArray, faces: IntArray, places: IntArray) -> OutwardFaces:
    """``faces`` (M, 3) of ``points`` (N, 3), turned so that all look out of the material.

    Args:
        points: (N, 3).
        faces: (M, 3) vertex indices.
        places: (N,) as ``places_of`` numbers them: what joins faces.
    """
    corners = points[faces]
    normals = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    sides = _Sides.of(places[faces])
    pieces = _agreeing(sides, areas)
    mesh = _Mesh(corners, normals, areas, pieces)
    sign, cavity, doubtful = _outside(mesh, sides)
    turned = sign[pieces.number] * pieces.sign < 0
    result = np.where(turned[:, None], faces[:, ::-1], faces)
    return OutwardFaces(result, turned, cavity[pieces.number], doubtful[pieces.number], areas)


@dataclass(frozen=True, eq=False)
class _Sides:
    """Sides of faces, sorted by edge; faces with two corners at one place have none.

    Attributes:
        face: (S,) to which a side belongs.
        ahead: (S,) 1 where the face runs from the lower to the higher place, else -1.
        edge: (S,) number of its edge.
        count: (E,) sides of each edge.
        faces: how many faces there are.
    """

    face: IntArray
    ahead: IntArray
    edge: IntArray
    count: IntArray
    faces: int

    @classmethod
    def of(cls, corners: IntArray) -> _Sides:
        start, end = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
        whole = np.flatnonzero(np.repeat((corners != np.roll(corners, -1, axis=1)).all(axis=1), 3))
        start, end = start[whole], end[whole]
        keys = np.minimum(start, end) * (int(corners.max()) + 1) + np.maximum(start, end)
        order = np.argsort(keys, kind="stable")
        new = np.diff(keys[order], prepend=-1) != 0
        edge = np.cumsum(new) - 1
        ahead = np.where(start < end, 1, -1)[order]
        return cls(whole[order] // 3, ahead, edge, np.bincount(edge), len(corners))

    def joined(self) -> tuple[IntArray, IntArray, IntArray]:
        """Pairs of faces with an edge of their own: first and second (J,), and whether they agree.

        1 where they run along the edge in opposite directions, as faces of one surface do, else -1.
        """
        first = np.flatnonzero((self.count == 2)[self.edge])[::2]
        agree = -self.ahead[first] * self.ahead[first + 1]
        return self.face[first], self.face[first + 1], agree


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Pieces of faces that hang together.

    Attributes:
        number: (M,) the piece of each face.
        sign: (M,) -1 where a face must be turned to agree with its piece.
        twisted: (P,) whether a piece has but one side, as a Möbius strip.
    """

    number: IntArray
    sign: FloatArray
    twisted: BoolArray


def _agreeing(sides: _Sides, areas: FloatArray) -> _Pieces:
    """Pieces whose faces agree, most of their area wound as it was given.

    Each face is two nodes of a graph, as it is and turned; faces that agree join like with like.
    The two nodes of a face lie in two halves of the graph, unless its piece has but one side.
    """
    first, second, agree = sides.joined()
    count = sides.faces
    other = np.where(agree > 0, second, second + count)
    rows = np.concatenate([first, first + count])
    columns = np.concatenate([other, (other + count) % (2 * count)])
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), (2 * count, 2 * count))
    _, half = connected_components(graph, directed=False)
    given, turned = half[:count], half[count:]
    _, number = np.unique(np.minimum(given, turned), return_inverse=True)
    sign = np.where(given <= turned, 1.0, -1.0)
    twisted = np.bincount(number, given == turned) > 0
    most = np.where(np.bincount(number, sign * areas) < 0, -1.0, 1.0)
    sign = np.where(twisted[number], 1.0, sign * most[number])
    return _Pieces(number.astype(np.int64), sign, twisted)


@dataclass(frozen=True, eq=False)
class _Mesh:
    """Faces in space: corners (M, 3, 3), area vectors (M, 3) as given, areas (M,), and pieces."""

    corners: FloatArray
    normals: FloatArray
    areas: FloatArray
    pieces: _Pieces

    @property
    def count(self) -> int:
        return len(self.pieces.twisted)

    def volumes(self) -> FloatArray:
        """(P,) of the pieces as their faces agree; of use where they are closed."""
        middle = self.corners.reshape(-1, 3).mean(axis=0)
        heights = np.einsum("mi,mi->m", self.corners.mean(axis=1) - middle, self.normals)
        return np.bincount(self.pieces.number, heights * self.pieces.sign, self.count) / 3.0


def _outside(mesh: _Mesh, sides: _Sides) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Signs (P,) that turn pieces outward; which of them are cavities; which are in doubt."""
    area = np.asarray(np.bincount(mesh.pieces.number, mesh.areas, mesh.count), np.float64)
    volume = mesh.volumes()
    closed = _closed(mesh, sides)
    solid = closed & (np.abs(volume) > FLAT * area**1.5)
    cavity = _cavities(mesh, solid, area)
    sign = np.where(solid & ((volume < 0) != cavity), -1.0, 1.0)
    rest = np.flatnonzero(~solid & (area > 0) & ~mesh.pieces.twisted)
    outwardness, hidden = _outwardness_by_lines(mesh, rest[np.argsort(-area[rest], kind="stable")])
    sign = np.where(outwardness < -TELLING, -1.0, sign)
    doubtful = ~solid & (np.abs(outwardness) <= TELLING) & (hidden <= TELLING) & (area > 0)
    return sign, cavity, doubtful


def _closed(mesh: _Mesh, sides: _Sides) -> BoolArray:
    """Pieces (P,) without a border: each of their edges is run along as often in each direction."""
    pieces = mesh.pieces
    # Where two faces meet, they are of one piece and agree.
    rest = np.flatnonzero((sides.count != 2)[sides.edge])
    face = sides.face[rest]
    keys = pieces.number[face] * len(sides.count) + sides.edge[rest]
    unique, inverse = np.unique(keys, return_inverse=True)
    balance = np.bincount(inverse, sides.ahead[rest] * pieces.sign[face], len(unique))
    closed = ~pieces.twisted
    closed[unique[balance != 0] // len(sides.count)] = False
    # A face without sides, two of its corners being at one place, closes nothing.
    has_sides = np.zeros(mesh.count, dtype=bool)
    has_sides[pieces.number[sides.face]] = True
    return closed & has_sides


def _cavities(mesh: _Mesh, solid: BoolArray, area: FloatArray) -> BoolArray:
    """Which pieces (P,) lie wholly within an odd number of the ``solid`` ones (P,)."""
    cavity = np.zeros(mesh.count, dtype=bool)
    bodies = np.flatnonzero(solid)
    bodies = np.sort(bodies[np.argsort(-area[bodies], kind="stable")[:MOST_BODIES]])
    if len(bodies) < 2:
        return cavity
    rows = _rows_of(mesh.pieces.number, mesh.count)
    low, high = _boxes(mesh.corners, [rows[body] for body in bodies])
    within = (low[:, None] > low).all(axis=2) & (high[:, None] < high).all(axis=2)
    inner = np.flatnonzero(within.any(axis=1))
    if len(inner) == 0:
        return cavity
    outer = np.flatnonzero(within.any(axis=0))
    faces = np.concatenate([rows[bodies[one]] for one in outer])
    owner = np.repeat(outer, [len(rows[bodies[one]]) for one in outer])
    each = _lines_each(len(inner))
    chosen = [_spread(mesh.areas, rows[bodies[one]], each) for one in inner]
    places = mesh.corners[np.concatenate(chosen)].mean(axis=1)
    found = crossings(mesh.corners[faces], places, DIRECTIONS[0])
    ahead = found.height > 0
    odd = np.zeros((len(places), len(bodies)), dtype=bool)
    np.logical_xor.at(odd, (found.line[ahead], owner[found.triangle[ahead]]), True)
    starts = np.cumsum([0, *map(len, chosen[:-1])])
    around = np.logical_and.reduceat(odd, starts) & within[inner]
    cavity[bodies[inner]] = around.sum(axis=1) % 2 == 1
    return cavity


def _outwardness_by_lines(mesh: _Mesh, ordered: IntArray) -> tuple[FloatArray, FloatArray]:
    """What lines through the pieces ``ordered``, the largest first, tell of them.

    Returns:
        How surely (P,) they look outward as they are, 1, or -1 if inward: the share of lines that
        say so, less that of those that say the opposite. And the share (P,) of lines that find
        material on both sides, as where two bodies touch.
    """
    outwardness, hidden = np.zeros(mesh.count), np.zeros(mesh.count)
    if len(ordered) == 0:
        return outwardness, hidden
    each = _lines_each(len(ordered))
    ordered = ordered[: MOST_LINES // each]
    rows = _rows_of(mesh.pieces.number, mesh.count)
    faces = np.concatenate([_spread(mesh.areas, rows[piece], each) for piece in ordered])
    # Every piece takes all directions in turn.
    for number, direction in enumerate(DIRECTIONS):
        ahead, behind = _odd(mesh, faces[number :: len(DIRECTIONS)], direction)
        piece = mesh.pieces.number[faces[number :: len(DIRECTIONS)]]
        outwardness += np.bincount(piece, behind - ahead, mesh.count)
        hidden += np.bincount(piece, behind * ahead, mesh.count)
    lines = np.maximum(np.bincount(mesh.pieces.number[faces], minlength=mesh.count), 1)
    return outwardness / lines, hidden / lines


def _odd(mesh: _Mesh, faces: IntArray, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lines through the middles of ``faces`` (L,): 1 for an odd number of crossings before them.

    And 1 for an odd number behind them, else 0.
    """
    found = crossings(mesh.corners, mesh.corners[faces].mean(axis=1), direction)
    up, down = (
        np.bincount(found.line[side], minlength=len(faces)) % 2.0
        for side in (found.height > 0, found.height < 0)
    )
    upward = (mesh.normals[faces] @ direction) * mesh.pieces.sign[faces] > 0
    return np.where(upward, up, down), np.where(upward, down, up)


def _rows_of(number: IntArray, count: int) -> list[IntArray]:
    """The faces of each of ``count`` pieces."""
    order = np.argsort(number, kind="stable")
    return np.split(order, np.cumsum(np.bincount(number, minlength=count))[:-1])


def _boxes(corners: FloatArray, rows: list[IntArray]) -> tuple[FloatArray, FloatArray]:
    """Lower and upper ends (B, 3) of the boxes about faces."""
    low = [corners[faces].min(axis=(0, 1)) for faces in rows]
    high = [corners[faces].max(axis=(0, 1)) for faces in rows]
    return np.stack(low), np.stack(high)


def _lines_each(pieces: int) -> int:
    return int(np.clip(MOST_LINES // pieces, *LINES))


def _spread(areas: FloatArray, rows: IntArray, count: int) -> IntArray:
    """At most ``count`` of the faces ``rows``, spread evenly by area."""
    sums = np.cumsum(areas[rows])
    wanted = (np.arange(count) + 0.5) / count * sums[-1]
    return np.unique(rows[np.minimum(np.searchsorted(sums, wanted), len(rows) - 1)])
