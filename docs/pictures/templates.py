"""Draw the pictures of ``docs/reference/templates.md``, and write its tables.

    python -m docs.pictures.templates [NAME ...] [--all]

Needs Blender as a Python module (the extra ``blender``). Each template gives one recipe, drawn with
a fixed seed on a bundled part, or on one made here where none of those shows it. A picture whose
recipe, part and program are what they were is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from backend.cloud import PointCloud
from backend.cloud.surface import require_faces
from backend.io import read_cloud
from backend.io.atomic import write_bytes, write_json
from backend.io.digest import file_digest
from backend.samples import sample_names, sample_path
from backend.sampling.places import Surface, load_surface
from backend.sampling.recipes import sample_recipe
from backend.templates import (
    PROCESSES,
    BundledTemplate,
    load_template,
    template_names,
    template_path,
    templates,
)
from blender_addon.data.attributes import MASK, read_attribute, read_positions
from blender_addon.exchange.recipes import apply_recipe
from blender_addon.parts.opening import open_part
from blender_addon.parts.refinement import refine
from blender_addon.rendering.preview import View, render_preview
from shared_schema.load import dump
from shared_schema.recipe import Recipe, Unit

ROOT = Path(__file__).parents[2]
PICTURES = Path(__file__).with_name("templates")
RECORD = PICTURES / "pictures.json"
PAGE = ROOT / "docs" / "reference" / "templates.md"
# What follows it in the page is written by this program.
MARK = "<!-- From here on written by docs/pictures/templates.py. -->"

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float, float, float]

SIZE = 360
# The modules of `rendering` that a picture depends on.
PAINTING = ("preview", "cycles", "materials", "views")
# Added to the surface's normal, so that relief is not looked at from straight above.
LEAN = (0.25, -0.55, 0.35)
# … and for what is shallow and soft, more so.
LOW = (0.5, -1.2, 0.35)
# How much longer edges may get with the distance from a defect.
GRADING = 0.3
MAX_VERTICES = 250_000
# Places along the mouth of a crack about which the mesh is refined.
MOUTH_PLACES = 41


@dataclass(frozen=True)
class Shot:
    """What is drawn on what, and how it is looked at.

    Attributes:
        part: a bundled sample, or one of ``MADE``.
        seed: of the recipe.
        region: least and greatest x, y, z, in parts of the diagonal, where defects go.
        zoom: radius of what is seen, as a multiple of the defects'.
        lean: (3,) added to the normal of the surface for the direction to the camera.
        edge_ratio: longest edge of the part, as a ratio of its diagonal.
    """

    part: str
    seed: int = 0
    region: Box | None = None
    zoom: float = 1.4
    lean: tuple[float, float, float] = LEAN
    edge_ratio: float = 0.012


# Faces and edges of the parts where defects show well.
PARTING_LINE = (-0.012, -0.3, 0.02, 0.012, -0.01, 0.6)
PLATE = (0.05, 0.1, 0.03, 0.5, 0.7, 0.1)
PLATE_ARRIS = (-0.1, 0.1, 0.031, 0.0035, 0.3, 0.036)
PLATE_EDGE = (-0.1, 0.2, 0.02, 0.02, 0.4, 0.1)
HOUSING = (0.14, -0.1, -0.12, 0.34, 0.005, 0.12)
HOUSING_EDGE = (0.05, -0.1, -0.22, 0.36, 0.06, -0.1)
SHEET = (-0.4, -0.28, 0.004, 0.4, 0.28, 0.1)
SHEET_MIDDLE = (-0.15, -0.1, 0.0, 0.15, 0.1, 0.1)
COVER = (-0.25, -0.14, 0.06, 0.25, 0.14, 0.2)
FLANGE = (-0.3, -0.4, -0.1, 0.1, -0.25, 0.03)
FLANGE_RIM = (-0.35, -0.2815, 0.004, 0.35, -0.27, 0.008)
PRINTED_WALL = (-0.25, -0.4, 0.08, 0.25, -0.2, 0.5)
PRINTED_TOP = (-0.25, -0.15, 0.52, 0.25, 0.15, 0.6)
WELD_BEAD = (-0.3, -0.015, 0.0, 0.3, 0.015, 0.1)
WELD_TOE = (-0.3, 0.044, 0.0, 0.3, 0.052, 0.1)
WELD_SIDE = (-0.3, -0.13, 0.02, 0.3, 0.13, 0.1)

SHOTS = {
    "machining/scratches": Shot("plate_holes", 6, PLATE, zoom=1.1),
    "machining/chatter_marks": Shot("plate_holes", 1, PLATE),
    "machining/edge_chips": Shot("plate_holes", 1, PLATE_EDGE, lean=(-0.3, -0.5, 0.0)),
    "machining/burrs": Shot("plate_holes", 2, PLATE_ARRIS, zoom=1.0, lean=(-0.3, -0.8, 0.0)),
    "machining/handling_dents": Shot("nist_ftc_10", 4, HOUSING),
    "machining/dents_with_scratches": Shot("plate_holes", 1, PLATE),
    "machining/tool_gouges": Shot("plate_holes", 1, PLATE),
    "grinding/wheel_marks": Shot("plate_holes", 1, PLATE, zoom=1.1),
    "grinding/fishtails": Shot("plate_holes", 1, PLATE),
    "grinding/chatter_marks": Shot("plate_holes", 1, PLATE, lean=LOW),
    "grinding/cracks": Shot("plate_holes", 1, PLATE),
    "grinding/crack_net": Shot("sheet", 1, SHEET_MIDDLE),
    "casting/porosity": Shot("nist_ftc_10", 1, HOUSING),
    "casting/blowholes": Shot("nist_ftc_10", 1, HOUSING),
    "casting/shrinkage": Shot("nist_ftc_10", 1, HOUSING),
    "casting/cold_shut": Shot("nist_ftc_10", 1, HOUSING),
    "casting/hot_tears": Shot("nist_ftc_10", 1, HOUSING),
    "casting/flash": Shot("pawn", 1, PARTING_LINE, lean=(0.9, 0.0, 0.35)),
    "casting/sand_inclusions": Shot("nist_ftc_10", 1, HOUSING),
    "casting/misruns": Shot("nist_ftc_10", 3, HOUSING_EDGE),
    "forging/laps": Shot("nist_ftc_10", 2, HOUSING),
    "forging/underfill": Shot("plate_holes", 1, PLATE_ARRIS, lean=(-0.3, -0.8, 0.0)),
    "forging/mismatch": Shot("pawn", 1, zoom=1.1, lean=(0.3, -1.0, 0.35)),
    "forging/scale_pits": Shot("nist_ftc_10", 1, HOUSING),
    "forging/cracks": Shot("nist_ftc_10", 1, HOUSING),
    "forging/flash_residue": Shot("pawn", 1, PARTING_LINE, lean=(0.9, 0.0, 0.35)),
    "forging/die_wear": Shot("nist_ftc_10", 1, HOUSING, lean=(1.0, 0.0, 0.6)),
    "sheet_metal/dents": Shot("sheet", 5, SHEET_MIDDLE, lean=LOW),
    "sheet_metal/scratches": Shot("sheet", 2, SHEET),
    "sheet_metal/bent_end": Shot("sheet", 7, zoom=1.8, lean=(0.35, -1.0, 0.3)),
    "sheet_metal/wrinkles": Shot("sheet", 2, SHEET, lean=LOW),
    "sheet_metal/splits": Shot("sheet", 1, SHEET_MIDDLE),
    "sheet_metal/pitting": Shot("sheet", 1, SHEET),
    "sheet_metal/corrosion": Shot("sheet", 5, SHEET),
    "injection_moulding/sink_marks": Shot("cover", 1, COVER, lean=LOW),
    "injection_moulding/flash": Shot("cover", 8, FLANGE_RIM, lean=LOW),
    "injection_moulding/short_shot": Shot("cover", 1, FLANGE, lean=(0.2, -0.6, 2.2)),
    "injection_moulding/flow_lines": Shot("cover", 7, COVER, lean=LOW),
    "injection_moulding/weld_line": Shot("cover", 1, COVER),
    "injection_moulding/ejector_marks": Shot("cover", 1, COVER),
    "injection_moulding/burn_marks": Shot("cover", 1, COVER),
    "printing_3d/layer_shift": Shot("printed", 1, zoom=1.5, lean=(0.5, -1.0, 0.5)),
    "printing_3d/layer_separation": Shot("printed", 11, PRINTED_WALL),
    "printing_3d/stringing": Shot("printed", 1, PRINTED_TOP),
    "printing_3d/blobs": Shot("printed", 1, PRINTED_WALL),
    "printing_3d/under_extrusion": Shot("printed", 3, PRINTED_WALL),
    "printing_3d/warping": Shot("plate_holes", 1, zoom=2.1, lean=(1.0, -0.25, 0.25)),
    "printing_3d/top_gaps": Shot("printed", 1, PRINTED_TOP),
    "welding/spatter": Shot("weld", 1, WELD_SIDE),
    "welding/porosity": Shot("weld", 8, WELD_BEAD),
    "welding/undercut": Shot("weld", 3, WELD_TOE),
    "welding/cracks": Shot("weld", 1, WELD_BEAD),
    "welding/burn_through": Shot("weld", 1, WELD_BEAD),
    "welding/excess_bead": Shot("weld", 1, WELD_BEAD),
    "welding/underfill": Shot("weld", 1, WELD_BEAD),
    "coating/runs": Shot("cover", 1, COVER, lean=LOW),
    "coating/orange_peel": Shot("nist_ftc_10", 1, HOUSING, zoom=1.1, lean=(1.0, 0.0, 0.6)),
    "coating/craters": Shot("sheet", 1, SHEET_MIDDLE),
    "coating/pinholes": Shot("sheet", 1, SHEET_MIDDLE),
    "coating/blisters": Shot("sheet", 1, SHEET_MIDDLE, lean=LOW),
    "coating/flaking": Shot("cover", 1, COVER),
    "coating/inclusions": Shot("sheet", 1, SHEET_MIDDLE, zoom=1.1, lean=LOW),
    "coating/cracking": Shot("sheet", 1, SHEET_MIDDLE),
}


def sheet() -> trimesh.Trimesh:
    """A sheet of 200 × 140 × 3 mm."""
    return trimesh.creation.box((200.0, 140.0, 3.0)).subdivide_to_size(4.0)


def weld() -> trimesh.Trimesh:
    """Two plates of 10 mm, joined along x by a rippled bead."""
    plate = trimesh.creation.box((160.0, 120.0, 10.0)).subdivide_to_size(1.6)
    plate.merge_vertices()
    x, y, z = plate.vertices.T
    ripples = 1.0 + 0.08 * np.sin(2.0 * np.pi * (x - 0.06 * y**2) / 4.0)
    bead = 2.6 * ripples * np.sqrt(np.maximum(1.0 - (y / 9.0) ** 2, 0.0))
    plate.vertices[:, 2] += np.where(z > 0, bead, 0.0)
    return plate


def cover() -> trimesh.Trimesh:
    """A moulded cover of 160 × 110 mm with a flange; its wall is 2.5 mm thick."""
    plate = trimesh.creation.box((160.0, 110.0, 2.5)).subdivide_to_size(1.6)
    plate.merge_vertices()
    x, y, _ = plate.vertices.T
    inside = np.clip((np.minimum(80.0 - np.abs(x), 55.0 - np.abs(y)) - 9.0) / 8.0, 0.0, 1.0)
    plate.vertices[:, 2] += 18.0 * inside**2 * (3.0 - 2.0 * inside)
    return plate


def printed() -> trimesh.Trimesh:
    """A printed block of 60 × 40 × 45 mm with rounded corners and layers of 1.5 mm."""
    turn = np.linspace(0.0, 2.0 * np.pi, 160, endpoint=False)
    round_corners = (np.abs(np.cos(turn)) ** 6 + np.abs(np.sin(turn)) ** 6) ** (-1.0 / 6.0)
    outline = round_corners[:, None] * np.stack([30.0 * np.cos(turn), 20.0 * np.sin(turn)], axis=1)
    height = np.linspace(0.0, 45.0, 30 * 6 + 1)
    bulge = 0.35 * np.abs(np.sin(np.pi * height / 1.5))
    rows = [outline * (1.0 + grown / 30.0) for grown in bulge]
    wall = np.concatenate(
        [np.c_[row, np.full(160, z)] for row, z in zip(rows, height, strict=True)]
    )
    hull = np.arange(160), (np.arange(160) + 1) % 160
    top, last = 160 * (len(height) - 1), len(wall)
    faces = [np.c_[hull[1], hull[0], np.full(160, last)]]
    faces += [np.c_[hull[0] + top, hull[1] + top, np.full(160, last + 1)]]
    for row in range(0, top, 160):
        faces.append(np.c_[hull[0], hull[1], hull[1] + 160] + row)
        faces.append(np.c_[hull[0], hull[1] + 160, hull[0] + 160] + row)
    points = np.concatenate([wall, [[0.0, 0.0, 0.0], [0.0, 0.0, 45.0]]])
    return trimesh.Trimesh(points, np.concatenate(faces), process=False)


MADE = {"cover": cover, "printed": printed, "sheet": sheet, "weld": weld}


def main(arguments: list[str] | None = None) -> None:
    """Draw what is out of date, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of templates; default: all")
    parser.add_argument("--all", action="store_true", help="draw again what is up to date too")
    options = parser.parse_args(arguments)
    for name in options.names or template_names():
        with part_file(SHOTS[name].part) as part:
            recipe = drawn(name, part)
            inputs, record = digests(name, recipe, part), read_record()
            if record.get(name) == inputs and picture_path(name).exists() and not options.all:
                continue
            draw(name, recipe, part)
        write_record({**record, name: inputs})
        print(f"drew {name}", file=sys.stderr, flush=True)
    introduction = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    write_bytes(PAGE, f"{introduction}{MARK}\n{gallery()}".encode())


