# SPDX-License-Identifier: GPL-3.0-or-later
"""Defects in an object's modifier stack: add them, find them, read and write their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import bpy
import numpy as np

from ..data.attributes import surface_positions
from ..defects import NODE_GROUPS, group_name, node_group
from ..documents.errors import AddonError
from ..documents.schema import Field, fields
from ..nodes.inputs import RNA_INPUTS, get_input, set_input
from ..nodes.interface import toggle_title
from ..placing.supports import SUPPORT_TYPES, new_support, read_support, write_support
from .baked import baked_labels
from .remembered import forget

KINDS = tuple(NODE_GROUPS)
LAST_LABEL = round(next(field.high for field in fields("dent") if field.name == "label"))


Values = Mapping[str, Any]


def diagonal(obj: bpy.types.Object) -> float:
    """Length of the diagonal of the bounding box of the object's own surface, in local space."""
    points = surface_positions(obj.data)
    return float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) else 0.0


def add_defect(
    obj: bpy.types.Object, kind: str, values: Values | None = None
) -> bpy.types.NodesModifier:
    """Append a defect to the object's stack.

    Args:
        obj: a mesh object.
        kind: one of ``KINDS``.
        values: fields as in the recipe's JSON, in the object's local space; what is missing takes
            the schema's default, or its suggested value, lengths times the object's diagonal; the
            label, the next one that is free.

    Raises:
        AddonError: the kind is unknown or the object is no mesh.
    """
    values = dict(values or {})
    if kind not in NODE_GROUPS:
        raise AddonError(f"unknown kind of defect {kind!r}; known are {', '.join(KINDS)}")
    if obj.type != "MESH":
        raise AddonError(f"{obj.name!r} is a {obj.type.lower()}; defects need a mesh object")
    if "label" not in values:
        values["label"] = free_label(obj)
    modifier: Any = obj.modifiers.new(values.get("name") or kind.title(), "NODES")
    forget(modifier)
    modifier.node_group = node_group(kind)
    size = diagonal(obj)
    new = {field.name: _new_value(field, size) for field in fields(kind)}
    write_values(modifier, {**new, **values})
    return modifier


def free_label(obj: bpy.types.Object) -> int:
    """A label that nothing of the object has: past those of its defects and of its mesh."""
    used = {read_value(modifier, "label") for modifier in defect_modifiers(obj)}
    used |= set(baked_labels(obj))
    following = 1 + max(used, default=0)
    if following <= LAST_LABEL:
        return following
    return next(label for label in count(1) if label not in used)


def _new_value(field: Field, size: float) -> Any:
    """What a field of a new defect on a part of that ``size`` begins with."""
    if field.default is not None or field.optional:
        return field.default
    if field.suggested is not None and field.quantity == "length":
        return field.suggested * size
    return field.suggested


def defect_kind(modifier: bpy.types.Modifier) -> str | None:
    """The kind of a defect's modifier; None for any other modifier."""
    group = getattr(modifier, "node_group", None)
    # A copy in another file, or beside an edited one, is called "… v1.001".
    name = group.name.partition(".")[0] if group is not None else ""
    return next((kind for kind in KINDS if name == group_name(kind)), None)


def defect_modifiers(obj: bpy.types.Object) -> list[bpy.types.NodesModifier]:
    """The defects of an object, in the order of its stack."""
    found: list[Any] = [modifier for modifier in obj.modifiers if defect_kind(modifier)]
    return found


def shown_defects(obj: bpy.types.Object) -> list[bpy.types.NodesModifier]:
    """Those of an object's defects that are not switched off: what its recipe holds."""
    return [modifier for modifier in defect_modifiers(obj) if modifier.show_viewport]


def active_defect(obj: bpy.types.Object) -> Any:
    """The active modifier of an object where it is a defect; else None."""
    modifier = obj.modifiers.active
    return modifier if modifier is not None and defect_kind(modifier) else None


def remove_defect(modifier: bpy.types.NodesModifier) -> None:
    """Take a defect from its object's stack, and its path, hull or bumps out of the file.

    What any other modifier, constraint or child in the file uses too stays.
    """
    part: Any = modifier.id_data
    supports = dict.fromkeys(defect_supports(modifier))
    part.modifiers.remove(modifier)
    users: Any = bpy.data.user_map(subset=set(supports), value_types={"OBJECT"})
    for support in supports:
        if not users[support]:
            mesh: Any = support.data
            bpy.data.objects.remove(support)
            if mesh is not None and mesh.users == 0:
                bpy.data.meshes.remove(mesh)


def defect_supports(modifier: bpy.types.NodesModifier) -> list[bpy.types.Object]:
    """The objects of a defect's path, hull and bumps."""
    chosen = (
        get_input(modifier, field.title)
        for field in fields(_require_kind(modifier))
        if field.type in SUPPORT_TYPES
    )
    return [support for support in chosen if support is not None]


