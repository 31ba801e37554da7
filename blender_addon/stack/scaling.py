# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes hold local lengths, so an object must have the same size in the world.

Moving and turning an object changes nothing. A scaled one would show other lengths than its
recipe holds, so that is refused, and ``apply_scale`` brings the scale into mesh and defects.
See docs/adr/0009-scaled-objects-are-refused.md.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..documents.errors import AddonError
from ..documents.schema import changed, defect_schema
from ..parts.frame import part_origin, part_unit, set_part_frame
from .modifiers import defect_kind, defect_modifiers, read_values, write_values
from .ranges import scale_ranges

# How far a matrix of single precision may be from a rotation.
TOLERANCE = 1e-5

WAY_OUT = "use Apply Scale in the sidebar's Flawsmith tab"


def world_scale(obj: bpy.types.Object) -> NDArray[np.float64]:
    """(3,) how much larger the object is seen along its own axes than in its local space.

    All of it counts: its own scale, its delta scale, and its parents'. A mirrored one is negative.
    """
    _update()
    columns = np.array(obj.matrix_world, dtype=np.float64)[:3, :3]
    lengths = np.linalg.norm(columns, axis=0)
    return np.asarray(-lengths if np.linalg.det(columns) < 0 else lengths)


def is_true_size(obj: bpy.types.Object) -> bool:
    """Whether the object is only moved and turned, so that its size is that of its local space."""
    return _is_rotation(obj.matrix_world)


def require_true_size(obj: bpy.types.Object) -> None:
    """Refuse an object whose local lengths are not those that are seen.

    Raises:
        AddonError: it is scaled, mirrored or sheared; the message says by how much.
    """
    scale = world_scale(obj)
    if is_true_size(obj):
        return
    if scale[0] < 0:
        raise AddonError(
            f"{obj.name!r} is mirrored by a negative scale, and so would be its recipe; "
            "make its scale positive"
        )
    along = " × ".join(f"{component:.4g}" for component in scale)
    raise AddonError(
        f"{obj.name!r} is scaled by {along}, but a recipe holds the lengths of its mesh; {WAY_OUT}"
    )


def apply_scale(obj: bpy.types.Object) -> float:
    """Bring the object's scale into its mesh and its defects, so that it looks the same.

    Lengths and coordinates of the defects, their paths, hulls, bumps and ranges, and the part's
    origin are multiplied. A mesh that other objects use too is copied for this one.

    Returns:
        The factor of a uniform scale; of another, which only a part without defects may have, its
        geometric mean.

    Raises:
        AddonError: the scale is a parent's, mirrors or is zero, is not uniform though there are
            defects, or the mesh cannot be edited.
    """
    scale = _own_scale(obj)
    _require_applicable(obj, scale)
    factor = float(np.cbrt(scale.prod()))
    defects = {modifier: _scaled_values(modifier, factor) for modifier in defect_modifiers(obj)}
    _scale_mesh(obj, scale)
    obj.scale = obj.delta_scale = (1.0, 1.0, 1.0)
    for child in obj.children:
        child.matrix_parent_inverse = Matrix.Diagonal((*scale, 1.0)) @ child.matrix_parent_inverse
    for modifier, values in defects.items():
        write_values(modifier, values)
    scale_ranges(obj, factor)
    set_part_frame(obj, part_unit(obj), part_origin(obj) * scale)
    _update()
    return factor


def _update() -> None:
    """Bring the objects' places in the world up to date with their properties."""
    layer: Any = bpy.context.view_layer
    layer.update()


def _own_scale(obj: bpy.types.Object) -> NDArray[np.float64]:
    return np.array(obj.scale, dtype=np.float64) * np.array(obj.delta_scale, dtype=np.float64)


def _require_applicable(obj: bpy.types.Object, scale: NDArray[np.float64]) -> None:
    _update()
    mesh: Any = obj.data
    if obj.parent is not None and not _is_rotation(
        obj.parent.matrix_world @ obj.matrix_parent_inverse
    ):
        raise AddonError(
            f"{obj.name!r} is scaled by its parent {obj.parent.name!r}; "
            "clear it by Object > Parent > Clear and Keep Transformation"
        )
    if not (scale > 0).all():
        raise AddonError(f"{obj.name!r} is mirrored or flat; make its scale positive")
    if np.ptp(scale) > TOLERANCE * scale.max() and defect_modifiers(obj):
        along = " × ".join(f"{component:.4g}" for component in scale)
        raise AddonError(
            f"{obj.name!r} is scaled by {along}, which would distort its defects. Give it the "
            "same scale along all axes, or apply the scale before there are defects"
        )
    if not mesh.is_editable:
        raise AddonError(f"the mesh of {obj.name!r} is linked from a library; make it local")


def _is_rotation(matrix: Matrix) -> bool:
    axes = np.array(matrix, dtype=np.float64)[:3, :3]
    unscaled = np.abs(axes.T @ axes - np.eye(3)).max() <= TOLERANCE
    return bool(unscaled and np.linalg.det(axes) > 0)


def _scaled_values(modifier: Any, factor: float) -> dict[str, Any]:
    """What a defect's fields are on a part that is ``factor`` times as large."""

    def scaled(value: Any) -> Any:
        return (np.array(value) * factor).tolist()

    changes = {quantity: scaled for quantity in ("length", "vector", "point")}
    kind = str(defect_kind(modifier))
    return dict(changed(read_values(modifier), defect_schema(kind), changes))


def _scale_mesh(obj: bpy.types.Object, scale: NDArray[np.float64]) -> None:
    """Scale the mesh with its shape keys, a copy of its own where others use it."""
    if obj.data.users > 1:  # type: ignore[union-attr]
        obj.data = obj.data.copy()  # type: ignore[union-attr]
    mesh: Any = obj.data
    mesh.transform(Matrix.Diagonal((*scale, 1.0)), shape_keys=True)
    mesh.update()