def gallery() -> str:
    """The page's tables: a heading and a row for each template of each process."""
    lines = []
    for process, title in PROCESSES.items():
        lines += ["", f"## {title}", "", "| | what it is | what to change |", "|---|---|---|"]
        lines += [row(templates()[name]) for name in template_names(process)]
    return "\n".join(lines) + "\n"


def row(template: BundledTemplate) -> str:
    """A template's row of its table."""
    picture = Path(os.path.relpath(picture_path(template.name), PAGE.parent)).as_posix()
    return (
        f"| ![{template.title}]({picture}) | **{template.title}** `{template.name}`<br>"
        f"{template.description}<br>*Causes:* {template.causes}<br>"
        f"*Materials:* {', '.join(template.materials)}. | {template.change} |"
    )


def picture_path(name: str) -> Path:
    """The picture of a template."""
    return PICTURES / f"{name.replace('/', '_')}.png"


@contextmanager
def part_file(name: str) -> Iterator[Path]:
    """The mesh file of a sample or of a part of ``MADE``."""
    if name in sample_names("mesh"):
        yield sample_path(name)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.stl"
        write_bytes(path, trimesh.exchange.stl.export_stl(MADE[name]()))
        yield path


def drawn(name: str, part: Path) -> Recipe:
    """The recipe that is shown of a template."""
    shot = SHOTS[name]
    surface = load_surface(part, unit=Unit.MM, seed=0)
    if shot.region is not None:
        surface = within(surface, np.array(shot.region).reshape(2, 3) * surface.part.diagonal)
    rng = np.random.default_rng(shot.seed)
    return sample_recipe(load_template(name), surface, rng=rng, name=name)