def support_users(supports: Iterable[bpy.types.Object]) -> Counter[bpy.types.Object]:
    """How many defects of the file use each of some paths, hulls or sets of bumps."""
    wanted = set(supports)
    # Of a large file, only the objects that name one of them are looked at.
    naming: Any = bpy.data.user_map(subset=wanted, value_types={"OBJECT"})
    return Counter(
        support
        for obj in set().union(*naming.values())
        for modifier in defect_modifiers(obj)
        for support in defect_supports(modifier)
        if support in wanted
    )


def write_values(modifier: bpy.types.NodesModifier, values: Values) -> None:
    """Set some fields of a defect, given as in the recipe's JSON.

    Raises:
        AddonError: a field is unknown to the kind, or a choice is none of the allowed ones.
    """
    kind = _require_kind(modifier)
    known = {field.name: field for field in fields(kind)}
    for name, value in values.items():
        if name in known:
            _write(modifier, known[name], value)
        elif name == "name":
            modifier.name = value or kind.title()
        elif name != "kind":
            raise AddonError(f"a {kind} has no {name!r}; it has {', '.join(known)}")
    part: Any = modifier.id_data
    part.update_tag()


def read_values(modifier: bpy.types.NodesModifier) -> dict[str, Any]:
    """All fields of a defect as the recipe's JSON holds them: numbers as Blender computes them.

    Raises:
        AddonError: the modifier is no defect, or lacks the object of its path or hull.
    """
    kind = _require_kind(modifier)
    values: dict[str, Any] = {"kind": kind, "name": modifier.name}
    for field in fields(kind):
        value = _read(modifier, field)
        if value is not None:
            values[field.name] = value
    return values


def facts_of(modifier: bpy.types.NodesModifier) -> dict[str, Any]:
    """Kind, name and label of a defect, by which records list it; raises as ``read_values``."""
    values = read_values(modifier)
    return {name: values[name] for name in ("kind", "name", "label")}


def read_value(modifier: bpy.types.NodesModifier, name: str) -> Any:
    """One field of a defect, as ``read_values`` gives it; None where it is left out.

    Raises:
        AddonError: as ``read_values`` does.
    """
    kind = _require_kind(modifier)
    return _read(modifier, next(field for field in fields(kind) if field.name == name))


def _require_kind(modifier: bpy.types.Modifier) -> str:
    kind = defect_kind(modifier)
    if kind is None:
        raise AddonError(f"modifier {modifier.name!r} is not a defect of flawsmith")
    return kind


def _write(modifier: Any, field: Field, value: Any) -> None:
    if field.optional:
        set_input(modifier, toggle_title(field), value is not None)
    if value is None:
        return
    if field.type in SUPPORT_TYPES:
        set_input(modifier, field.title, _support(modifier, field, value))
    elif field.type == "choice":
        if value not in field.choices:
            allowed = ", ".join(field.choices)
            raise AddonError(f"{field.name}: {value!r} is not allowed; allowed are {allowed}")
        set_input(modifier, field.title, value if RNA_INPUTS else field.choices.index(value))
    elif field.type == "triple":
        set_input(modifier, field.title, [float(component) for component in value])
    else:
        set_input(modifier, field.title, int(value) if field.type == "integer" else float(value))


def _support(modifier: Any, field: Field, value: Any) -> bpy.types.Object:
    """The object of a path, a hull or bumps, shaped after ``value``."""
    part = modifier.id_data
    support = get_input(modifier, field.title)
    # One that another defect uses too, as after an object was duplicated, is that one's to change;
    # one that is linked from a library, its file's.
    if support is None or not support.is_editable or support_users([support])[support] > 1:
        support = new_support(part, f"{modifier.name} {field.title}")
    write_support(support, field.type, value)
    return support


def _read(modifier: Any, field: Field) -> Any:
    if field.optional and not get_input(modifier, toggle_title(field)):
        return None
    value = get_input(modifier, field.title)
    if field.type in SUPPORT_TYPES:
        return _read_object(modifier, field, value)
    if field.type == "choice":
        return value if RNA_INPUTS else field.choices[value]
    if field.type == "triple":
        return [_single(component) for component in value]
    return value if field.type == "integer" else field.clip(_single(value))


def _read_object(modifier: Any, field: Field, support: Any) -> Any:
    if support is None:
        if field.default is not None:
            return field.default
        raise AddonError(
            f"{modifier.name!r} has no {field.title} object; choose one in the modifier"
        )
    return read_support(modifier.id_data, support, field.type)


def _single(number: float) -> float:
    """``number`` rounded to single precision, in which Blender computes."""
    return float(np.float32(number))
