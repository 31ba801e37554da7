# SPDX-License-Identifier: GPL-3.0-or-later
"""One defect of each kind on a part: pictures, recipe and .blend file, for a first look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..batch.saving import save_blend
from ..documents.atomic_files import write_text
from ..documents.digests import file_digest, program_digest
from ..documents.errors import AddonError
from ..exchange.recipes import save_recipe
from ..parts.frame import part_origin, show_in_unit
from ..parts.opening import open_part, refine_near
from ..placing.places import Place, clearance, place_near, placed_values, separated_vertices
from ..placing.surface_paths import Surface
from ..rendering.preview import render_preview
from ..stack.modifiers import (
    KINDS,
    add_defect,
    defect_kind,
    defect_modifiers,
    diagonal,
    facts_of,
    read_values,
)

Floats = NDArray[np.float64]
Say = Callable[[str], None]

RECORD = "showcase.json"
# Kinds that move the rest of the part come last, so that the places of the others do not change.
LOCAL_KINDS = tuple(kind for kind in KINDS if kind != "bend")
# Suggested ratios are of the diagonal; or of these multiples of the distance between defects, and
# to the next edge, where they are less; but not of less than this part of the diagonal.
SPREAD, ROOM, LEAST_SIZE = 1.6, 13.0, 0.15
# About each place, edges are split down to this size.
FINE_RADIUS, FINE_EDGE = 0.2, 0.004
# Beyond the suggested values: a little life.
CHANGES: dict[str, dict[str, Any]] = {
    "scratch": {"roughness": 0.3, "seed": 7},
    "crack": {"roughness": 0.5, "seed": 7},
}
# The hinge lies this part of the region's length from its middle.
HINGE_PLACE = 0.25
BEND_ANGLE = 0.2
LIFT = np.array([0.0, 0.0, 0.4])


@dataclass(frozen=True)
class Request:
    """What is to be shown.

    Attributes:
        model: STL, OBJ or PLY file.
        unit: of its lengths.
        region: (x, y, z) least and (x, y, z) greatest, where defects go; None for all of the part.
        size: of the pictures, in pixels.
    """

    model: Path
    unit: str = "mm"
    region: tuple[float, ...] | None = None
    size: int = 480

    def digest(self) -> str:
        """SHA-256 of all that the results depend on: the model, the arguments, this program."""
        arguments = {**asdict(self), "model": self.model.name, "blender": bpy.app.version_string}
        about = [arguments, program_digest(), file_digest(self.model)]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def showcase(request: Request, out: Path, say: Say) -> None:
    """Write pictures of every kind and of all together, recipe.json and showcase.blend to ``out``.

    The open file is replaced by the showcase. Results of the same request are kept.

    Args:
        request: what to show.
        out: a folder, made as needed; showcase.json lists what was written to it.
        say: told of each step.

    Raises:
        PartError: the model cannot be opened.
        AddonError: there is no place for defects.
    """
    if not request.model.is_file():
        raise AddonError(f"{request.model}: there is no such file")
    digest = request.digest()
    if _is_done(out, digest):
        say(f"{out} already holds this showcase")
        return
    (out / RECORD).unlink(missing_ok=True)
    obj = _open(request, say)
    normals = add_defects(obj, _region_of(obj, request.region), say)
    files = [*_draw_previews(obj, normals, out, request.size, say), *_save(obj, out, say)]
    record = {
        "digest": digest,
        "blender": bpy.app.version_string,
        "files": files,
        "defects": [facts_of(modifier) for modifier in defect_modifiers(obj)],
    }
    write_text(out / RECORD, json.dumps(record, indent=2) + "\n")


def _is_done(out: Path, digest: str) -> bool:
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        return record["digest"] == digest and all((out / file).exists() for file in record["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _open(request: Request, say: Say) -> bpy.types.Object:
    """The model in an otherwise empty file, which shows lengths in its unit."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    obj = open_part(request.model, request.unit)
    show_in_unit(bpy.context.scene, request.unit)
    say(f"opened {request.model.name}: {len(obj.data.vertices)} vertices")  # type: ignore[union-attr]
    return obj


def _region_of(obj: bpy.types.Object, region: tuple[float, ...] | None) -> Floats | None:
    """The region's corners (2, 3) in the object's local space."""
    return None if region is None else np.array(region).reshape(2, 3) - part_origin(obj)


