# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, or looks wrong, with a part and its stack of defects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..data.attributes import LABEL, SOURCE_INDEX, read_attribute, read_items, read_positions
from ..documents.errors import AddonError
from ..documents.schema import problems_of
from ..parts.frame import part_unit, shows_true_lengths
from ..parts.opening import outside_doubts
from ..stack.baked import require_unbaked
from ..stack.labels import joined_names, shared_labels
from ..stack.modifiers import (
    defect_kind,
    defect_modifiers,
    read_values,
    shown_defects,
    write_values,
)
from ..stack.scaling import require_true_size
from .recipes import unchecked_recipe_of

# A label for the defect under test; the others get another meanwhile.
UNDER_TEST, OTHERS = 65_535, 1


@dataclass(frozen=True)
class Finding:
    """Something about a part that its user should know.

    Attributes:
        is_error: whether no recipe can be written because of it.
        text: what, where, and the way out.
    """

    is_error: bool
    text: str


def findings(obj: bpy.types.Object) -> list[Finding]:
    """All that is found wrong with an object and its stack; errors first."""
    errors = stack_errors(obj)
    warnings = list(_part_warnings(obj))
    if not errors:
        warnings += _effect_warnings(obj)
    return [
        *(Finding(True, text) for text in errors),
        *(Finding(False, text) for text in warnings),
    ]


def stack_errors(obj: bpy.types.Object) -> list[str]:
    """Why no recipe can be written of an object; empty if it can."""
    return list(_part_errors(obj)) or list(_value_errors(obj))


def _part_errors(obj: Any) -> Iterator[str]:
    if obj.type != "MESH" or not obj.data.vertices:
        yield f"{obj.name!r} is no mesh with an extent; choose the part's object"
    elif not obj.data.polygons:
        yield f"{obj.name!r} has no faces, and so no surface for defects"
    for require in (require_true_size, require_unbaked):
        try:
            require(obj)
        except AddonError as error:
            yield str(error)


def _value_errors(obj: Any) -> Iterator[str]:
    broken = [text for modifier in shown_defects(obj) for text in _read_errors(modifier)]
    if broken:
        yield from broken
        return
    try:
        document = unchecked_recipe_of(obj)
    except AddonError as error:
        yield str(error)
        return
    yield from (problem.in_stack(document) for problem in problems_of(document))


def _read_errors(modifier: Any) -> Iterator[str]:
    """What keeps the values of a defect from being read, as a path that was deleted."""
    try:
        read_values(modifier)
    except AddonError as error:
        yield str(error)


def _part_warnings(obj: Any) -> Iterator[str]:
    defects = defect_modifiers(obj)
    if not defects:
        yield f"{obj.name!r} has no defects"
        return
    yield from recipe_warnings(obj)
    hidden = [modifier.name for modifier in defects if not modifier.show_viewport]
    if hidden:
        yield f"switched off, so not in the recipe: {', '.join(hidden)}"
    if not shows_true_lengths(bpy.context.scene, part_unit(obj)):
        yield f"the scene shows other lengths than the part's, which is in {part_unit(obj)}"


def recipe_warnings(obj: bpy.types.Object) -> list[str]:
    """Warnings of a recipe that can be written but differs from the part in the view."""
    return [*outside_doubts(obj), *_shape_warnings(obj), *_label_warnings(obj)]


def _shape_warnings(obj: Any) -> Iterator[str]:
    """What changes the mesh before a defect does."""
    for name in active_shape_keys(obj):
        yield (
            f'shape key "{name}" changes the part before the defects, but a recipe is replayed on '
            "the part without it; set it to 0, or make it the part's own by Apply All Shape Keys"
        )
    stack, shown = list(obj.modifiers), shown_defects(obj)
    last = stack.index(shown[-1]) if shown else 0
    for modifier in stack[:last]:
        if modifier.show_viewport and not defect_kind(modifier):
            yield (
                f'"{modifier.name}" comes before the defects, which lie on the mesh it changes, '
                "but a recipe is replayed on the part; apply it or move it behind them"
            )


def active_shape_keys(obj: Any) -> list[str]:
    """The shape keys that change the object's mesh now."""
    keys = obj.data.shape_keys if obj.type == "MESH" else None
    if keys is None:
        return []
    others = [key for key in keys.key_blocks if key != keys.reference_key]
    if obj.show_only_shape_key:
        return [key.name for key in others if key == obj.active_shape_key]
    if not keys.use_relative:
        return [key.name for key in others]
    return [key.name for key in others if key.value != 0.0 and not key.mute]


