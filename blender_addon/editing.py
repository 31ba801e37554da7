# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on a stack of defects: duplicate, mirror, copy to another object, reorder, renumber.

All of it goes through a defect's values, as a recipe holds them, so that each defect keeps paths,
hulls and bumps of its own, and the other defects' labels stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .attribute_io import read_positions
from .modifiers import (
    add_defect,
    defect_kind,
    defect_modifiers,
    defect_supports,
    read_values,
    set_input,
    support_users,
    write_values,
)
from .parts import METRES, part_unit
from .ranges import copy_variation
from .schema import RecipeError, changed, defect_schema, fields
from .supports import SUPPORT_TYPES

Floats = NDArray[np.float64]
Defect = bpy.types.NodesModifier
Values = dict[str, Any]

# A mirror turns the sense of a rotation about this axis.
PSEUDOVECTORS = {"bend": "hinge_axis"}
# How far a matrix of single precision may be from a rotation times a factor.
TOLERANCE = 1e-5


def duplicate(modifier: Defect, *, same_label: bool = False) -> Defect:
    """A copy of a defect, next in the stack, with its own path, hull and bumps.

    Args:
        modifier: a defect.
        same_label: whether it gets the label of the first, not one that no other has.
    """
    obj: Any = modifier.id_data
    values = read_values(modifier)
    label = values["label"] if same_label else free_label(obj)
    copy = add_defect(obj, values["kind"], {**values, "label": label})
    copy_variation(modifier, copy)
    _move_to(obj, copy, _place_of(obj, modifier) + 1)
    return copy


def free_label(obj: bpy.types.Object) -> int:
    """The number after the greatest label of the object's defects."""
    return 1 + max((_label(modifier) for modifier in defect_modifiers(obj)), default=0)


def renumber(obj: bpy.types.Object) -> None:
    """Give the defects the labels 1, 2, … in the order of the stack."""
    for number, modifier in enumerate(defect_modifiers(obj), start=1):
        write_values(modifier, {"label": number})


def move(modifier: Defect, steps: int) -> None:
    """Move a defect down the stack by ``steps`` defects, or up where that is negative.

    Other modifiers in between count for nothing: it comes to stand right beyond the defects.
    """
    obj: Any = modifier.id_data
    stack = defect_modifiers(obj)
    place = stack.index(modifier)
    target = stack[int(np.clip(place + steps, 0, len(stack) - 1))]
    _move_to(obj, modifier, _place_of(obj, target))


def _place_of(obj: Any, modifier: Defect) -> int:
    return int(obj.modifiers.find(modifier.name))


def _move_to(obj: Any, modifier: Defect, place: int) -> None:
    obj.modifiers.move(_place_of(obj, modifier), place)


def _label(modifier: Defect) -> int:
    return int(read_values(modifier)["label"])


def mirror(modifier: Defect, axis: int, *, through: ArrayLike) -> None:
    """Mirror a defect across a plane of the object's local space.

    Of a part that the plane mirrors onto itself, the surface is mirrored exactly where the defect
    has no roughness: that is a function of the place.

    Args:
        modifier: a defect.
        axis: 0, 1 or 2, across which the plane lies.
        through: (3,) a point of the plane.
    """
    flip = np.ones(3)
    flip[axis] = -1.0
    shift = 2.0 * np.asarray(through, dtype=np.float64) * (flip < 0)
    values = _changed(modifier, lambda p: p * flip + shift, lambda v: v * flip, 1.0)
    turned = PSEUDOVECTORS.get(values["kind"])
    if turned is not None:
        values[turned] = (-np.array(values[turned])).tolist()
    write_values(modifier, values)


def middle(obj: bpy.types.Object) -> Floats:
    """The middle (3,) of the box about the object's own mesh, in local space."""
    points = read_positions(obj.data).astype(np.float64)  # type: ignore[arg-type]
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2.0)


def copy_to(modifiers: Sequence[Defect], target: bpy.types.Object, *, in_place: bool) -> None:
    """Append copies of defects to another object's stack; labels stay what they are.

    Args:
        modifiers: of one object.
        target: a mesh object.
        in_place: whether they keep their place in the world; else that in local space, with
            lengths converted to the target's unit.

    Raises:
        RecipeError: they shall keep their place, but one of the objects is stretched or mirrored.
    """
    if not modifiers:
        return
    source: Any = modifiers[0].id_data
    if in_place:
        linear, shift, factor = _between(source, target)
    else:
        factor = METRES[part_unit(source)][1] / METRES[part_unit(target)][1]
        linear, shift = factor * np.eye(3), np.zeros(3)
    for modifier in modifiers:
        values = _changed(modifier, lambda p: p @ linear.T + shift, lambda v: v @ linear.T, factor)
        copy_variation(modifier, add_defect(target, values["kind"], values))


def _between(source: Any, target: Any) -> tuple[Floats, Floats, float]:
    """Rotation and scale (3, 3), shift (3,) and scale from one local space to another's."""
    view_layer: Any = bpy.context.view_layer
    view_layer.update()
    matrix = np.array(target.matrix_world.inverted_safe() @ source.matrix_world, dtype=np.float64)
    linear = matrix[:3, :3]
    factor = float(np.cbrt(np.linalg.det(linear)))
    if factor <= 0 or np.abs(linear.T @ linear / factor**2 - np.eye(3)).max() > TOLERANCE:
        raise RecipeError(
            f"{source.name!r} and {target.name!r} are stretched or mirrored to each other, and a "
            "defect with them; apply their scale (Ctrl+A > Scale), or copy in local space"
        )
    return linear, matrix[:3, 3], factor


def _changed(modifier: Defect, point: Any, vector: Any, factor: float) -> Values:
    """The values of a defect after a motion of space.

    Args:
        modifier: a defect.
        point: where the motion takes points (…, 3).
        vector: what it makes of vectors (…, 3); directions may have any length.
        factor: what it multiplies lengths by.
    """
    values = read_values(modifier)
    changes = {
        "point": lambda value: point(np.array(value)).tolist(),
        "vector": lambda value: vector(np.array(value)).tolist(),
        "direction": lambda value: (vector(np.array(value)) / factor).tolist(),
        "length": lambda value: (np.array(value) * factor).tolist(),
    }
    return dict(changed(values, defect_schema(values["kind"]), changes))


def shares_supports(obj: bpy.types.Object) -> list[Defect]:
    """The object's defects whose path, hull or bumps another defect uses too.

    So it is after an object was duplicated: its modifiers still name the first one's.
    """
    users = support_users()
    return [
        modifier
        for modifier in defect_modifiers(obj)
        if any(users[support] > 1 for support in defect_supports(modifier))
    ]


def make_independent(obj: bpy.types.Object) -> int:
    """Give each of the object's defects a path, hull and bumps of its own.

    Each stays where it is on this object, in local space. Returns how many have changed.
    """
    sharing = shares_supports(obj)
    for modifier in sharing:
        values = read_values(modifier)
        kind = str(defect_kind(modifier))
        for field in fields(kind):
            if field.type in SUPPORT_TYPES:
                set_input(modifier, field.title, None)
        write_values(modifier, values)
    return len(sharing)