def within(surface: Surface, box: Floats) -> Surface:
    """The part of a surface in ``box`` (2, 3)."""
    points = surface.cloud.points
    inside = ((points >= box[0]) & (points <= box[1])).all(axis=1)
    return replace(surface, cloud=surface.cloud.subset(inside))


def digests(name: str, recipe: Recipe, part: Path) -> dict[str, str]:
    """SHA-256 of the template, and of all that its picture depends on."""
    inputs = hashlib.sha256(f"{asdict(SHOTS[name])} {SIZE} {bpy.app.version_string}".encode())
    inputs.update(dump(recipe).encode())
    addon = ROOT / "blender_addon"
    program = [
        *(addon / "rendering" / f"{name}.py" for name in PAINTING),
        addon / "nodes" / "tree.py",
        *sorted((addon / "defects").glob("*.py")),
    ]
    for path in (template_path(name), part, *program):
        inputs.update(path.read_bytes())
    return {"template": file_digest(template_path(name)), "inputs": inputs.hexdigest()}


def read_record() -> dict[str, dict[str, str]]:
    """The digests of each picture that is there."""
    return dict(json.loads(RECORD.read_text(encoding="utf-8"))) if RECORD.exists() else {}


def write_record(record: dict[str, dict[str, str]]) -> None:
    """Replace the digests."""
    write_json(RECORD, {name: record[name] for name in template_names() if name in record})


