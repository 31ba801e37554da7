# SPDX-License-Identifier: GPL-3.0-or-later
"""View sets of a part: its picture from many sides, and for each pixel what is seen there.

Depth, normals, mask and defect numbers are found by one ray through each pixel's centre, so that
they are exact: no pixel holds a mixture of two surfaces or of two numbers. Only ``rgb`` is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..batch.jobs import Facts, Job
from ..data.attributes import surface_positions
from ..data.images import write_exr, write_png, write_tiff
from ..documents.atomic_files import write_text
from ..documents.schema import MM_PER_UNIT
from ..exchange.recipes import recipe_of
from ..parts.frame import part_origin, part_unit
from ..placing.raycasting import Hits, caster, hits, labeled_surface
from ..stack.modifiers import facts_of, shown_defects
from .studio import Look, photograph, studio
from .views import Camera, cameras_around, cameras_of, scene_cameras, view_set

Floats = NDArray[np.float64]

PASSES = ("rgb", "depth", "normal", "mask", "defect_id")
FOLDERS, MVTEC = "folders", "mvtec-3d-ad"
LAYOUTS = (FOLDERS, MVTEC)
GOOD = "good"
# Of the nominal views of MVTec's layout, one in five is for validation, and one for the test.
SPLITS = ("train", "train", "train", "validation", "test")
ANOMALOUS = 255


@dataclass(frozen=True)
class ViewOptions:
    """What is rendered.

    Attributes:
        passes: some of ``PASSES``.
        views: how many cameras stand round the part, where none are given.
        cameras: given ones, as a view set's document.
        scene_cameras: whether the cameras of the .blend file are taken.
        size: width and height of the pictures in pixels.
        angle: field of view of the cameras round the part, in radians.
        elevation: lowest and highest of the cameras round the part, in radians.
        material: of the pictures, a name of ``materials.FINISHES``.
        lighting: of the pictures, a name of ``studio.LIGHTINGS``.
        samples: of light paths for each pixel of a picture.
        seed: of the pictures' lamps and noise.
        layout: one of ``LAYOUTS``.
        category, kind: names of folders in MVTec's layout.
        first: number of the first view in MVTec's layout.
    """

    passes: tuple[str, ...]
    views: int
    cameras: Mapping[str, Any] | None
    scene_cameras: bool
    size: tuple[int, int]
    angle: float
    elevation: tuple[float, float]
    material: str
    lighting: str
    samples: int
    seed: int
    layout: str = FOLDERS
    category: str = ""
    kind: str = GOOD
    first: int = 0


@dataclass(frozen=True, eq=False)
class Seen:
    """What a camera's pixels show of a part, by rays through their centres.

    Attributes:
        camera: before the part's local space.
        hits: of the rays, which are numbered row by row.
    """

    camera: Camera
    hits: Hits

    @cached_property
    def places(self) -> Floats:
        """(H, 3) of what is seen, in the camera's frame."""
        return self.hits.points @ self.camera.pose[:3, :3].T + self.camera.pose[:3, 3]

    def image(self, values: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """Values (H,) or (H, C) of what is seen as an image, 0 where nothing is."""
        width, height = self.camera.size
        image: NDArray[Any] = np.zeros((width * height, *values.shape[1:]), dtype=dtype)
        image[self.hits.ray] = values
        return image.reshape(height, width, *values.shape[1:])


def render_view_set(part: bpy.types.Object, job: Job, folder: Path) -> Facts:
    """Render a part as its modifiers make it; a task of ``batch.jobs``.

    Args:
        part: a mesh object.
        job: whose options are those of ``ViewOptions``.
        folder: where the files go, laid out as they will be.

    Returns:
        The part's defects, and in how many pixels each is seen.
    """
    options = ViewOptions(**job.options)
    cameras = part_cameras(part, options)
    files = [_files(job, options, camera.name, n) for n, camera in enumerate(cameras)]
    seen = list(look(part, cameras))
    metres = MM_PER_UNIT[part_unit(part)] / 1000.0
    for names, view in zip(files, seen, strict=True):
        for name in names.keys() & WRITERS.keys():
            WRITERS[name](folder / names[name], view, metres)
    if all("rgb" in names for names in files):
        photograph_all(part, [view.camera for view in seen], options, folder, files)
    if options.layout == FOLDERS:
        _write_documents(part, cameras, files, folder / job.name)
    return {"defects": _defects_seen(part, seen)}


def part_cameras(part: bpy.types.Object, options: ViewOptions) -> list[Camera]:
    """The cameras that are asked for, before the part frame.

    Those round the part stand alike whatever its defects.
    """
    origin = part_origin(part)
    if options.cameras is not None:
        return cameras_of(options.cameras)
    if options.scene_cameras:
        found = scene_cameras(bpy.context.scene, part, options.size)
        return [camera.moved(-origin) for camera in found]
    points = surface_positions(part.data)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2.0
    lowest, highest = options.elevation
    return cameras_around(
        middle + origin,
        float(np.linalg.norm(points - middle, axis=1).max()),
        options.views,
        size=options.size,
        angle=options.angle,
        lowest=lowest,
        highest=highest,
    )


def look(part: bpy.types.Object, cameras: Sequence[Camera]) -> Iterator[Seen]:
    """What each camera, before the part frame, sees of the part."""
    surface, origin = labeled_surface(part), part_origin(part)
    with caster(surface.points, surface.triangles) as cast:
        for camera in cameras:
            before = camera.moved(origin)
            origins, directions = before.rays()
            met = cast(origins, directions)
            yield Seen(before, hits(surface, origins, directions, met))


def photograph_all(
    part: bpy.types.Object,
    cameras: Sequence[Camera],
    options: ViewOptions,
    folder: Path,
    files: Sequence[Mapping[str, str]],
) -> None:
    """Draw the pictures of all ``cameras``, which are before the part's local space."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(part.evaluated_get(depsgraph), depsgraph=depsgraph)
    style = Look(options.material, options.samples, options.seed, options.lighting)
    try:
        with studio(mesh, style) as scene:
            for camera, names in zip(cameras, files, strict=True):
                photograph(scene, camera, style, folder / names["rgb"])
    finally:
        bpy.data.meshes.remove(mesh)


def _files(job: Job, options: ViewOptions, view: str, number: int) -> dict[str, str]:
    """The file of each pass of a view, relative to the output folder."""
    if options.layout == FOLDERS:
        suffixes = {"depth": "exr", "normal": "exr"}
        return {
            name: f"{job.name}/{view}_{name}.{suffixes.get(name, 'png')}" for name in options.passes
        }
    split = SPLITS[number % len(SPLITS)] if options.kind == GOOD else "test"
    folder, number = f"{options.category}/{split}/{options.kind}", options.first + number
    files = {"rgb": f"{folder}/rgb/{number:03}.png", "xyz": f"{folder}/xyz/{number:03}.tiff"}
    return {**files, "mask": f"{folder}/gt/{number:03}.png"} if split == "test" else files


def _write_depth(path: Path, seen: Seen, metres: float) -> None:
    write_exr(path, seen.image(seen.places[:, 2], np.float32))


def _write_normal(path: Path, seen: Seen, metres: float) -> None:
    write_exr(path, seen.image(seen.hits.normals, np.float32))


def _write_mask(path: Path, seen: Seen, metres: float) -> None:
    write_png(path, seen.image(np.where(seen.hits.mask, ANOMALOUS, 0), np.uint8))


def _write_defect_id(path: Path, seen: Seen, metres: float) -> None:
    write_png(path, seen.image(seen.hits.labels, np.uint16))


def _write_xyz(path: Path, seen: Seen, metres: float) -> None:
    write_tiff(path, seen.image(metres * seen.places, np.float32))


WRITERS = {
    "depth": _write_depth,
    "normal": _write_normal,
    "mask": _write_mask,
    "defect_id": _write_defect_id,
    "xyz": _write_xyz,
}


def _write_documents(
    part: bpy.types.Object,
    cameras: Sequence[Camera],
    files: Sequence[Mapping[str, str]],
    folder: Path,
) -> None:
    """The cameras with their files, and the recipe."""
    documents = [
        camera.as_document({name: Path(file).name for name, file in names.items()})
        for camera, names in zip(cameras, files, strict=True)
    ]
    for name, document in {
        "views.json": view_set(part.name, part_unit(part), documents),
        "recipe.json": recipe_of(part),
    }.items():
        write_text(folder / name, json.dumps(document, indent=1, allow_nan=False) + "\n")


def _defects_seen(part: bpy.types.Object, seen: Sequence[Seen]) -> list[Facts]:
    """Kind, name and label of each defect, and in how many pixels of each view it is seen."""
    labels = [view.hits.labels for view in seen]
    return [
        {**facts, "pixels": [int((label == facts["label"]).sum()) for label in labels]}
        for facts in map(facts_of, shown_defects(part))
    ]
