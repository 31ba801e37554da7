# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a CAD model as an object ready for defects.

What was found while it was opened stays with the object as custom properties:

====================  ============================================================================
``flawsmith_turned``  how many faces were turned when the part was opened
``flawsmith_doubt``   share of its surface whose outside could not be told then
====================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import bmesh
import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.attributes import read_corners, read_positions, set_triangles
from ..documents.errors import PartError
from .frame import UNITS, set_part_frame
from .misreadings import decimal_comma, vertices_of_faces
from .outward import Outward, turn_outward
from .refinement import refine

TURNED_PROPERTY, DOUBT_PROPERTY = "flawsmith_turned", "flawsmith_doubt"

# No edge longer than this part of the diagonal, so that a defect has vertices to move …
EDGE_RATIO = 0.006
# … as long as there are no more vertices than this, so that modifiers stay fast.
MAX_VERTICES = 150_000
# With what is added near places.
MAX_VERTICES_IN_ALL = 300_000
# Coordinates this close, as a part of the largest, differ by rounding only.
MERGE_RATIO = 2e-7
# Doubt about less of the surface than this is not worth a word.
WORTH_TELLING = 0.01
# Radians; a flatter edge is shaded smooth.
SHARP_ANGLE = 0.52

# The part frame's axes are those of the file: nothing is turned on import.
AXES: dict[str, Any] = {"forward_axis": "Y", "up_axis": "Z"}
READERS: dict[str, Callable[[str], Any]] = {
    ".stl": lambda path: bpy.ops.wm.stl_import(filepath=path, **AXES),
    ".obj": lambda path: bpy.ops.wm.obj_import(filepath=path, use_split_objects=False, **AXES),
    ".ply": lambda path: bpy.ops.wm.ply_import(filepath=path, **AXES),
}


def outside_notices(obj: bpy.types.Object) -> list[str]:
    """What was turned, or is in doubt, about the outside of a part that was opened."""
    turned = int(obj.get(TURNED_PROPERTY, 0))
    told = [f"{turned} faces were wound the wrong way and turned outward"] if turned else []
    return [*told, *outside_doubts(obj)]


def outside_doubts(obj: bpy.types.Object) -> list[str]:
    """A sentence about a part whose outside is in doubt."""
    doubt = float(obj.get(DOUBT_PROPERTY, 0.0))
    if doubt <= WORTH_TELLING:
        return []
    return [
        f"{doubt:.0%} of the surface is open or one-sided, so that its outside is not known for "
        "sure; it is taken from how most of its faces are wound. Close the model, or check that "
        f"defects go the right way; the custom property {DOUBT_PROPERTY!r} says so until it is "
        "removed"
    ]


def open_part(
    path: Path,
    unit: str = UNITS[0],
    *,
    edge_ratio: float = EDGE_RATIO,
    max_vertices: int = MAX_VERTICES,
) -> bpy.types.Object:
    """Open a nominal CAD model as a new, active mesh object named like the file.

    Vertices that no face has are left out, coincident ones become one, bodies are turned outward
    and cavities inward, the local origin is put at the middle of the bounding box, and long edges
    are split. What is to be known of that, ``outside_notices`` says.

    Args:
        path: an STL, OBJ or PLY file with faces.
        unit: of its lengths.
        edge_ratio: the longest edge wanted, as a ratio of the bounding box's diagonal.
        max_vertices: no edge is split beyond this number of vertices.

    Raises:
        PartError: there is no such file, or no surface in it.
    """
    obj = _import(path)
    try:
        prepare_part(obj, unit, edge_ratio=edge_ratio, max_vertices=max_vertices)
    except PartError as error:
        bpy.data.objects.remove(obj)
        raise PartError(f"{path}: {error}") from None
    obj.name = obj.data.name = path.stem
    return obj


def prepare_part(
    obj: bpy.types.Object,
    unit: str = UNITS[0],
    *,
    edge_ratio: float = EDGE_RATIO,
    max_vertices: int = MAX_VERTICES,
) -> None:
    """Make a mesh object ready for defects, in place, as ``open_part`` does; same arguments.

    Raises:
        PartError: the mesh has no surface.
    """
    _drop_loose(obj.data)
    set_part_frame(obj, unit, _recentre(obj.data))
    outward = _prepare(obj.data, edge_ratio, max_vertices)
    obj[TURNED_PROPERTY], obj[DOUBT_PROPERTY] = outward.turned, outward.doubt


def refine_near(obj: bpy.types.Object, places: ArrayLike, radius: float, longest: float) -> None:
    """Split edges about places of an opened part, so that small defects have vertices to move.

    Args:
        obj: the part; its vertices keep their numbers.
        places: (P, 3) in local space.
        radius: how far about each place.
        longest: length that no edge there exceeds afterwards, as far as ``MAX_VERTICES_IN_ALL``
            allows.
    """
    mesh: Any = obj.data
    centers = np.asarray(places, dtype=np.float64)

    def allowed(middles: NDArray[np.float64]) -> NDArray[np.float64]:
        away = np.min([np.linalg.norm(middles - center, axis=1) for center in centers], axis=0)
        return np.where(away < radius, longest, np.inf)

    points = read_positions(mesh).astype(np.float64)
    _replace(mesh, *refine(points, _triangles(mesh), allowed, MAX_VERTICES_IN_ALL))


