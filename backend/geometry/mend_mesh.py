"""The surface that a mesh stands for: no face twice, none without area, all turned outward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.geometry.outward_faces import OutwardFaces, outward_faces
from backend.geometry.places import places_of
from backend.wording import were

# A face is a line if its height is below this part of its longest side.
THIN = 1e-9
# Doubt about less of the area than this is not worth a word.
WORTH_TELLING = 0.01


class MendedMesh(NamedTuple):
    """What became of the faces of a mesh.

    Attributes:
        faces: (M, 3) of the same vertices; the very array that was given where all were right.
        doubt: share of the area whose outside is a guess.
        notices: whole sentences about what was changed or is in doubt.
    """

    faces: IntArray
    doubt: float
    notices: tuple[str, ...]


def mend_mesh(points: FloatArray, faces: IntArray) -> MendedMesh:
    """``faces`` (M, 3) of ``points`` (N, 3) without those that are no surface, turned outward.

    Left out are faces that repeat another one, the second of two faces back to back where all of a
    connected surface is doubled so, and faces without area that reach to vertices which no other
    face has.

    >>> points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    >>> inside_out = faces[:, ::-1]
    >>> mend_mesh(points, inside_out).notices
    ('4 of 4 faces were wound the wrong way and turned, so that the surface faces outward.',)
    """
    places = places_of(points)
    kept = _with_surface(points, faces)
    if not kept.any():
        return MendedMesh(faces, 1.0, (f"none of the {len(faces)} faces has an area",))
    kept[kept] = _single(places, faces[kept])
    result = outward_faces(points, faces[kept], places)
    doubt = float(result.areas[result.doubtful].sum() / result.areas.sum())
    sound = bool(kept.all()) and not result.turned.any()
    notices = _notices(int((~kept).sum()), result, doubt)
    return MendedMesh(faces if sound else result.faces, doubt, tuple(notices))


def _with_surface(points: FloatArray, faces: IntArray) -> BoolArray:
    """Faces (M,) whose corners all belong to some face that has an area."""
    corners = points[faces]
    sides = np.roll(corners, -1, axis=1) - corners
    longest = np.linalg.norm(sides, axis=2).max(axis=1)
    double = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    used = np.zeros(len(points), dtype=bool)
    used[faces[double > THIN * longest**2]] = True
    return np.asarray(used[faces].all(axis=1))


def _single(places: IntArray, faces: IntArray) -> BoolArray:
    """Faces (M,) that are not there already, between the same ``places`` (N,)."""
    corners = places[faces]
    ordered = np.sort(corners, axis=1)
    order = np.lexsort(ordered.T)
    same = np.concatenate([[False], (np.diff(ordered[order], axis=0) == 0).all(axis=1)])
    single = np.ones(len(faces), dtype=bool)
    if not same.any():
        return single
    group = np.cumsum(~same) - 1
    # Whether the corners come in their order, or the other way round.
    lowest = np.argmin(corners, axis=1)
    rows = np.arange(len(faces))
    even = (corners[rows, (lowest + 1) % 3] < corners[rows, (lowest + 2) % 3])[order]
    for way in (even, ~even):
        members = np.flatnonzero(way)
        again = np.diff(group[members], prepend=-1) == 0
        single[order[members[again]]] = False
    # What is left in a group of two are faces back to back.
    count = np.bincount(group[single[order]], minlength=int(group[-1]) + 1)
    doubled = np.empty(len(faces), dtype=bool)
    doubled[order] = count[group] == 2
    whole = ~np.isin(_surface_of(places, faces), _surface_of(places, faces)[~doubled])
    second = np.zeros(len(faces), dtype=bool)
    second[order] = same
    return single & ~(whole & doubled & second)


def _surface_of(places: IntArray, faces: IntArray) -> IntArray:
    """A number (M,) of what hangs together with each face at any place."""
    corners = places[faces]
    count = int(places.max()) + 1
    rows, columns = corners[:, :2].ravel(), np.repeat(corners[:, 2], 2)
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1][corners[:, 0]])


def _notices(dropped: int, result: OutwardFaces, doubt: float) -> Iterator[str]:
    total = dropped + len(result.faces)
    if dropped:
        yield f"{were(dropped, total, 'faces')} left out: no area, or a repeated face."
    if result.turned.any():
        cavity = ""
        if (result.turned & result.cavity).any():
            cavity = "; a body that lies within another one counts as a cavity"
        yield (
            f"{were(int(result.turned.sum()), total, 'faces')} wound the wrong way and turned, so "
            f"that the surface faces outward{cavity}."
        )
    if doubt > WORTH_TELLING:
        yield (
            f"{doubt:.0%} of the surface is open or one-sided, so that its outside is not known "
            "for sure; it is taken from how most of its faces are wound. Close the model, or check "
            "that defects go the right way."
        )