def draw(name: str, recipe: Recipe, part: Path) -> None:
    """Draw a recipe on a part, seen as the template's shot says."""
    shot = SHOTS[name]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{part.stem}.ply"
        refined(read_cloud(part), recipe, shot.edge_ratio).export(path)
        obj = open_part(path, edge_ratio=1.0)
    apply_recipe(obj, recipe.model_dump(mode="json", exclude_none=True))
    render_preview(obj, picture_path(name), SIZE, view_of(obj, recipe, shot))


def view_of(obj: bpy.types.Object, recipe: Recipe, shot: Shot) -> View:
    """The view of the anomalous points, against the mean normal of the places."""
    mesh: Any = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = read_positions(mesh)[read_attribute(mesh, MASK)].astype(np.float64)
    center = (points.min(axis=0) + points.max(axis=0)) / 2.0
    radius = float(np.linalg.norm(points - center, axis=1).max())
    normal = np.zeros(3)
    for defect in recipe.defects:
        normal += outward(defect.model_dump())
    length = np.linalg.norm(normal)
    direction = normal / (length if length > 0 else 1.0) + np.array(shot.lean)
    return View(center, shot.zoom * radius, direction)


def outward(defect: dict[str, Any]) -> Floats:
    """Outward normal (3,) at a defect's place; zero for one that has none."""
    match defect["kind"]:
        case "dent":
            return np.array(defect["center_normal"])
        case "scratch":
            return np.mean(defect["path"]["normals"], axis=0)
        case "hole" | "crack" if defect.get("severed", "no") == "no":
            return -np.array(defect["direction"])
        case "freeform" | "deposit":
            return np.array(defect["normal"])
    return np.zeros(3)