def add_defects(obj: bpy.types.Object, region: Floats | None, say: Say) -> Floats:
    """Add one defect of each kind, well apart, always at the same places.

    Args:
        obj: the part, as opened; it gets more vertices at these places.
        region: corners (2, 3) of a box in local space where they go; None for all of the part.
        say: told of each defect.

    Returns:
        Outward normals (P, 3) at the places of all but the bend.

    Raises:
        AddonError: nothing of the part is in the region.
    """
    surface = Surface(obj)
    inside = _inside(obj, surface, region)
    vertices = separated_vertices(surface, inside, len(LOCAL_KINDS))
    hinge = _hinge_place(surface, surface.points[inside], diagonal(obj))
    bend = placed_values("bend", surface, hinge)
    bend["angle"] = min(bend["angle"], BEND_ANGLE)
    places = surface.points[vertices]
    size = _size_at(surface, vertices, diagonal(obj))
    refine_near(obj, places, FINE_RADIUS * size, FINE_EDGE * size)
    surface = Surface(obj)
    for kind, near in zip(LOCAL_KINDS, places, strict=True):
        place = place_near(surface, near, size)
        add_defect(obj, kind, {**placed_values(kind, surface, place), **CHANGES.get(kind, {})})
        say(f"added a {kind}")
    add_defect(obj, "bend", bend)
    say("added a bend")
    return surface.normals[vertices]


def _hinge_place(surface: Surface, points: Floats, size: float) -> Place:
    """Where the part bends: across its longest axis, near the end of ``points`` (N, 3).

    The longer side turns, which shows best.
    """
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    place = place_near(surface, middle, size)
    reach = (surface.points - middle) @ place.axis
    axis = place.axis if reach.max() > -reach.min() else -place.axis
    away = HINGE_PLACE * float(np.ptp(points @ axis))
    return replace(place, position=middle - away * axis, axis=axis)


def _inside(obj: bpy.types.Object, surface: Surface, region: Floats | None) -> NDArray[np.bool_]:
    """Which vertices (N,) are in the region."""
    if region is None:
        return np.ones(len(surface.points), dtype=bool)
    inside = ((surface.points >= region[0]) & (surface.points <= region[1])).all(axis=1)
    if not inside.any():
        low, high = (part_origin(obj) + end(surface.points, axis=0) for end in (np.min, np.max))
        raise AddonError(
            f"region {(region + part_origin(obj)).tolist()} holds no vertex of {obj.name!r}, "
            f"which spans {low.tolist()} to {high.tolist()}"
        )
    return np.asarray(inside)


def _size_at(surface: Surface, vertices: NDArray[np.int64], size: float) -> float:
    """What ratios are multiplied by, so that defects at ``vertices`` (P,) keep to themselves."""
    points = surface.points[vertices]
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    apart = float(away[~np.eye(len(points), dtype=bool)].min())
    clear = min(clearance(surface, vertex) for vertex in vertices)
    return max(LEAST_SIZE * size, min(size, SPREAD * apart, ROOM * clear))


def _draw_previews(
    obj: bpy.types.Object, normals: Floats, out: Path, size: int, say: Say
) -> Iterator[str]:
    """A picture of each defect alone, and one of all; yields the names of the files."""
    for modifier in defect_modifiers(obj):
        name = f"preview_{defect_kind(modifier)}.png"
        with _alone(obj, modifier):
            render_preview(obj, out / name, size, _side_of_bend(modifier))
        say(f"drew {name}")
        yield name
    render_preview(obj, out / "preview_stack.png", size, _seeing_most(normals))
    say("drew preview_stack.png")
    yield "preview_stack.png"


@contextmanager
def _alone(obj: bpy.types.Object, modifier: bpy.types.Modifier) -> Iterator[None]:
    """Switch all other defects off for the time of the block."""
    others = [other for other in defect_modifiers(obj) if other != modifier]
    try:
        for other in others:
            other.show_viewport = False
        yield
    finally:
        for other in others:
            other.show_viewport = True


def _side_of_bend(modifier: bpy.types.NodesModifier) -> Floats | None:
    """For a bend, along its hinge and a little from above, where the angle shows; else None."""
    values = read_values(modifier)
    return np.array(values["hinge_axis"]) + LIFT if values["kind"] == "bend" else None


def _seeing_most(normals: Floats) -> Floats:
    """Direction, a little from above, towards which most of ``normals`` (P, 3) point."""
    facing = np.maximum(normals @ normals.T, 0.0).sum(axis=1)
    return np.asarray(normals[np.argmax(facing)] + LIFT)


def _save(obj: bpy.types.Object, out: Path, say: Say) -> Iterator[str]:
    """The recipe, and a file to open in Blender; yields their names."""
    save_recipe(out / "recipe.json", obj)
    yield "recipe.json"
    save_blend(obj, out / "showcase.blend")
    yield "showcase.blend"
    say("wrote recipe.json and showcase.blend")
