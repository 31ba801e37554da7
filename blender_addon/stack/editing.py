# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on a stack of defects: duplicate, mirror, copy to another object, reorder, renumber.

All of it goes through a defect's values, as a recipe holds them, so that each defect keeps paths,
hulls and bumps of its own, and the other defects' labels stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.attributes import surface_positions
from ..documents.errors import AddonError
from ..documents.schema import MM_PER_UNIT, changed, defect_schema, fields
from ..nodes.inputs import get_input
from ..parts.frame import part_unit
from ..placing.supports import SUPPORT_TYPES, read_support
from .modifiers import (
    add_defect,
    defect_kind,
    defect_modifiers,
    defect_supports,
    free_label,
    read_values,
    support_users,
    write_values,
)
from .ranges import copy_variation

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
    copy = _append_copy(modifier, obj, {**values, "label": label})
    _move_to(obj, copy, _place_of(obj, modifier) + 1)
    return copy


def _append_copy(modifier: Defect, target: bpy.types.Object, values: Values) -> Defect:
    """A defect with ``values`` at the end of a stack, shown and varied as ``modifier`` is."""
    copy = add_defect(target, values["kind"], values)
    copy.show_viewport, copy.show_render = modifier.show_viewport, modifier.show_render
    copy_variation(modifier, copy)
    return copy


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


def mirror(modifier: Defect, axis: int, *, through: ArrayLike) -> None:
    """Mirror a defect across a plane of the object's local space.

    On the mirror image of the part it makes the mirror image of what it made. Only roughness, which
    is a function of the place, takes another course there, of the same kind.

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


def require_readable(modifiers: Sequence[Defect]) -> None:
    """Refuse defects that lack the object of their path or hull; raises as ``read_values`` does."""
    for modifier in modifiers:
        read_values(modifier)


def middle(obj: bpy.types.Object) -> Floats:
    """The middle (3,) of the box about the object's own mesh, in local space."""
    points = surface_positions(obj.data)
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2.0)


def copy_to(
    modifiers: Sequence[Defect], targets: Sequence[bpy.types.Object], *, in_place: bool
) -> None:
    """Append copies of defects to other objects' stacks, to all of them or to none.

    Labels stay what they are.

    Args:
        modifiers: of one object.
        targets: mesh objects.
        in_place: whether they keep their place in the world; else that in local space, with
            lengths converted to the target's unit.

    Raises:
        AddonError: a target cannot be edited, or they shall keep their place, but the objects are
            stretched or mirrored to each other, or in other units.
    """
    copies = [
        (modifier, target, values)
        for target in targets
        for modifier, values in zip(modifiers, _on(target, modifiers, in_place), strict=True)
    ]
    for modifier, target, values in copies:
        _append_copy(modifier, target, values)


def _on(target: bpy.types.Object, modifiers: Sequence[Defect], in_place: bool) -> list[Values]:
    """The values of defects on another object."""
    if not target.is_editable:
        raise AddonError(
            f"{target.name!r} is linked from a library; make a library override or a local copy"
        )
    source: Any = modifiers[0].id_data
    if in_place:
        linear, shift, factor = _between(source, target)
    else:
        factor = MM_PER_UNIT[part_unit(source)] / MM_PER_UNIT[part_unit(target)]
        linear, shift = factor * np.eye(3), np.zeros(3)
    return [
        _changed(modifier, lambda p: p @ linear.T + shift, lambda v: v @ linear.T, factor)
        for modifier in modifiers
    ]


def _between(source: Any, target: Any) -> tuple[Floats, Floats, float]:
    """Rotation and scale (3, 3), shift (3,) and scale from one local space to another's."""
    units = part_unit(source), part_unit(target)
    if units[0] != units[1]:
        raise AddonError(
            f"{source.name!r} is in {units[0]} and {target.name!r} in {units[1]}, so they share no "
            "world to keep a place in; copy in local space, which converts lengths"
        )
    view_layer: Any = bpy.context.view_layer
    view_layer.update()
    matrix = np.array(target.matrix_world.inverted_safe() @ source.matrix_world, dtype=np.float64)
    linear = matrix[:3, :3]
    factor = float(np.cbrt(np.linalg.det(linear)))
    if factor <= 0 or np.abs(linear.T @ linear / factor**2 - np.eye(3)).max() > TOLERANCE:
        raise AddonError(
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
    stack = {modifier: defect_supports(modifier) for modifier in defect_modifiers(obj)}
    users = support_users(chain.from_iterable(stack.values()))
    return [
        modifier
        for modifier, supports in stack.items()
        if any(users[support] > 1 for support in supports)
    ]


def make_independent(obj: bpy.types.Object) -> int:
    """Give each of the object's defects a path, hull and bumps of its own.

    They go to the same local coordinates as on the object that they hang on, so that the copy of a
    part gets them where the part has them, wherever it was moved.

    Returns:
        How many defects have changed.
    """
    sharing = shares_supports(obj)
    return sum([_take_own_supports(modifier) for modifier in sharing])


def _take_own_supports(modifier: Defect) -> bool:
    """Copy what another defect uses too; whether there was something to copy."""
    own: Values = {}
    for field in fields(str(defect_kind(modifier))):
        if field.type in SUPPORT_TYPES:
            support = get_input(modifier, field.title)
            if support is not None and support_users([support])[support] > 1:
                own[field.name] = read_support(_owner(modifier, support), support, field.type)
    write_values(modifier, own)
    return bool(own)


def _owner(modifier: Defect, support: Any) -> Any:
    """The object in whose local space a support is to be read: its parent, if that uses it."""
    part, parent = modifier.id_data, support.parent
    stack = defect_modifiers(parent) if parent is not None else []
    return parent if any(support in defect_supports(user) for user in stack) else part