def _import(path: Path) -> Any:
    """The one new mesh object that Blender's importer makes of a file."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise PartError(f"{path}: parts are opened from {', '.join(READERS)}; convert the file")
    if not path.is_file():
        raise PartError(f"{path}: there is no such file")
    if (line := decimal_comma(path)) is not None:
        raise PartError(
            f"{path}: {line[:60]!r} has decimal commas, which Blender takes for the ends of whole "
            "numbers; export the part with decimal points"
        )
    before = set(bpy.data.objects)
    try:
        reader(str(path))
    except RuntimeError as error:
        _remove(set(bpy.data.objects) - before)
        raise PartError(f"{path}: Blender cannot read it: {str(error).strip()}") from error
    new = sorted(set(bpy.data.objects) - before, key=lambda obj: obj.name)
    meshes = [obj for obj in new if obj.type == "MESH"]
    if len(meshes) != 1:
        _remove(new)
        raise PartError(
            f"{path}: one mesh is expected, but the file has {len(meshes)}; export the part again"
        )
    _require_all(path, meshes[0])
    return meshes[0]


def _require_all(path: Path, obj: Any) -> None:
    """Refuse a file from which Blender has read another number of vertices than it has.

    Of an OBJ file alone: in an STL file each corner of a face is a vertex, and PLY says how many
    there are.
    """
    if path.suffix.lower() != ".obj":
        return
    read = len(np.unique(read_corners(obj.data)))
    try:
        wanted = vertices_of_faces(path)
    except ValueError:
        wrong = "a face holds something else than numbers of vertices"
    else:
        if read == wanted:
            return
        wrong = f"its faces have {wanted} vertices, but Blender reads {read}"
    _remove([obj])
    raise PartError(f"{path}: {wrong}; export the part again, best as binary STL")


def _remove(objects: Iterable[bpy.types.Object]) -> None:
    for obj in objects:
        bpy.data.objects.remove(obj)


def _drop_loose(mesh: Any) -> None:
    """Remove vertices that no face with an area has: they would make the part larger."""
    edit = bmesh.new()
    try:
        edit.from_mesh(mesh)
        faces = [face for face in edit.faces if face.calc_area() > 0.0]
        used = {vertex for face in faces for vertex in face.verts}
        if faces:
            loose = [vertex for vertex in edit.verts if vertex not in used]
            bmesh.ops.delete(edit, geom=loose, context="VERTS")
        edit.to_mesh(mesh)
    finally:
        edit.free()


def _recentre(mesh: Any) -> NDArray[np.float64]:
    """Move the middle of the bounding box to the origin; returns where it was.

    Raises:
        PartError: there are no faces, or a coordinate is not finite.
    """
    if not len(mesh.vertices):
        raise PartError("Blender finds no mesh in the file; export it again, best as binary STL")
    if not len(mesh.polygons):
        raise PartError(
            f"the file has {len(mesh.vertices)} points but no faces; export a mesh with faces"
        )
    points = read_positions(mesh).astype(np.float64)
    if not np.isfinite(points).all():
        raise PartError("a vertex has a coordinate that is not finite; export it again")
    middle: NDArray[np.float64] = (points.min(axis=0) + points.max(axis=0)) / 2.0
    mesh.vertices.foreach_set("co", (points - middle).astype(np.float32).ravel())
    return middle


def _prepare(mesh: Any, edge_ratio: float, max_vertices: int) -> Outward:
    """Merge, turn outward, split long edges, shade smooth.

    Raises:
        PartError: no face is left.
    """
    outward = _clean(mesh)
    points, faces = read_positions(mesh).astype(np.float64), _triangles(mesh)
    if not len(faces):
        raise PartError("all faces of the part have collapsed; export it again")
    longest = edge_ratio * float(np.linalg.norm(np.ptp(points, axis=0)))
    _replace(mesh, *refine(points, faces, lambda at: np.full(len(at), longest), max_vertices))
    return outward


def _clean(mesh: Any) -> Outward:
    """One vertex a place, triangles only, turned outward."""
    reach = MERGE_RATIO * float(np.abs(read_positions(mesh)).max())
    edit = bmesh.new()
    try:
        edit.from_mesh(mesh)
        bmesh.ops.remove_doubles(edit, verts=edit.verts[:], dist=reach)
        bmesh.ops.triangulate(edit, faces=edit.faces[:])
        outward = turn_outward(edit)
        edit.to_mesh(mesh)
    finally:
        edit.free()
    return outward


def _triangles(mesh: Any) -> NDArray[np.int64]:
    """The faces (M, 3) of a mesh of triangles."""
    return read_corners(mesh).reshape(-1, 3).astype(np.int64)


def _replace(mesh: Any, points: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
    """Give the mesh other points (N, 3) and triangles (M, 3), shaded smooth."""
    set_triangles(mesh, points, faces)
    mesh.shade_smooth()
    mesh.set_sharp_from_angle(angle=SHARP_ANGLE)
