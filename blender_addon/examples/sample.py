# SPDX-License-Identifier: GPL-3.0-or-later
"""A part to try defects on, made here: a welding-neck flange with one defect of each kind.

What comes out of this program is dedicated to the public domain (CC0-1.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

from ..parts.frame import part_origin
from ..parts.opening import prepare_part, refine_near
from ..placing.places import place_near, placed_values
from ..placing.surface_paths import Surface
from ..stack.modifiers import add_defect

NAME = "Flange"
# Half of the flange's section: radius and height in mm, from the bore round to the bore.
SECTION = (
    (20.0, 0.0),
    (59.0, 0.0),
    (60.0, 1.0),
    (60.0, 11.0),
    (59.0, 12.0),
    (41.0, 12.0),
    (37.6, 13.4),
    (36.2, 16.8),
    (30.5, 31.0),
    (28.0, 37.0),
    (28.0, 49.0),
    (27.0, 50.0),
    (20.0, 50.0),
)
BOLT_HOLES, BOLT_RADIUS, BOLT_CIRCLE = 6, 5.5, 49.0
STEPS_AROUND = 180
EDGE_RATIO = 0.012

# What suggested ratios are multiplied by, and how finely the surface is divided where defects are.
SIZE = 60.0
FINE_RADIUS, FINE_EDGE = 10.0, 0.25
# Kind, name, place as radius, degrees and height in mm, and what is not as suggested.
DEFECTS: tuple[tuple[str, str, tuple[float, float, float], dict[str, Any]], ...] = (
    ("dent", "Knock", (50.0, -2.0, 12.0), {"radius": 5.0, "depth": 1.2}),
    ("scratch", "Scratch", (50.0, -60.0, 12.0), {"width": 1.6, "depth": 0.6, "roughness": 0.3}),
    ("crack", "Crack at the Root", (36.5, -84.0, 15.5), {"length": 16.0, "gap": 0.9, "walls": 3.0}),
    ("freeform", "Corrosion", (33.2, -18.0, 24.0), {}),
    ("hole", "Blowhole", (33.2, -50.0, 24.0), {"radius": 2.2, "depth": 4.0}),
    ("deposit", "Weld Spatter", (28.0, -62.0, 43.0), {"radius": 2.2, "height": 1.4}),
)
BENT_RIM: dict[str, Any] = {
    "name": "Bent Rim",
    "hinge_axis": [0.0, 1.0, 0.0],
    "side": [-1.0, 0.0, 0.0],
    "angle": 0.2,
    "band": 8.0,
}
HINGE = (-44.0, 0.0, 6.0)


def add_sample_part() -> bpy.types.Object:
    """A flange 120 mm wide, ready for defects, as a new, active object of the open file."""
    flange = _new_object(NAME, _turned)
    with _bolts() as bolts:
        cut: Any = flange.modifiers.new("Bolt Holes", "BOOLEAN")
        cut.operation, cut.solver, cut.object = "DIFFERENCE", "EXACT", bolts
        depsgraph = bpy.context.evaluated_depsgraph_get()
        drilled = bpy.data.meshes.new_from_object(flange.evaluated_get(depsgraph))
        flange.modifiers.clear()
    solid: Any = flange.data
    flange.data = drilled
    bpy.data.meshes.remove(solid)
    drilled.name = NAME
    prepare_part(flange, edge_ratio=EDGE_RATIO)
    view_layer: Any = bpy.context.view_layer
    view_layer.objects.active = flange
    flange.select_set(True)
    return flange


def add_sample_defects(flange: bpy.types.Object) -> None:
    """Add one defect of each kind to the sample part; it gets more vertices where they are."""
    origin = part_origin(flange)
    places = np.array([_cartesian(*place) for _, _, place, _ in DEFECTS]) - origin
    refine_near(flange, places, FINE_RADIUS, FINE_EDGE)
    surface = Surface(flange)
    for (kind, name, _, changes), near in zip(DEFECTS, places, strict=True):
        values = placed_values(kind, surface, place_near(surface, near, SIZE))
        add_defect(flange, kind, {**values, "name": name, **changes})
    hinge = (np.array(HINGE) - origin).tolist()
    add_defect(flange, "bend", {**BENT_RIM, "hinge_point": hinge})


def _cartesian(radius: float, degrees: float, height: float) -> tuple[float, float, float]:
    angle = np.radians(degrees)
    return radius * np.cos(angle), radius * np.sin(angle), height


def _new_object(name: str, shape: Any) -> bpy.types.Object:
    """A new object of the mesh that ``shape`` makes of an empty one."""
    mesh = bpy.data.meshes.new(name)
    edit = bmesh.new()
    try:
        shape(edit)
        edit.to_mesh(mesh)
    finally:
        edit.free()
    obj = bpy.data.objects.new(name, mesh)
    context: Any = bpy.context
    context.collection.objects.link(obj)
    return obj


def _turned(edit: Any) -> None:
    """The section, turned about z; closed, faces outward."""
    angles = np.linspace(0.0, 2.0 * np.pi, STEPS_AROUND, endpoint=False)
    rings = [
        [edit.verts.new((r * np.cos(angle), r * np.sin(angle), z)) for r, z in SECTION]
        for angle in angles
    ]
    for ring, after in zip(rings, [*rings[1:], rings[0]], strict=True):
        for index in range(len(SECTION)):
            last = index - 1
            edit.faces.new((ring[last], after[last], after[index], ring[index]))
    bmesh.ops.recalc_face_normals(edit, faces=edit.faces[:])


@contextmanager
def _bolts() -> Iterator[bpy.types.Object]:
    """Cylinders through the bolt holes, for the time of the block."""
    bolts = _new_object("Bolts", _cylinders)
    mesh: Any = bolts.data
    try:
        yield bolts
    finally:
        bpy.data.objects.remove(bolts)
        bpy.data.meshes.remove(mesh)


def _cylinders(edit: Any) -> None:
    for number in range(BOLT_HOLES):
        angle = 2.0 * np.pi * (number + 0.5) / BOLT_HOLES
        x, y = BOLT_CIRCLE * np.cos(angle), BOLT_CIRCLE * np.sin(angle)
        bmesh.ops.create_cone(
            edit,
            cap_ends=True,
            segments=64,
            radius1=BOLT_RADIUS,
            radius2=BOLT_RADIUS,
            depth=40.0,
            matrix=Matrix.Translation((x, y, 6.0)),
        )
