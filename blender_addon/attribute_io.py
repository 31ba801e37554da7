# SPDX-License-Identifier: GPL-3.0-or-later
"""Point attributes between Blender's meshes and numpy arrays, and the names of our own."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .schema import RecipeError

# What the modifiers leave on the points of the evaluated mesh.
MASK = "mpas_mask"  # bool: anomalous
LABEL = "mpas_label"  # int: of the last defect that marked the point, 0 nominal
WEIGHT = "mpas_weight"  # float: the largest weight any defect gave
SOURCE_INDEX = "mpas_source_index"  # int: number of the point before any was removed
NORMAL = "mpas_normal"  # vector: nominal normal, turned by bends

# Blender's type of an attribute: name of the value in foreach_get, dtype and width.
TYPES: dict[str, tuple[str, type[np.generic], int]] = {
    "FLOAT": ("value", np.float32, 1),
    "INT": ("value", np.int32, 1),
    "BOOLEAN": ("value", np.bool_, 1),
    "FLOAT_VECTOR": ("vector", np.float32, 3),
}


def read_positions(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    """Positions (N, 3) float32 of the points, in the mesh's local space."""
    if not len(mesh.vertices):
        # Blender makes the attribute with the first point.
        return np.empty((0, 3), dtype=np.float32)
    return read_attribute(mesh, "position")


def read_attribute(mesh: bpy.types.Mesh, name: str) -> NDArray[Any]:
    """A point attribute: (N,) or, of vectors, (N, 3).

    Raises:
        RecipeError: the mesh has no such attribute on its points.
    """
    attribute: Any = mesh.attributes.get(name)
    if attribute is None or attribute.domain != "POINT" or attribute.data_type not in TYPES:
        there = ", ".join(sorted(found.name for found in mesh.attributes)) or "none"
        raise RecipeError(f"mesh {mesh.name!r} has no point attribute {name!r}; it has {there}")
    value, dtype, width = TYPES[attribute.data_type]
    array = np.empty(len(attribute.data) * width, dtype=dtype)
    attribute.data.foreach_get(value, array)
    return array.reshape(-1, width) if width > 1 else array


def write_attribute(mesh: bpy.types.Mesh, name: str, values: NDArray[Any]) -> None:
    """Store ``values`` (N,) or (N, 3) as a point attribute, in place of one of that name."""
    kind = "FLOAT_VECTOR" if values.ndim == 2 else _KINDS[values.dtype.kind]
    attributes: Any = mesh.attributes
    if name in attributes:
        attributes.remove(attributes[name])
    attribute = attributes.new(name, kind, "POINT")
    value, dtype, _ = TYPES[kind]
    attribute.data.foreach_set(value, np.ascontiguousarray(values, dtype=dtype).ravel())


_KINDS = {"f": "FLOAT", "i": "INT", "u": "INT", "b": "BOOLEAN"}
