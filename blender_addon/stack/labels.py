# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels that several defects of a part share, and labels past all that are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy

from .baked import baked_labels
from .modifiers import defect_modifiers, free_label, read_value, shown_defects, write_values

BAKED = "a defect that was applied to the mesh"
# Of the defects that share a label, this many are named.
MOST_NAMES = 3


def names_by_label(obj: bpy.types.Object) -> dict[int, list[str]]:
    """The owners of each label: defects that are shown, and applied defects of the mesh."""
    names: dict[int, list[str]] = {label: [BAKED] for label in baked_labels(obj)}
    for modifier in shown_defects(obj):
        names.setdefault(read_value(modifier, "label"), []).append(f'"{modifier.name}"')
    return dict(sorted(names.items()))


def shared_labels(obj: bpy.types.Object) -> dict[int, list[str]]:
    """The labels that several defects share, and the names of these defects."""
    return {label: names for label, names in names_by_label(obj).items() if len(names) > 1}


def joined_names(names: Sequence[str]) -> str:
    """The first of some names, and how many others there are."""
    hidden = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {hidden} more" if hidden > 0 else "")


def taken_labels(obj: bpy.types.Object, added: Iterable[bpy.types.NodesModifier]) -> list[int]:
    """The labels of added defects that others of the object, or its mesh, had before."""
    new = list(added)
    before = {read_value(m, "label") for m in defect_modifiers(obj) if m not in new}
    before |= set(baked_labels(obj))
    return sorted(before & {read_value(modifier, "label") for modifier in new})


def labels_past(labels: Iterable[int], first: int) -> dict[int, int]:
    """A new label for each of some: ``first``, and so on in their order; equal ones stay equal."""
    return {label: first + place for place, label in enumerate(sorted(set(labels)))}


def renumber_later(obj: Any) -> None:
    """Give defects whose label others had before them in the stack, or the mesh, one of their own.

    The first defect of a label keeps it, because earlier files use it.
    """
    seen = set(baked_labels(obj))
    for modifier in shown_defects(obj):
        label = read_value(modifier, "label")
        if label in seen:
            label = free_label(obj)
            write_values(modifier, {"label": label})
        seen.add(label)


def renumber(obj: Any) -> None:
    """Number the labels in the order of the stack, from 1 or after those of applied defects."""
    first = 1 + max(baked_labels(obj), default=0)
    for number, modifier in enumerate(defect_modifiers(obj), start=first):
        write_values(modifier, {"label": number})
