# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, hulls and bumps as objects: wire meshes that hang on the part and can be edited.

Moving such an object, or its vertices, moves the defect. Its mesh is in the part's local space
until somebody moves the object itself.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..data.attributes import read_attribute, read_positions, write_attribute

PATH_NORMAL = "normal"
BUMP_AMPLITUDE = "amplitude"
BUMP_SIGMA = "sigma"

Floats = NDArray[np.float32]


def new_support(part: bpy.types.Object, name: str) -> bpy.types.Object:
    """An empty support of ``part``: its child, seen as wire, never rendered."""
    support = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    support.parent = part
    support.display_type = "WIRE"
    support.hide_render = True
    for collection in part.users_collection:
        collection.objects.link(support)
    return support


def write_support(support: bpy.types.Object, of_type: str, value: Any) -> None:
    """Shape the support after a value of the recipe; its own transform is taken back.

    Args:
        support: an object with a mesh.
        of_type: the field's type in the schema: ``"SurfacePath"``, ``"points"`` or ``"Bump"``.
        value: what the recipe's JSON holds, in the part's local space.
    """
    support.matrix_parent_inverse = Matrix.Identity(4)
    support.matrix_basis = Matrix.Identity(4)
    before: Any = support.data
    support.data = bpy.data.meshes.new(support.name)
    if before.users == 0:
        bpy.data.meshes.remove(before)
    _WRITERS[of_type](support.data, value)


def read_support(part: bpy.types.Object, support: bpy.types.Object, of_type: str) -> Any:
    """The value that the support stands for, as JSON, in the part's local space."""
    return _READERS[of_type](support.data, _to_part(part, support))


def _to_part(part: bpy.types.Object, support: bpy.types.Object) -> NDArray[np.float64]:
    """(4, 4) from the support's local space to that of the part."""
    if support.parent == part:
        # Without the world in between nothing is lost to rounding.
        return np.array(support.matrix_parent_inverse @ support.matrix_basis)
    return np.array(part.matrix_world.inverted() @ support.matrix_world)


def _placed(mesh: Any, to_part: NDArray[np.float64]) -> Floats:
    places = read_positions(mesh) @ to_part[:3, :3].T + to_part[:3, 3]
    return places.astype(np.float32)


def _write_path(mesh: Any, value: Any) -> None:
    points = value["points"]
    mesh.from_pydata(points, [(index, index + 1) for index in range(len(points) - 1)], [])
    if value.get("normals") is not None:
        write_attribute(mesh, PATH_NORMAL, np.array(value["normals"], dtype=np.float32))


def _read_path(mesh: Any, to_part: NDArray[np.float64]) -> Any:
    path: dict[str, Any] = {"points": _placed(mesh, to_part).tolist()}
    if PATH_NORMAL in mesh.attributes:
        normals = read_attribute(mesh, PATH_NORMAL) @ np.linalg.inv(to_part[:3, :3])
        path["normals"] = normals.astype(np.float32).tolist()
    return {**path, "resolved": True}


def _write_points(mesh: Any, value: Any) -> None:
    mesh.from_pydata(value, [], [])


def _read_points(mesh: Any, to_part: NDArray[np.float64]) -> Any:
    return _placed(mesh, to_part).tolist()


def _write_bumps(mesh: Any, value: Any) -> None:
    mesh.from_pydata([bump["center"] for bump in value], [], [])
    for name in (BUMP_AMPLITUDE, BUMP_SIGMA):
        write_attribute(mesh, name, np.array([bump[name] for bump in value], dtype=np.float32))


def _read_bumps(mesh: Any, to_part: NDArray[np.float64]) -> Any:
    columns = (
        _placed(mesh, to_part).tolist(),
        read_attribute(mesh, BUMP_AMPLITUDE).tolist(),
        read_attribute(mesh, BUMP_SIGMA).tolist(),
    )
    return [
        {"center": center, BUMP_AMPLITUDE: amplitude, BUMP_SIGMA: sigma}
        for center, amplitude, sigma in zip(*columns, strict=True)
    ]


_WRITERS = {"SurfacePath": _write_path, "points": _write_points, "Bump": _write_bumps}
_READERS = {"SurfacePath": _read_path, "points": _read_points, "Bump": _read_bumps}
SUPPORT_TYPES = tuple(_WRITERS)
