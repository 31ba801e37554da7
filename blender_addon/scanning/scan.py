# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual scans: the points that a scanner would measure of a part with its defects, labelled.

One ray goes through the middle of each pixel of each view. ``docs/reference/scanner.md`` tells
what is measured and what is lost; place and labels of what is met are exact, see ``placing``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..batch.jobs import Facts, Job
from ..data.attributes import surface_positions
from ..documents.atomic_files import write_text
from ..documents.errors import AddonError
from ..documents.json_files import read_json
from ..documents.ply import write_ply
from ..documents.schema import CONSTANTS, MM_PER_UNIT, changed, check_document, completed, model
from ..exchange.recipes import recipe_of
from ..parts.frame import part_origin, part_unit
from ..placing.raycasting import Caster, Hits, LabeledSurface, caster, hits, labeled_surface, reach
from ..rendering.views import Camera, pose_looking_at, spread_directions
from ..stack.modifiers import facts_of, shown_defects

Document = Mapping[str, Any]
Floats = NDArray[np.float64]

SCANNER = model("Scanner")
PRESETS = Path(__file__).with_name("presets")
NOMINAL, ANOMALOUS = "nominal", "anomalous"
# A point is lit if what the projector's ray meets first is no nearer, to this part of its way.
SAME_PLACE = 1e-6


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scanner has measured of a part; P points in the part frame.

    Attributes:
        points: (P, 3) with noise.
        normals: (P, 3) unit and outward, of the surface that was met.
        mask, labels, weight, source_index: (P,) of that surface; see ``Hits``.
        view: (P,) number of the view.
        views: for each view its place, and how many rays were lost to what.
    """

    points: Floats
    normals: Floats
    mask: NDArray[np.bool_]
    labels: NDArray[np.int64]
    weight: Floats
    source_index: NDArray[np.int64]
    view: NDArray[np.int64]
    views: list[Facts]


def load_scanner(name: str, changes: Document | None = None) -> dict[str, Any]:
    """A scanner's document, complete: that of a file, or a bundled one by its name.

    ``changes`` replace its fields; those of ``views`` are merged.

    Raises:
        AddonError: there is none, or it breaks the schema.
    """
    bundled = sorted(path.stem for path in PRESETS.glob("*.json"))
    path = PRESETS / f"{name}.json" if name in bundled else Path(name)
    if not path.is_file():
        raise AddonError(
            f"{name}: no such file and no bundled scanner; bundled are {', '.join(bundled)}"
        )
    document = read_json(path)
    try:
        check_document(document, "Scanner")
        document = completed(document, SCANNER)
        for field, value in (changes or {}).items():
            document[field] = {**document[field], **value} if field == "views" else value
        check_document(document, "Scanner")
    except AddonError as error:
        raise AddonError(f"{path}: {error}") from error
    return dict(completed(document, SCANNER))


def scan_part(part: bpy.types.Object, scanner: Document, rng: np.random.Generator) -> Scan:
    """Scan a part as its modifiers make it.

    Args:
        part: a mesh object.
        scanner: a document that keeps to the schema, as ``load_scanner`` gives it.
        rng: the only source of chance.

    Raises:
        AddonError: no ray measures anything.
    """
    settings = _in_unit(scanner, part_unit(part))
    surface, origin = labeled_surface(part), part_origin(part)
    seen = []
    with caster(surface.points, surface.triangles) as cast:
        for number, camera in enumerate(scanner_cameras(part, settings, rng)):
            view = _measured(surface, cast, camera.moved(origin), settings, rng)
            seen.append((number, camera, *view))
    scan = _merged(seen, origin)
    if not len(scan.points):
        counts = [view["lost"] for view in scan.views]
        raise AddonError(
            f"the scanner measures no point of {part.name!r}; rays were lost to {counts}"
        )
    return _thinned(scan, settings["spacing"])


def _in_unit(scanner: Document, unit: str) -> dict[str, Any]:
    """The complete document with its lengths and positions in ``unit``."""
    scanner = completed(scanner, SCANNER)
    scale = MM_PER_UNIT[scanner["unit"]] / MM_PER_UNIT[unit]

    def scaled(value: Any) -> Any:
        return (np.array(value) * scale).tolist()

    return dict(changed(scanner, SCANNER, {"length": scaled, "point": scaled}))


def scanner_cameras(
    part: bpy.types.Object, settings: Document, rng: np.random.Generator
) -> list[Camera]:
    """The scanner's cameras before the part frame; all look at the middle of the part's box."""
    points = surface_positions(part.data)
    low, high = points.min(axis=0), points.max(axis=0)
    middle, diagonal = (low + high) / 2.0 + part_origin(part), float(np.linalg.norm(high - low))
    size = (settings["width"], settings["height"])
    focal = min(size) / (2.0 * math.tan(settings["field_of_view"] / 2.0))
    center = (size[0] / 2.0, size[1] / 2.0)
    return [
        Camera(f"view_{n:03}", size, (focal, focal), center, pose_looking_at(middle, place))
        for n, place in enumerate(_places(settings["views"], middle, diagonal, rng))
    ]


def _places(views: Document, middle: Floats, diagonal: float, rng: np.random.Generator) -> Floats:
    """Where (V, 3) the camera stands."""
    if views["type"] == "given":
        return np.array(views["viewpoints"], dtype=np.float64)
    standoff = diagonal if views["standoff"] is None else views["standoff"]
    away = diagonal / 2.0 + standoff
    turn, signs = np.linalg.qr(rng.normal(size=(3, 3)))
    turn = turn * np.sign(np.diag(signs))
    return np.asarray(middle + away * spread_directions(views["count"]) @ turn.T)


def _measured(
    surface: LabeledSurface,
    cast: Caster,
    camera: Camera,
    settings: Document,
    rng: np.random.Generator,
) -> tuple[Hits, Floats, Facts]:
    """What one view measures: what is met, the places with noise, and what was lost."""
    origins, directions = camera.rays()
    found = hits(surface, origins, directions, cast(origins, directions))
    lost: Facts = {"missed": len(origins) - len(found.ray)}
    for name, kept in _losses(surface, cast, camera, settings, rng):
        keep = kept(found)
        lost[name] = int((~keep).sum())
        found = found.taken(keep)
    distance, cosine = _towards(camera.place, found)
    ray = (found.points - camera.place) / distance[:, None]
    noise = _noise(settings["noise"], distance, cosine)
    return found, found.points + (noise * rng.normal(size=len(ray)))[:, None] * ray, lost


def _towards(place: Floats, found: Hits) -> tuple[Floats, Floats]:
    """Distance (H,) of what was met from a place, and the cosine (H,) of the incidence there."""
    ray = found.points - place
    distance = np.linalg.norm(ray, axis=1)
    return distance, -np.einsum("hi,hi->h", found.normals, ray) / distance


Test = Callable[[Hits], NDArray[np.bool_]]


def _losses(
    surface: LabeledSurface,
    cast: Caster,
    camera: Camera,
    settings: Document,
    rng: np.random.Generator,
) -> Iterator[tuple[str, Test]]:
    """By name, which of the points that are left stay."""
    steepest = math.cos(settings["max_incidence"])
    yield "incidence", lambda found: _towards(camera.place, found)[1] >= steepest
    if settings["baseline"]:
        projector = camera.place + settings["baseline"] * camera.pose[0, :3]
        yield "lamp_incidence", lambda found: _towards(projector, found)[1] >= steepest
        yield "shadow", lambda found: _is_lit(surface, cast, projector, found)
    for number, dropout in enumerate(settings["dropout"]):
        yield f"dropout_{number}", partial(_stays, camera, dropout, rng)


def _is_lit(surface: LabeledSurface, cast: Caster, lamp: Floats, found: Hits) -> NDArray[np.bool_]:
    """Which (H,) of the places are the first that light from ``lamp`` (3,) meets."""
    origins = np.broadcast_to(lamp, found.points.shape)
    directions = found.points - lamp
    return reach(surface, origins, directions, cast(origins, directions)) >= 1.0 - SAME_PLACE


def _stays(
    camera: Camera, dropout: Document, rng: np.random.Generator, found: Hits
) -> NDArray[np.bool_]:
    chance = rng.random(len(found.ray))
    if dropout["model"] == "random":
        return np.asarray(chance >= dropout["share"])
    return np.asarray(chance < _towards(camera.place, found)[1] / dropout["sure_cosine"])


def _noise(noise: Document | None, distance: Floats, cosine: Floats) -> Floats:
    """Standard deviation (H,) along the ray, as ``docs/reference/sensor.md`` has it."""
    if noise is None:
        return np.zeros(len(distance))
    cosine = np.clip(cosine, CONSTANTS["noise_least_cosine"], 1.0)
    growth = np.ones(len(cosine))
    if noise["incidence"] == "cosine":
        growth = 1.0 / cosine
    elif noise["incidence"] == "hyperbolic":
        angle = np.arccos(cosine)
        growth = 1.0 + noise["grazing"] * (angle / (np.pi / 2.0 - angle)) ** 2
    further = 1.0 if noise["distance"] is None else (distance / noise["distance"]) ** 2
    return np.asarray(noise["sigma"] * growth * further)


def _merged(seen: list[tuple[int, Camera, Hits, Floats, Facts]], origin: Floats) -> Scan:
    """All views in one, in the part frame."""
    found = [view[2] for view in seen]
    views = [
        {
            "place": camera.place.tolist(),
            "T_camera_part": camera.pose.tolist(),
            "measured": len(met.ray),
            "lost": lost,
        }
        for _, camera, met, _, lost in seen
    ]
    return Scan(
        np.concatenate([points for *_, points, _ in seen]) + origin,
        np.concatenate([met.normals for met in found]),
        np.concatenate([met.mask for met in found]),
        np.concatenate([met.labels for met in found]),
        np.concatenate([met.weight for met in found]),
        np.concatenate([met.source_index for met in found]),
        np.concatenate([np.full(len(met.ray), number) for number, _, met, _, _ in seen]),
        views,
    )


def _thinned(scan: Scan, spacing: float | None) -> Scan:
    """One point in each cube of ``spacing``: the one nearest to the cube's middle."""
    if spacing is None:
        return scan
    scaled = (scan.points - scan.points.min(axis=0)) / spacing
    cubes = np.floor(scaled)
    away = np.linalg.norm(scaled - cubes - 0.5, axis=1)
    order = np.lexsort((np.arange(len(away)), away, *cubes.T))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(cubes[order], axis=0) != 0).any(axis=1)
    keep = np.sort(order[new])
    arrays = {name: value[keep] for name, value in vars(scan).items() if name != "views"}
    return replace(scan, **arrays)


