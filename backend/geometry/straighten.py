"""The shortest path through a strip of triangles: unfolded into the plane and pulled straight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray, IntArray

ComplexArray = NDArray[np.complex128]


def straighten(
    points: FloatArray, portals: IntArray, start: FloatArray, end: FloatArray
) -> FloatArray:
    """Shortest polyline (K + 2, 3) from ``start`` to ``end`` (3,) through a strip of triangles.

    The funnel of Lee and Preparata, "Euclidean shortest paths in the presence of rectilinear
    barriers" (1984), on the strip laid flat; exact but for rounding.

    Args:
        points: (N, 3) vertices.
        portals: (K, 2) the edges that the path crosses, in order. Edges that follow each other
            share one vertex, and with the other one of the second they span the triangle between.
        start: in the triangle before the first edge.
        end: in the triangle behind the last edge.
    """
    left, right = _sides(portals)
    flat_left, flat_right, flat_start, flat_end = _unfold(points, left, right, start, end)
    corners, at = _funnel(flat_left, flat_right, flat_start, flat_end)
    fraction = _crossings(flat_left, flat_right, corners, at)[:, None]
    crossing = (1.0 - fraction) * points[left] + fraction * points[right]
    return np.concatenate([start[None], crossing, end[None]])


def _sides(portals: IntArray) -> tuple[IntArray, IntArray]:
    """The left and the right vertex (K,) of each portal, seen along the way."""
    left, right = [int(portals[0, 0])], [int(portals[0, 1])]
    for first, second in portals[1:].tolist():
        stays = left[-1] in (first, second)
        kept = left[-1] if stays else right[-1]
        new = second if first == kept else first
        left.append(kept if stays else new)
        right.append(new if stays else kept)
    return np.array(left), np.array(right)


def _unfold(
    points: FloatArray, left: IntArray, right: IntArray, start: FloatArray, end: FloatArray
) -> tuple[ComplexArray, ComplexArray, complex, complex]:
    """The portals' ends (K,) in the plane, as complex numbers, and the start and the end."""
    new = np.where(left[1:] == left[:-1], right[1:], left[1:])
    ahead = _in_frame(points[left], points[right], np.concatenate([points[new], end[None]]))
    length = float(np.linalg.norm(points[right[0]] - points[left[0]]))
    behind = _in_frame(points[left[:1]], points[right[:1]], start[None])[0].conjugate()
    flat_left, flat_right = [0j], [complex(length)]
    turned = (left[1:] != left[:-1]).tolist()
    for place, moves_left in zip(ahead[:-1].tolist(), turned, strict=True):
        flat = _placed(flat_left[-1], flat_right[-1], place)
        flat_left.append(flat if moves_left else flat_left[-1])
        flat_right.append(flat_right[-1] if moves_left else flat)
    flat_end = _placed(flat_left[-1], flat_right[-1], complex(ahead[-1]))
    return np.array(flat_left), np.array(flat_right), complex(behind), flat_end


def _in_frame(left: FloatArray, right: FloatArray, places: FloatArray) -> ComplexArray:
    """``places`` (K, 3) by their foot on the edge from left to right, and their height over it."""
    along = right - left
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    offset = places - left
    foot = np.einsum("ki,ki->k", offset, along)
    height = np.linalg.norm(offset - foot[:, None] * along, axis=1)
    return foot + 1j * height


def _placed(left: complex, right: complex, place: complex) -> complex:
    direction = right - left
    return left + place * direction / abs(direction)


def _cross(a: complex, b: complex) -> float:
    return a.real * b.imag - a.imag * b.real


def _funnel(
    left: ComplexArray, right: ComplexArray, start: complex, end: complex
) -> tuple[ComplexArray, IntArray]:
    """Corners (C,) of the shortest path in the plane, and the portal (C,) that each lies on.

    The start counts as portal -1, the end as portal K.
    """
    sides = ([*left.tolist(), end], [*right.tolist(), end])
    corners, at = [start], [-1]
    # For the left side 0 and the right side 1: the funnel's side, and the portal it touches.
    apex, side, touches = start, [sides[0][0], sides[1][0]], [0, 0]
    index = 1
    while index < len(sides[0]):
        corner = _narrow(apex, side, touches, sides, index)
        if corner is None:
            index += 1
            continue
        apex = side[corner]
        corners.append(apex)
        at.append(touches[corner])
        index = touches[corner] + 1
        if index < len(sides[0]):
            side[:] = sides[0][index], sides[1][index]
            touches[:] = index, index
            index += 1
    return np.array([*corners, end]), np.array([*at, len(left)])


def _narrow(
    apex: complex,
    side: list[complex],
    touches: list[int],
    sides: tuple[list[complex], list[complex]],
    index: int,
) -> int | None:
    """Take in portal ``index``; the side (0, 1) that the path has to bend about, or None."""
    for this, sign in ((1, 1.0), (0, -1.0)):
        place, other = sides[this][index] - apex, side[1 - this] - apex
        if sign * _cross(side[this] - apex, place) < 0.0:
            continue
        if side[this] != apex and sign * _cross(other, place) > 0.0:
            return 1 - this
        side[this], touches[this] = sides[this][index], index
    return None


def _crossings(
    left: ComplexArray, right: ComplexArray, corners: ComplexArray, at: IntArray
) -> FloatArray:
    """Fraction (K,) from left to right at which the path crosses each portal."""
    leg = np.clip(np.searchsorted(at, np.arange(len(left)), side="left"), 1, len(at) - 1)
    origin, direction = corners[leg - 1], corners[leg] - corners[leg - 1]
    along = right - left
    sine = (direction.conjugate() * along).imag
    offset = (direction.conjugate() * (origin - left)).imag
    parallel = np.abs(sine) <= 1e-14 * np.abs(direction) * np.abs(along)
    # On an edge that the path runs along, the place nearest to where this leg begins.
    foot = (along.conjugate() * (origin - left)).real / np.abs(along) ** 2
    fraction = np.where(parallel, foot, offset / np.where(parallel, 1.0, sine))
    return np.clip(fraction, 0.0, 1.0)
