"""Parts in a real Blender: made from arrays, deformed by modifiers, read back as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import trimesh
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.samples import load_sample
from blender_addon.data import attributes
from blender_addon.defects import node_group
from blender_addon.stack import modifiers


def empty_scene() -> None:
    """A new file with nothing in it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


def write_empty_file(path: Path) -> None:
    """A file with nothing in it but the node groups of all defects."""
    empty_scene()
    for kind in modifiers.KINDS:
        node_group(kind)
    for group in bpy.data.node_groups:
        group.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def empty_scene_from(path: Path) -> None:
    """A new file like that of ``write_empty_file``, in which nothing uses the groups.

    Building them takes longer than most tests; what they compute is the same.
    """
    bpy.ops.wm.read_homefile(filepath=str(path), load_ui=False)
    for group in bpy.data.node_groups:
        group.use_fake_user = False


def add_part(points: NDArray, faces: NDArray, name: str = "part") -> bpy.types.Object:
    """A mesh object in the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces.tolist())
    part = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(part)
    return part


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What the modifiers made of a part of N points; arrays as the attributes' names say."""

    points: NDArray[np.float32]
    mask: NDArray[np.bool_]
    labels: NDArray[np.int32]
    weight: NDArray[np.float32]
    source_index: NDArray[np.int32]
    normals: NDArray[np.float32]


def evaluated_mesh(part: bpy.types.Object) -> Any:
    """The mesh at the end of the modifier stack."""
    return part.evaluated_get(bpy.context.evaluated_depsgraph_get()).data


def evaluate(part: bpy.types.Object) -> Evaluated:
    """Read the evaluated mesh."""
    mesh = evaluated_mesh(part)
    names = ("position", *(getattr(attributes, name) for name in ATTRIBUTES))
    return Evaluated(*(attributes.read_attribute(mesh, name) for name in names))


ATTRIBUTES = ("MASK", "LABEL", "WEIGHT", "SOURCE_INDEX", "NORMAL")


def nominal_cloud(part: bpy.types.Object) -> PointCloud:
    """The part as the backend gets it: the same numbers, and the normals that Blender stores."""
    modifier = modifiers.add_defect(part, "dent", {"depth": 0.0, "center": [0.0, 0.0, 0.0]})
    nominal = evaluate(part)
    part.modifiers.remove(modifier)
    mesh: Any = part.data
    faces = np.empty(3 * len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("vertices", faces)
    return PointCloud.of(nominal.points, nominal.normals, faces.reshape(-1, 3))


@cache
def egg(scale: float = 1.0) -> tuple[NDArray, NDArray]:
    """Points (10242, 3) and faces of an ellipsoid, ``2 * scale`` long."""
    import bmesh

    mesh = bmesh.new()
    bmesh.ops.create_icosphere(mesh, subdivisions=5, radius=1.0)
    points = np.array([vertex.co for vertex in mesh.verts]) * (scale, 0.7 * scale, 0.5 * scale)
    faces = np.array([[vertex.index for vertex in face.verts] for face in mesh.faces])
    mesh.free()
    return points, faces


@cache
def bundled(name: str, scale: float = 1.0) -> tuple[NDArray, NDArray]:
    """A bundled sample about the middle of its box, its long triangles cut into small ones."""
    sample = load_sample(name)
    mesh = trimesh.Trimesh(sample.points, sample.faces).subdivide_to_size(0.03 * sample.diagonal)
    mesh.merge_vertices()
    return (mesh.vertices - mesh.bounds.mean(axis=0)) * scale, mesh.faces


@cache
def plate(diagonal: float) -> tuple[NDArray, NDArray]:
    """A plate across z of about that diagonal, on whose top the golden recipes lie."""
    size = np.array([0.8, 0.6, 4.0 / 150.0]) * diagonal
    mesh = trimesh.creation.box(size).subdivide_to_size(0.02 * diagonal)
    mesh.merge_vertices()
    return mesh.vertices, mesh.faces