def _label_warnings(obj: Any) -> Iterator[str]:
    for label, names in shared_labels(obj).items():
        yield (
            f"{joined_names(names)} share label {label} and cannot be told apart; "
            "Renumber Labels gives each its own"
        )


def _effect_warnings(obj: Any) -> Iterator[str]:
    """Defects that mark nothing, or lie on a mesh that is too coarse for them."""
    for modifier, marked in _effects(obj):
        if marked is None:
            yield (
                f'"{modifier.name}": marks no point of the part; move it onto the surface, '
                "make it deeper or larger, or refine the mesh there"
            )
        else:
            yield from _coarse(obj, modifier, marked)


def _effects(obj: Any) -> Iterator[tuple[Any, Any]]:
    """Each defect that is shown, and the points (M,) that it marks after those before it.

    None where it marks no point and takes none away.
    """
    with copied_part(obj) as copy:
        pairs = list(zip(defect_modifiers(obj), defect_modifiers(copy), strict=True))
        shown = [(original, copied) for original, copied in pairs if original.show_viewport]
        for _, copied in pairs:
            copied.show_viewport = False
            write_values(copied, {"label": OTHERS})
        before = _vertex_count(copy)
        for original, copied in shown:
            copied.show_viewport = True
            write_values(copied, {"label": UNDER_TEST})
            marked, after = _marked(copy), _vertex_count(copy)
            yield original, marked if len(marked) or after != before else None
            write_values(copied, {"label": OTHERS})
            before = after


@contextmanager
def copied_part(obj: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """A copy of the object for the time of the block; its mesh and supports are the same ones.

    What the block adds to it is gone with it.
    """
    scene: Any = bpy.context.scene
    copy, before = obj.copy(), set(bpy.data.objects)
    scene.collection.objects.link(copy)
    try:
        yield copy
    finally:
        for added in set(bpy.data.objects) - before:
            bpy.data.objects.remove(added)
        bpy.data.objects.remove(copy)


def _evaluated(obj: Any) -> Any:
    return obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data


def _vertex_count(obj: Any) -> int:
    return len(_evaluated(obj).vertices)


def _marked(obj: Any) -> Any:
    """Numbers (M,), before any was removed, of the points of the defect under test."""
    mesh = _evaluated(obj)
    if LABEL not in mesh.attributes:
        return np.empty(0, dtype=np.int32)
    return read_attribute(mesh, SOURCE_INDEX)[read_attribute(mesh, LABEL) == UNDER_TEST]


def _coarse(obj: Any, modifier: Any, marked: Any) -> Iterator[str]:
    """Whether the edges about the marked points are longer than the defect is large."""
    mesh = obj.data
    kind = str(defect_kind(modifier))
    title, size = SIZES[kind](read_values(modifier))
    if not len(marked) or marked.max() >= len(mesh.vertices):
        return
    edges = read_items(mesh.edges, "vertices", 2, np.int32)
    of_defect = np.isin(edges, marked).any(axis=1)
    points = read_positions(mesh)
    lengths = np.linalg.norm(np.diff(points[edges[of_defect]], axis=1)[:, 0], axis=1)
    middle = float(np.median(lengths)) if len(lengths) else 0.0
    if middle > size:
        yield (
            f'"{modifier.name}": the mesh is too coarse here, edges of {middle:.4g} for a {title} '
            f"of {size:.4g} {part_unit(obj)}; subdivide it there, or open the part from its file"
        )


def _size(name: str) -> Callable[[Any], tuple[str, float]]:
    return lambda values: (name, values[name])


def _finest_bump(values: Any) -> tuple[str, float]:
    return "sigma", min((bump["sigma"] for bump in values["bumps"]), default=np.inf)


# What of a defect the edges of the mesh must resolve.
SIZES: dict[str, Callable[[Any], tuple[str, float]]] = {
    "dent": _size("radius"),
    "scratch": _size("width"),
    "bend": _size("band"),
    "crack": _size("flank"),
    "freeform": _finest_bump,
    "hole": _size("radius"),
    "deposit": _size("radius"),
}
