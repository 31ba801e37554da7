# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes' points, faces and point attributes to numpy arrays and back; the names of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..documents.errors import AddonError

# What the modifiers leave on the points of the evaluated mesh.
MASK = "mpas_mask"  # bool: anomalous
LABEL = "mpas_label"  # int: of the last defect that marked the point, 0 nominal
WEIGHT = "mpas_weight"  # float: the largest weight any defect gave
SOURCE_INDEX = "mpas_source_index"  # int: number of the point before any was removed
NORMAL = "mpas_normal"  # vector: nominal normal, turned by bends
MARKS = (MASK, LABEL, WEIGHT, SOURCE_INDEX, NORMAL)

# Blender's type of an attribute: name of the value in foreach_get, dtype and width.
TYPES: dict[str, tuple[str, type[np.generic], int]] = {
    "FLOAT": ("value", np.float32, 1),
    "INT": ("value", np.int32, 1),
    "BOOLEAN": ("value", np.bool_, 1),
    "FLOAT_VECTOR": ("vector", np.float32, 3),
}

# What Blender calls the vertices of the faces' corners.
CORNERS = ".corner_vert"


@contextmanager
def evaluated_mesh(obj: bpy.types.Object) -> Iterator[Any]:
    """The mesh that an object's modifiers make, for the time of the block."""
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    try:
        yield evaluated.to_mesh()
    finally:
        evaluated.to_mesh_clear()


def read_positions(mesh: bpy.types.Mesh) -> NDArray[np.float32]:
    """Positions (N, 3) float32 of the points, in the mesh's local space."""
    if not len(mesh.vertices):
        # Blender makes the attribute with the first point.
        return np.empty((0, 3), dtype=np.float32)
    return read_attribute(mesh, "position")


def read_attribute(mesh: bpy.types.Mesh, name: str) -> NDArray[Any]:
    """A point attribute: (N,) or, of vectors, (N, 3).

    Raises:
        AddonError: the mesh has no such attribute on its points.
    """
    attribute: Any = mesh.attributes.get(name)
    if attribute is None or attribute.domain != "POINT" or attribute.data_type not in TYPES:
        there = ", ".join(sorted(found.name for found in mesh.attributes)) or "none"
        raise AddonError(f"mesh {mesh.name!r} has no point attribute {name!r}; it has {there}")
    value, dtype, width = TYPES[attribute.data_type]
    array = read_items(attribute.data, value, width, dtype)
    return array if width > 1 else array[:, 0]


def read_corners(mesh: Any) -> NDArray[np.int32]:
    """The vertex (C,) at each corner of the faces, face by face."""
    if not len(mesh.loops):
        # Blender makes the attribute with the first face.
        return np.empty(0, dtype=np.int32)
    # As ``vertex_index`` of ``mesh.loops``, a hundred times faster.
    return read_items(mesh.attributes[CORNERS].data, "value", 1, np.int32)[:, 0]


def surface_positions(mesh: Any) -> NDArray[np.float64]:
    """The vertices (K, 3) that faces have; all of them where there are no faces.

    What has a size is the surface: a vertex that no face has would make the part larger.
    """
    points = read_positions(mesh).astype(np.float64)
    corners = read_corners(mesh)
    if not len(corners):
        return points
    used = np.zeros(len(points), dtype=bool)
    used[corners] = True
    return points[used]


def read_items(items: Any, name: str, width: int, dtype: type[np.generic]) -> NDArray[Any]:
    """The property ``name`` (I, width) of each item of one of Blender's collections.

    ``dtype`` is Blender's own; with another it converts each number by itself.
    """
    array: NDArray[Any] = np.empty(len(items) * width, dtype=dtype)
    items.foreach_get(name, array)
    return array.reshape(-1, width)


def set_triangles(mesh: Any, points: NDArray[np.floating], triangles: NDArray[np.integer]) -> None:
    """Give the mesh points (N, 3) and triangles (M, 3), in place of all that it has."""
    mesh.clear_geometry()
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.loops.add(triangles.size)
    mesh.loops.foreach_set("vertex_index", triangles.astype(np.int32).ravel())
    mesh.polygons.add(len(triangles))
    mesh.polygons.foreach_set("loop_start", np.arange(0, triangles.size, 3, dtype=np.int32))
    mesh.update(calc_edges=True)


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
