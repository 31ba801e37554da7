# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mask overlay shows of a part: its anomalous triangles, their colours, and their names.

Arrays only; ``drawing.py`` puts them on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.attributes import (
    LABEL,
    MASK,
    WEIGHT,
    read_attribute,
    read_corners,
    read_items,
    read_positions,
)
from ..stack.labels import joined_names
from ..stack.modifiers import read_value, shown_defects

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

# Colours of a weight of 0 and of 1.
WEAK, STRONG = (1.0, 0.75, 0.1), (0.9, 0.05, 0.02)
# Each label's hue is this part of the circle after the one before: the golden ratio keeps any few
# that follow each other far apart. The first one is blue.
HUE_STEP, FIRST_HUE = 0.618034, 0.56
# Every other label is lighter.
SATURATIONS, VALUES = (0.85, 0.6), (0.85, 1.0)
# Corners of a triangle that must be anomalous for all of it to be shown so.
MOST_CORNERS = 2


@dataclass(frozen=True, eq=False)
class Tint:
    """The anomalous triangles of a part, in its local space.

    Attributes:
        points: (V, 3) corners of the triangles.
        triangles: (T, 3), numbers of points.
        weight: (V,) in [0, 1].
        labels: (V,) of the defects; at a nominal corner, that of its anomalous neighbour.
    """

    points: Floats
    triangles: Integers
    weight: Floats
    labels: Integers


def tint_of(obj: bpy.types.Object, depsgraph: Any) -> Tint | None:
    """What is to be tinted of a mesh object as it is evaluated; None if nothing is."""
    mesh: Any = obj.evaluated_get(depsgraph).data
    if MASK not in mesh.attributes:
        return None
    mask = read_attribute(mesh, MASK)
    triangles = _anomalous(_triangles(mesh), mask)
    if not len(triangles):
        return None
    used = np.zeros(len(mask), dtype=bool)
    used[triangles] = True
    renamed = np.cumsum(used, dtype=np.int32) - 1
    weight = np.clip(read_attribute(mesh, WEIGHT)[used], 0.0, 1.0)
    labels = _spread_labels(read_attribute(mesh, LABEL), mask, triangles)
    return Tint(read_positions(mesh)[used], renamed[triangles], weight, labels[used])


def _triangles(mesh: Any) -> Integers:
    """The faces (M, 3) as triangles, of which most meshes with defects consist already."""
    if len(mesh.loops) == 3 * len(mesh.polygons):
        return read_corners(mesh).reshape(-1, 3)
    mesh.calc_loop_triangles()
    return read_items(mesh.loop_triangles, "vertices", 3, np.int32)


def _anomalous(triangles: Integers, mask: NDArray[np.bool_]) -> Integers:
    """The triangles of which enough corners are anomalous."""
    count = sum(mask[triangles[:, corner]].astype(np.int8) for corner in range(3))
    return triangles[count >= MOST_CORNERS]


def _spread_labels(labels: Integers, mask: NDArray[np.bool_], triangles: Integers) -> Integers:
    """The labels (N,) with those of nominal corners taken from an anomalous one beside them."""
    nominal = ~mask[triangles]
    spread = labels.copy()
    spread[triangles[nominal]] = np.repeat(
        labels[triangles].max(axis=1), np.count_nonzero(nominal, axis=1)
    )
    return spread


def colours(tint: Tint, by: str, opacity: float) -> Floats:
    """Red, green, blue and alpha (V, 4) of a tint, ``by`` ``"WEIGHT"`` or ``"LABEL"``."""
    if by == "LABEL":
        chosen = label_colours(tint.labels)
    else:
        share = tint.weight[:, None]
        chosen = share * np.array(STRONG, np.float32) + (1 - share) * np.array(WEAK, np.float32)
    alpha = np.full((len(chosen), 1), opacity, dtype=np.float32)
    return np.concatenate([chosen, alpha], axis=1)


def label_colours(labels: ArrayLike) -> Floats:
    """Red, green and blue (L, 3) of labels (L,): always the same, unlike those of its neighbours.

    From hue, saturation and value as A. R. Smith, "Color gamut transform pairs", 1978.
    """
    numbers = np.asarray(labels) - 1
    hue = (FIRST_HUE + numbers * HUE_STEP) % 1.0
    away = np.abs((hue[:, None] + (0.0, 2 / 3, 1 / 3)) % 1.0 * 6.0 - 3.0)
    saturation, value = (np.take(pair, numbers % 2)[:, None] for pair in (SATURATIONS, VALUES))
    pure = np.clip(away - 1.0, 0.0, 1.0)
    return np.asarray(value * (1.0 + saturation * (pure - 1.0)), dtype=np.float32)


def legend_of(parts: Iterable[bpy.types.Object]) -> dict[int, str]:
    """Names of the parts' defects that are shown, by label, in the order of the labels."""
    names: dict[int, dict[str, None]] = {}
    for part in parts:
        for modifier in shown_defects(part):
            names.setdefault(read_value(modifier, "label"), {})[modifier.name] = None
    return {label: joined_names(list(names[label])) for label in sorted(names)}