def write_scan(part: bpy.types.Object, job: Job, folder: Path) -> Facts:
    """Scan a part and write the points and a record, in a folder of data; a task of ``batch.jobs``.

    ``CATEGORY/anomalous/NAME.ply`` and ``.json`` beside it; ``nominal`` in place of ``anomalous``
    where no defect is shown.

    Args:
        part: a mesh object.
        job: its options are ``scanner``, a document, and ``seed``; its name is that of the files.
        folder: where the files go, laid out as they will be.

    Returns:
        The defects, and how many points each has marked.
    """
    category, _, name = job.name.partition("/")
    rng = np.random.default_rng([job.options["seed"], *job.name.encode()])
    scan = scan_part(part, job.options["scanner"], rng)
    recipe = recipe_of(part)
    path = folder / category / (ANOMALOUS if recipe["defects"] else NOMINAL) / f"{name}.ply"
    write_ply(path, _columns(scan))
    facts = {"defects": list(_marked(part, scan)), "points": len(scan.points)}
    record = {
        **facts,
        "recipe": recipe,
        "scanner": job.options["scanner"],
        "seed": job.options["seed"],
        "unit": part_unit(part),
        "views": scan.views,
    }
    write_text(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    return facts


def _columns(scan: Scan) -> dict[str, NDArray[Any]]:
    """The columns of the file, named and typed as ``flawsmith replay`` writes them."""
    columns: dict[str, NDArray[Any]] = {
        name: scan.points[:, axis] for axis, name in enumerate(("x", "y", "z"))
    }
    for axis, name in enumerate(("nx", "ny", "nz")):
        columns[name] = scan.normals[:, axis].astype(np.float32)
    return {
        **columns,
        "mask": scan.mask.astype(np.uint8),
        "label": scan.labels.astype(np.int32),
        "weight": scan.weight.astype(np.float32),
        "source_index": scan.source_index.astype(np.int32),
        "view": scan.view.astype(np.int32),
    }


def _marked(part: bpy.types.Object, scan: Scan) -> Iterator[Facts]:
    for facts in map(facts_of, shown_defects(part)):
        yield {**facts, "points": int((scan.labels == facts["label"]).sum())}
