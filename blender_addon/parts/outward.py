# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces of a part turned outward, one connected body after the other, as the backend does it.

The faces of a body are made to agree. Then its outside is found: of a closed body by its volume,
where one that lies within others is a cavity, whose faces look into it; of an open one by lines
through its faces, which cross the surface an even number of times on the outside. Where most lines
do not tell, the winding of most of its area stays, and the body is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import bmesh
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from ..documents.schema import OUTSIDE

# From so many places of a body rays tell whether it is a cavity, and go on so far past each face.
RAYS = 16
STEP = 1e-5
DIRECTIONS = tuple(Vector(direction).normalized() for direction in OUTSIDE["directions"])
# Lines in all for the open bodies; and for one of them at least and at most.
MOST_LINES: int = OUTSIDE["lines"]
FEWEST_EACH, MOST_EACH = OUTSIDE["fewest_lines"], OUTSIDE["most_lines"]
# An outside is told by so many more votes than against it.
TELLING: float = OUTSIDE["telling"]


class Outward(NamedTuple):
    """What was done.

    Attributes:
        faces: how many there are.
        turned: how many of them were wound the other way before.
        doubt: share of the area whose outside is a guess.
    """

    faces: int
    turned: int
    doubt: float


def turn_outward(edit: Any) -> Outward:
    """Turn the triangles of a bmesh outward, in place."""
    edit.normal_update()
    before = _normals(edit)
    bodies = list(_bodies(edit))
    for body in bodies:
        _make_agree(edit, body)
    closed = [all(edge.is_manifold for face in body for edge in face.edges) for body in bodies]
    tree = BVHTree.FromBMesh(edit)
    own = {face.index: number for number, body in enumerate(bodies) for face in body}
    for number, body in enumerate(bodies):
        if closed[number]:
            cavity = len(bodies) > 1 and _is_within(tree, own, number, body)
            if (_volume(body) < 0) != cavity:
                bmesh.ops.reverse_faces(edit, faces=body)
    rest = [body for body, is_closed in zip(bodies, closed, strict=True) if not is_closed]
    doubtful = _turn_open(edit, tree, rest)
    edit.normal_update()
    turned = int((np.einsum("mi,mi->m", before, _normals(edit)) < 0).sum())
    area = sum(face.calc_area() for face in edit.faces)
    return Outward(len(before), turned, doubtful / area if area > 0 else 0.0)


def _normals(edit: Any) -> Any:
    return np.array([face.normal for face in edit.faces], dtype=np.float64).reshape(-1, 3)


def _bodies(edit: Any) -> Iterator[list[Any]]:
    """The faces that hang together over edges of two faces."""
    edit.faces.ensure_lookup_table()
    edit.faces.index_update()
    seen: set[Any] = set()
    for first in edit.faces:
        if first in seen:
            continue
        seen.add(first)
        body = [first]
        for face in body:
            for edge in face.edges:
                near = edge.link_faces if edge.is_manifold else ()
                new = [other for other in near if other not in seen]
                seen.update(new)
                body += new
        yield body


def _agrees(body: list[Any]) -> bool:
    """Whether faces run along each edge of two in opposite directions."""
    return all(e.is_contiguous for face in body for e in face.edges if e.is_manifold)


def _make_agree(edit: Any, body: list[Any]) -> None:
    """Turn the lesser part of a body's area, so that its faces agree."""
    if _agrees(body):
        return
    given = np.array([face.normal for face in body], dtype=np.float64)
    bmesh.ops.recalc_face_normals(edit, faces=body)
    for face in body:
        face.normal_update()
    same = np.einsum("mi,mi->m", given, np.array([face.normal for face in body]))
    if same @ [face.calc_area() for face in body] < 0:
        bmesh.ops.reverse_faces(edit, faces=body)


def _volume(body: list[Any]) -> float:
    """Of a closed body of triangles, positive where they look outward."""
    corners = np.array([[vertex.co for vertex in face.verts] for face in body], dtype=np.float64)
    a, b, c = np.moveaxis(corners - corners.mean(axis=(0, 1)), 1, 0)
    return float(np.einsum("mi,mi->", a, np.cross(b, c)))


def _is_within(tree: Any, own: dict[int, int], number: int, body: list[Any]) -> bool:
    """Whether rays from all of a few places of a body leave an odd number of other bodies."""
    places = [face.calc_center_median() for face in body[:: 1 + len(body) // RAYS]]
    inside = 0
    for place in places:
        met = _met(tree, place, DIRECTIONS[0])
        inside += sum(own[face] != number for face in met) % 2
    return inside == len(places)


def _met(tree: Any, place: Any, direction: Any) -> Iterator[int]:
    """The faces that a ray from a place meets, but for the one on which it begins."""
    place = place + STEP * (1.0 + place.length) * direction
    while (hit := tree.ray_cast(place, direction))[0] is not None:
        yield hit[2]
        place = hit[0] + STEP * (1.0 + hit[0].length) * direction


def _turn_open(edit: Any, tree: Any, bodies: list[list[Any]]) -> float:
    """Turn the bodies with a border outward as far as lines tell; the area of the others."""
    areas = [sum(face.calc_area() for face in body) for body in bodies]
    each = int(np.clip(MOST_LINES // max(len(bodies), 1), FEWEST_EACH, MOST_EACH))
    doubtful = 0.0
    # The largest first, as long as there are lines.
    for place, number in enumerate(np.argsort(-np.array(areas), kind="stable").tolist()):
        body = bodies[number]
        told, hidden = 0.0, 0.0
        if place < MOST_LINES // each and _agrees(body):
            told, hidden = _told(tree, body, each)
        if told < -TELLING:
            bmesh.ops.reverse_faces(edit, faces=body)
        if abs(told) <= TELLING and hidden <= TELLING:
            doubtful += areas[number]
    return doubtful


def _told(tree: Any, body: list[Any], count: int) -> tuple[float, float]:
    """What lines through ``count`` faces of a body tell, spread evenly by area.

    Returns:
        The share of lines that say that it looks outward, less that of those that say inward; and
        the share that finds material on both sides, as where two bodies touch.
    """
    sums = np.cumsum([face.calc_area() for face in body])
    wanted = (np.arange(count) + 0.5) / count * sums[-1]
    chosen = np.unique(np.minimum(np.searchsorted(sums, wanted), len(body) - 1))
    ahead, behind = np.empty(len(chosen)), np.empty(len(chosen))
    for line, number in enumerate(chosen.tolist()):
        face = body[number]
        direction = DIRECTIONS[line % len(DIRECTIONS)]
        if face.normal.dot(direction) < 0:
            direction = -direction
        middle = face.calc_center_median()
        ahead[line] = sum(1 for _ in _met(tree, middle, direction)) % 2
        behind[line] = sum(1 for _ in _met(tree, middle, -direction)) % 2
    return float((behind - ahead).mean()), float((behind * ahead).mean())
