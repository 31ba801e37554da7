# SPDX-License-Identifier: GPL-3.0-or-later
"""What was drawn by hand over a surface, as values of a new defect.

All arrays are in the object's local space, float64. A drawn size scales all that belongs to it: a
dent of half the suggested radius is half as deep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..documents.errors import AddonError
from ..documents.schema import CONSTANTS
from ..placing.places import (
    BUMP_AMPLITUDE,
    BUMP_SIGMA,
    HULL_RADIUS,
    hinge_values,
    place_at,
    placed_values,
    section_at,
    suggested_lengths,
    unit,
)
from ..placing.surface_paths import Surface, resampled

Floats = NDArray[np.float64]
Values = dict[str, Any]

# Corners of a lasso's hull on each side of the surface; they decide a freeform defect's time.
LASSO_CORNERS = 12
# Places at which it is looked how far the surface bulges out of the line, or sinks in.
BULGE_PLACES = 60
# Bumps keep away from the line: how far from its middle they may lie, as a ratio of the way.
BUMP_REACH = 0.75
# The smallest amplitude of a bump, as a ratio of the largest.
LEAST_BUMP = 0.4
# Places that are drawn for each bump; the one that is farthest from the other bumps is taken.
BUMP_CANDIDATES = 8
# Sine of the angle below which a hinge is drawn along the line of sight.
ALONG_SIGHT = 1e-3


def suggested_ratio(kind: str, name: str) -> float:
    """What the schema suggests for a length, as a ratio of the part's size."""
    return suggested_lengths(kind, 1.0)[name]


def point_values(
    kind: str, surface: Surface, position: Floats, normal: Floats, radius: float
) -> Values:
    """A dent, hole or deposit of a ``radius`` at a ``position`` (3,) with a ``normal`` (3,)."""
    place = place_at(surface, position, normal, radius / suggested_ratio(kind, "radius"))
    return {**placed_values(kind, surface, place), "radius": radius}


def crack_values(surface: Surface, start: ArrayLike, end: ArrayLike) -> Values:
    """A crack whose mouth runs from ``start`` (3,) to ``end`` (3,), straight into the material.

    Raises:
        AddonError: start and end coincide.
    """
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    length = float(np.linalg.norm(last - first))
    if length == 0.0:
        raise AddonError(f"the crack's mouth begins and ends at {first.tolist()}; draw it longer")
    along = (last - first) / length
    origin, _ = surface.nearest(0.5 * (first + last))
    normals = [surface.normal_near(place) for place in (first, origin, last)]
    outward = np.mean(normals, axis=0)
    outward = outward - (outward @ along) * along
    if np.linalg.norm(outward) < ALONG_SIGHT:
        raise AddonError(
            "the crack's mouth runs along the normal of the surface; draw it across the surface"
        )
    direction = -unit(outward)
    size = length / suggested_ratio("crack", "length")
    return {
        **suggested_lengths("crack", size),
        "origin": origin.tolist(),
        "normal": np.cross(direction, along).tolist(),
        "direction": direction.tolist(),
        "length": length,
    }


def bend_values(
    surface: Surface, start: ArrayLike, end: ArrayLike, sight: ArrayLike, band: float
) -> Values:
    """A bend about the line from ``start`` (3,) to ``end`` (3,), seen along ``sight`` (3,).

    The hinge lies at the middle of the part's section by the plane through line and sight. The
    lighter side turns, towards the eye.

    Raises:
        AddonError: the line has no length in the view, or the plane misses the part.
    """
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    look = np.asarray(sight, dtype=np.float64)
    across = np.cross(last - first, look)
    size = np.linalg.norm(last - first) * np.linalg.norm(look)
    if np.linalg.norm(across) <= ALONG_SIGHT * size:
        raise AddonError(f"the hinge begins and ends at {first.tolist()}; draw it longer")
    side = unit(across)
    section = section_at(surface, first, side, band)
    ahead = ((surface.points - first) @ side > 0.0).mean()
    side = side if ahead <= 0.5 else -side
    axis = unit(last - first)
    axis = axis if np.cross(axis, side) @ look < 0.0 else -axis
    return {**hinge_values(section, axis, side, band), "band": band}


def flipped(bend: Values) -> Values:
    """The bend with its other side turning, towards where the first one would have."""
    return {**bend, **{name: (-np.array(bend[name])).tolist() for name in ("hinge_axis", "side")}}


def lasso_values(surface: Surface, line: ArrayLike, count: int, rng: np.random.Generator) -> Values:
    """A freeform defect within a closed ``line`` (L, 3) drawn over the surface.

    The hull is a prism on both sides of the surface; ``count`` bumps are drawn within it.

    Raises:
        AddonError: the line encloses nothing.
    """
    corners = _corners(line)
    middle, normal, area = _flat(corners)
    near = [surface.normal_near(corner) for corner in (middle, *corners)]
    normal = normal if normal @ np.mean(near, axis=0) >= 0.0 else -normal
    radius = float(np.sqrt(area / np.pi))
    inside = surface.onto(_drawn_within(corners, middle, 1.0, BULGE_PLACES, rng))
    centers = _apart(surface, corners, middle, count, rng)
    return {
        **suggested_lengths("freeform", radius / HULL_RADIUS),
        "hull": _prism(corners, middle, normal, inside).tolist(),
        "bumps": _bumps(centers, radius, rng),
        "normal": normal.tolist(),
    }


