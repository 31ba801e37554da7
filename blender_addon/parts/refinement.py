# SPDX-License-Identifier: GPL-3.0-or-later
"""Split the long edges of a triangle mesh, so that a defect has vertices to move."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def refine(
    points: Floats, faces: Integers, longest: Callable[[Floats], Floats], max_points: int
) -> tuple[Floats, Integers]:
    """Halve edges until none is longer than allowed; the surface stays what it is.

    Args:
        points: (N, 3); they stay the first points of the result.
        faces: (M, 3) triangles; neighbours share points.
        longest: gives the lengths (E,) that edges with their middles at (E, 3) may have.
        max_points: no edge is split beyond this number of points; the longest are split first.

    Returns:
        Points (N', 3) and faces (M', 3) that wind as before.
    """
    while True:
        edges, of_face = _edges(faces)
        start, end = points[edges[:, 0]], points[edges[:, 1]]
        middles = (start + end) / 2.0
        ratios = np.linalg.norm(start - end, axis=1) / longest(middles)
        long = np.flatnonzero(ratios > 1.0)
        room = max_points - len(points)
        if len(long) == 0 or room <= 0:
            return points, faces
        chosen = long[np.argsort(-ratios[long], kind="stable")[:room]]
        middle = np.full(len(edges), -1)
        middle[chosen] = len(points) + np.arange(len(chosen))
        points = np.concatenate([points, middles[chosen]])
        faces = _split(points, faces, middle[of_face])


def _edges(faces: Integers) -> tuple[Integers, Integers]:
    """Unique edges (E, 2), and for each face (M, 3) its edges ab, bc, ca among them."""
    here, there = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    low, high = np.minimum(here, there), np.maximum(here, there)
    # As one number each, pairs are sorted several times faster.
    base = int(faces.max()) + 1
    keys, inverse = np.unique(low * base + high, return_inverse=True)
    return np.stack(np.divmod(keys, base), axis=1), inverse.reshape(-1, 3)


def _split(points: Floats, faces: Integers, middle: Integers) -> Integers:
    """The faces, each cut up by the middles (M, 3) of its edges ab, bc, ca; -1 where not split."""
    count = (middle >= 0).sum(axis=1)
    return np.concatenate(
        [
            faces[count == 0],
            _in_two(faces[count == 1], middle[count == 1]),
            _in_three(points, faces[count == 2], middle[count == 2]),
            _in_four(faces[count == 3], middle[count == 3]),
        ]
    )


def _rolled(array: Integers, first: Integers) -> tuple[Integers, Integers, Integers]:
    """Columns of ``array`` (M, 3), each row turned so that it starts with its column ``first``."""
    turned = np.take_along_axis(array, (first[:, None] + np.arange(3)) % 3, axis=1)
    return turned[:, 0], turned[:, 1], turned[:, 2]


def _in_two(faces: Integers, middle: Integers) -> Integers:
    """One edge is split: from its middle to the corner across."""
    first = np.argmax(middle >= 0, axis=1)
    a, b, c = _rolled(faces, first)
    ab, _, _ = _rolled(middle, first)
    return _triangles((a, ab, c), (ab, b, c))


def _in_three(points: Floats, faces: Integers, middle: Integers) -> Integers:
    """Two edges are split: a corner, and a quadrilateral cut along its shorter diagonal."""
    first = (np.argmax(middle < 0, axis=1) + 1) % 3
    a, b, c = _rolled(faces, first)
    ab, bc, _ = _rolled(middle, first)
    from_a = np.linalg.norm(points[a] - points[bc], axis=1)
    from_c = np.linalg.norm(points[c] - points[ab], axis=1)
    short = from_a < from_c
    return np.concatenate(
        [
            _triangles((ab, b, bc)),
            _triangles((a, ab, bc), (a, bc, c))[np.tile(short, 2)],
            _triangles((a, ab, c), (ab, bc, c))[np.tile(~short, 2)],
        ]
    )


def _in_four(faces: Integers, middle: Integers) -> Integers:
    (a, b, c), (ab, bc, ca) = faces.T, middle.T
    return _triangles((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))


def _triangles(*corners: tuple[Integers, Integers, Integers]) -> Integers:
    return np.concatenate([np.stack(corner, axis=1) for corner in corners])