def refined(part: PointCloud, recipe: Recipe, edge_ratio: float) -> trimesh.Trimesh:
    """The part with edges split as finely as each defect needs, and less and less so around it."""
    extents = [extent(defect.model_dump()) for defect in recipe.defects]
    trees = [(cKDTree(at), reach, longest) for at, reach, longest in extents if len(at)]

    def allowed(middles: Floats) -> Floats:
        result = np.full(len(middles), edge_ratio * part.diagonal)
        for tree, reach, longest in trees:
            away = np.maximum(tree.query(middles)[0] - reach, 0.0)
            result = np.minimum(result, longest + GRADING * away)
        return result

    points, faces = refine(part.points, require_faces(part), allowed, MAX_VERTICES)
    return trimesh.Trimesh(points, faces, process=False)


def extent(defect: dict[str, Any]) -> tuple[Floats, float, float]:
    """Places (P, 3) of a defect, how far it reaches about them, and the longest edge it needs."""
    match defect["kind"]:
        case "dent":
            return np.array([defect["center"]]), defect["radius"], defect["radius"] / 12
        case "scratch":
            return np.array(defect["path"]["points"]), defect["width"], defect["width"] / 8
        case "crack" if defect["severed"] == "no":
            mouth = np.cross(defect["normal"], defect["direction"])
            mouth *= defect["length"] / 2 / np.linalg.norm(mouth)
            along = np.linspace(-1.0, 1.0, MOUTH_PLACES)[:, None]
            line = np.array(defect["origin"]) + along * mouth
            return line, defect["flank"] + defect["gap"], defect["gap"] / 5
        case "freeform":
            hull, sigma = np.array(defect["hull"]), defect["bumps"][0]["sigma"]
            return hull.mean(axis=0)[None], float(np.ptp(hull, axis=0).max()) / 2, sigma / 4
        case "hole":
            reach = defect["radius"] * (1 + defect["roughness"]) + defect["rim_width"]
            return np.array([defect["center"]]), reach, defect["radius"] / 14
        case "deposit":
            reach = defect["radius"] * defect["stretch"]
            return np.array([defect["center"]]), reach, defect["radius"] / 8
    return np.empty((0, 3)), 0.0, np.inf


if __name__ == "__main__":
    main()
