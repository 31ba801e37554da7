# SPDX-License-Identifier: GPL-3.0-or-later
"""What the schema's models demand beyond what JSON Schema can say, as their validators do.

A rule looks at a model's document, whose fields are each as the schema says, and yields what is
wrong: the steps to the field, what is there, and what it must be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Fields = dict[str, Any]
Broken = Iterator[tuple[tuple[str | int, ...], Any, str]]

# Squares: of the length of a direction, and of the sine between directions that must differ.
LEAST_DIRECTION = 1e-24
LEAST_ANGLE = 1e-6
# A hull is flat where it is thinner than this part of its extent.
FLAT = 1e-6


def nothing_else(value: Fields) -> Broken:
    """The rule of a model that JSON Schema says all about."""
    yield from ()


def has_length(direction: Sequence[float]) -> bool:
    """Whether a vector says which way."""
    return sum(component * component for component in direction) >= LEAST_DIRECTION


def ends(value: Any) -> tuple[Any, ...]:
    """The extreme values that a field of a template may take."""
    if isinstance(value, dict) and "choices" in value:
        return tuple(value["choices"])
    if isinstance(value, dict) and "min" in value:
        both = (value["min"], value["max"])
        return (*both, *(-end for end in both)) if value.get("random_sign") else both
    return () if value is None or value == "auto" else (value,)


def is_flat(points: Any) -> bool:
    """Whether ``points`` (P, 3) span no volume."""
    points = np.asarray(points, dtype=np.float64)
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return len(spread) < 3 or not spread[2] > FLAT * spread[0]


def _path(path: Fields) -> Broken:
    points, normals = path["points"], path.get("normals")
    if normals is not None and len(normals) != len(points):
        yield (
            ("normals",),
            f"{len(normals)} normals",
            f"must be one for each of {len(points)} points",
        )
    if len(set(map(tuple, points))) < 2:
        yield ("points",), points[0], "must have at least two different places"


def _box(region: Fields) -> Broken:
    if any(low > high for low, high in zip(region["min"], region["max"], strict=True)):
        yield ("min",), region["min"], f"must not exceed max, {region['max']}"


def _view_box(location: Fields) -> Broken:
    left, top, right, bottom = location["box"]
    if left >= right or top >= bottom:
        yield ("box",), location["box"], "must be left, top, right and bottom, in this order"


def _range(drawn: Fields) -> Broken:
    if drawn["min"] > drawn["max"]:
        yield ("min",), drawn["min"], f"must be at most max, {drawn['max']}"
    if drawn.get("distribution") == "log_uniform" and drawn["min"] <= 0:
        yield ("min",), drawn["min"], "must be greater than 0 for log_uniform"


def _bend(bend: Fields) -> Broken:
    axis, side = np.array(bend["hinge_axis"], float), np.array(bend["side"], float)
    across = np.cross(axis, side)
    if (across @ across) / ((axis @ axis) * (side @ side)) < LEAST_ANGLE:
        yield ("side",), bend["side"], f"must point away from the hinge axis {bend['hinge_axis']}"


def _off(name: str, normal_of: str) -> Callable[[Fields], Broken]:
    """The rule that a field is not parallel to the field ``normal``."""

    def rule(defect: Fields) -> Broken:
        one, normal = np.array(defect[name], float), np.array(defect["normal"], float)
        if (one @ normal) ** 2 > (1.0 - LEAST_ANGLE) * (one @ one) * (normal @ normal):
            yield (name,), defect[name], f"must not be parallel to {normal_of} {defect['normal']}"

    return rule


def _hull(points: str) -> Callable[[Fields], Broken]:
    def rule(owner: Fields) -> Broken:
        if is_flat(owner[points]):
            yield (points,), owner[points], "must span a volume: not all points in one plane"

    return rule


def _repeat(repeat: Fields) -> Broken:
    fewest = min(ends(repeat["count"]))
    if fewest < 1:
        yield ("count",), fewest, "must be at least 1"


def _regions(template: Fields) -> Broken:
    known = template.get("regions", {})
    for index, defect in enumerate(template["defects"]):
        named = defect.get("location", {}).get("region")
        if named is not None and named not in known:
            there = ", ".join(sorted(known)) or "none"
            steps = ("defects", index, "location", "region")
            yield steps, named, f"must be one of the template's regions: {there}"


def _more_than_nothing(*names: str) -> Callable[[Fields], Broken]:
    """The rule that lengths which a place is filled by are greater than 0."""

    def rule(template: Fields) -> Broken:
        for name in names:
            least = min(ends(template.get(name, 1.0)))
            if least <= 0:
                yield (name,), least, "must be greater than 0"

    return rule


# By the name of the model.
RULES: dict[str, Callable[[Fields], Broken]] = {
    "SurfacePath": _path,
    "BoxRegion": _box,
    "ViewBoxLocation": _view_box,
    "Range": _range,
    "Repeat": _repeat,
    "RecipeTemplate": _regions,
    "BendSpec": _bend,
    "CrackSpec": _off("direction", "the crack's normal"),
    "DepositSpec": _off("heading", "the surface's normal"),
    # Replaying refuses these, though the models do not.
    "FreeformSpec": _hull("hull"),
    "HullLocation": _hull("points"),
    # Drawing from these fails.
    "ScratchTemplate": _more_than_nothing("length"),
    "FreeformTemplate": _more_than_nothing("size", "sigma_ratio"),
}