def largest_amplitude(freeform: Values) -> float:
    """Amplitude of the largest bump, 0 without bumps."""
    return max((abs(bump["amplitude"]) for bump in freeform["bumps"]), default=0.0)


def with_amplitude(freeform: Values, amplitude: float) -> Values:
    """The freeform defect with its largest bump scaled to ``amplitude``."""
    largest = largest_amplitude(freeform)
    return {
        **freeform,
        "bumps": [
            {**bump, "amplitude": bump["amplitude"] / largest * amplitude}
            for bump in freeform["bumps"]
        ],
    }


def _corners(line: ArrayLike) -> Floats:
    """Corners (LASSO_CORNERS, 3) evenly along a closed line."""
    drawn = np.asarray(line, dtype=np.float64).reshape(-1, 3)
    if len(drawn) < 3:
        raise AddonError(f"a lasso through {drawn.tolist()} encloses nothing; draw a closed line")
    return resampled(np.concatenate([drawn, drawn[:1]]), LASSO_CORNERS + 1)[:-1]


def _flat(corners: Floats) -> tuple[Floats, Floats, float]:
    """Middle (3,), unit normal (3,) and area within the closed line of ``corners`` (C, 3).

    The area vector is Newell's: the same whatever plane the corners are off.
    """
    middle = corners.mean(axis=0)
    arms = corners - middle
    vector = 0.5 * np.cross(arms, np.roll(arms, -1, axis=0)).sum(axis=0)
    area = float(np.linalg.norm(vector))
    if area <= 1e-9 * np.square(np.ptp(corners, axis=0)).sum():
        raise AddonError(
            f"the lasso through {corners[:3].tolist()}… encloses nothing; draw a closed line"
        )
    return middle, vector / area, area


def _prism(corners: Floats, middle: Floats, normal: Floats, inside: Floats) -> Floats:
    """Corners (2 C, 3) of a prism over the line that holds the surface's points ``inside``."""
    extent = float(np.linalg.norm(np.ptp(corners, axis=0)))
    heights = (np.concatenate([corners, inside]) - middle) @ normal
    flat = corners - np.outer((corners - middle) @ normal, normal)
    reach = CONSTANTS["lasso_thickness"] * extent
    low, high = (heights.min() - reach) * normal, (heights.max() + reach) * normal
    return np.concatenate([flat + low, flat + high])


def _bumps(centers: Floats, radius: float, rng: np.random.Generator) -> list[Values]:
    """Bumps at ``centers`` (B, 3) for a line of a ``radius``; the first one is the largest."""
    largest = BUMP_AMPLITUDE / HULL_RADIUS * radius
    shares = rng.uniform(LEAST_BUMP, 1.0, len(centers)) * rng.choice([-1.0, 1.0], len(centers))
    shares[:1] = 1.0
    return [
        {"center": center.tolist(), "amplitude": share * largest, "sigma": BUMP_SIGMA * radius}
        for center, share in zip(centers, shares.tolist(), strict=True)
    ]


def _apart(
    surface: Surface, corners: Floats, middle: Floats, count: int, rng: np.random.Generator
) -> Floats:
    """Places (count, 3) on the surface within the line, well apart.

    Each is the best of several candidates: D. P. Mitchell, "Spectrally optimal sampling for
    distribution ray tracing", 1991.
    """
    chosen = np.empty((0, 3))
    for _ in range(count):
        offered = surface.onto(_drawn_within(corners, middle, BUMP_REACH, BUMP_CANDIDATES, rng))
        away = np.linalg.norm(offered[:, None] - chosen[None], axis=2).min(axis=1, initial=np.inf)
        chosen = np.concatenate([chosen, offered[[np.argmax(away)]]])
    return chosen


def _drawn_within(
    corners: Floats, middle: Floats, reach: float, count: int, rng: np.random.Generator
) -> Floats:
    """Places (count, 3) drawn evenly by area on the triangles from ``middle`` to the line.

    A place keeps ``reach`` of its way from the middle.
    """
    arms = corners - middle
    following = np.roll(arms, -1, axis=0)
    areas = np.linalg.norm(np.cross(arms, following), axis=1)
    chosen = rng.choice(len(arms), size=count, p=areas / areas.sum())
    # Evenly in a triangle: Turk, "Generating random points in triangles", Graphics Gems, 1990.
    out = np.sqrt(rng.uniform(size=(count, 1))) * reach
    aside = rng.uniform(size=(count, 1))
    return np.asarray(middle + out * ((1.0 - aside) * arms[chosen] + aside * following[chosen]))
