"""Whether boxes in rendered views find the surface that they show.

    python benchmarks/view_boxes.py [MESH …] > benchmarks/view_boxes.txt

Forty places on each of five parts: the bundled ones, or the meshes that are named. Around each part
stand eight cameras with pictures of 768 × 768 pixels. A box of 4 to 200 pixels on each side is
drawn about a place that a camera sees, as far as it shows one surface. Which places are seen, and
what boxes show, is decided here by Embree's rays, not by flawsmith's. Each box is resolved on the
mesh, and on two scans of it, of 20,000 points with noise of 0.02 % of the diagonal: one as even as
those of a scanner's grid, and one at random places of the surface, whose gaps are twice as wide. Of
a place that a camera does not see, it is asked whether the camera sees it, as for the marks of that
view.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

from backend.cloud import PointCloud
from backend.cloud.sight import camera_place, look, pixels_of, sees
from backend.cloud.surface import face_normals, require_faces, subsample_surface
from backend.errors import SamplingError
from backend.instruct.views.cameras import cameras_around
from backend.io import read_cloud
from backend.samples import sample_path
from backend.sampling.places import Surface, find_place, surface_of
from shared_schema.load import parse_document
from shared_schema.locations import ViewBoxLocation
from shared_schema.recipe import RecipeTemplate, Unit
from shared_schema.views import Camera, ViewSet

PARTS = ("pawn", "upper_arm", "wrist_roll", "nist_ftc_08", "nist_ftc_10")
PLACES = 40
VIEWS = 8
PIXELS = 768
SIDES = (4.0, 200.0)
CENTRES = np.arange(PIXELS) + 0.5
POINTS = 20_000
NOISE = 2e-4
ON_MESH, ON_SCAN = 0.002, 0.01
# A box shows one surface where this share of its pixels is as near as the faces about its middle.
ONE_SURFACE = 0.95
# Rays that meet the surface at a more grazing angle than this are no place that anybody marks.
GRAZING = 0.2
EMPTY_TEMPLATE = (
    '{"schema_version": 1, "defects": [{"kind": "dent", "radius": 0.05, "depth": 0.01}]}'
)


@dataclass
class Figures:
    """What came out for one part: errors as ratios of its diagonal."""

    errors: dict[str, list[float]] = field(
        default_factory=lambda: {"mesh": [], "scan": [], "random": []}
    )
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Judge:
    """Embree's rays on a mesh."""

    def __init__(self, mesh: PointCloud) -> None:
        self.normals = face_normals(mesh)[0]
        faces = require_faces(mesh)
        self.rays = RayMeshIntersector(trimesh.Trimesh(mesh.points, faces, process=False))

    def look(self, camera: Camera, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (P, 3) that rays through ``pixels`` (P, 2) meet, nan where none; faces (P,)."""
        flat = (pixels - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
        turn = np.array(camera.T_camera_part)[:3, :3]
        ways = np.column_stack([flat, np.ones(len(flat))]) @ turn
        eyes = np.broadcast_to(camera_place(camera), ways.shape)
        met, ray, face = self.rays.intersects_location(eyes, ways, multiple_hits=False)
        places, faces = np.full((len(pixels), 3), np.nan), np.full(len(pixels), -1)
        places[ray], faces[ray] = met, face
        return places, faces


def measure(mesh: PointCloud, rng: np.random.Generator) -> Figures:
    """Resolve boxes about forty places that are seen, and ask for forty that are not."""
    figures, judge = Figures(), Judge(mesh)
    unit = Unit(mesh.unit or "mm")
    spread = subsample_surface(mesh, POINTS, rng)
    views = ViewSet(unit=unit, cameras=cameras_around(mesh, spread, VIEWS, PIXELS))
    on_mesh = Surface(spread, surface_of(spread, "part", unit).part, views, mesh)
    surfaces = {"mesh": on_mesh}
    for name in ("scan", "random"):
        scan = subsample_surface(mesh, POINTS, rng, even=name == "scan")
        noisy = scan.points + rng.normal(scale=NOISE * mesh.diagonal, size=scan.points.shape)
        surfaces[name] = Surface(PointCloud(noisy, scan.normals), on_mesh.part, views)
    seen = hidden = 0
    while seen < PLACES or hidden < PLACES:
        camera = views.cameras[rng.integers(VIEWS)]
        place = spread.points[rng.integers(len(spread))]
        pixel = pixels_of(place[None], camera)[0]
        met = judge.look(camera, pixel[None])[0][0]
        away = np.linalg.norm(met - place) / mesh.diagonal
        if away > 0.02 and hidden < PLACES:
            hidden += 1
            sight = look(mesh, camera, CENTRES, CENTRES)
            visible = sees(sight, place[None], ON_MESH * mesh.diagonal)[0]
            figures.outcomes["hidden, taken" if visible else "hidden, refused"] += 1
        if away < 1e-4 and seen < PLACES:
            box = _box(judge, camera, pixel, place, rng)
            if box is not None:
                seen += 1
                _resolve(figures, box, place, surfaces, rng, mesh.diagonal)
    return figures


def _box(
    judge: Judge, camera: Camera, pixel: np.ndarray, place: np.ndarray, rng: np.random.Generator
) -> ViewBoxLocation | None:
    """A box about ``pixel`` that shows one surface, evenly of all sizes; None if it shows more."""
    half = np.exp(rng.uniform(*np.log(SIDES), size=2)) / 2.0
    low, high = pixel - half, pixel + half
    inside = rng.uniform(low, high, size=(400, 2))
    places, faces = judge.look(camera, np.concatenate([pixel[None], inside]))
    normal = judge.normals[faces[0]]
    way = place - camera_place(camera)
    if -(way @ normal) / np.linalg.norm(way) < GRAZING:
        return None
    step = np.linalg.norm(places[1:] - places[0], axis=1)
    reach = 4.0 * np.linalg.norm(half) * np.linalg.norm(way) / camera.fx / GRAZING
    near = (faces[1:] >= 0) & (step <= reach)
    near &= np.abs((places[1:] - places[0]) @ normal) <= 0.5 * np.maximum(step, 1e-9)
    if near.mean() < ONE_SURFACE or (low < 0).any() or (high > PIXELS).any():
        return None
    return ViewBoxLocation(view=camera.name, box=(*low.tolist(), *high.tolist()))


def _resolve(
    figures: Figures,
    box: ViewBoxLocation,
    place: np.ndarray,
    surfaces: dict[str, Surface],
    rng: np.random.Generator,
    diagonal: float,
) -> None:
    template = parse_document(EMPTY_TEMPLATE, RecipeTemplate)
    for name, surface in surfaces.items():
        errors = figures.errors[name]
        begun = time.process_time()
        try:
            found = find_place(box, template, surface, rng)
        except SamplingError as error:
            figures.outcomes[f"{name}, refused"] += 1
            print(f"refused on the {name}: {error}", file=sys.stderr)
            continue
        finally:
            figures.seconds += time.process_time() - begun
        errors.append(float(np.linalg.norm(found.position - place)) / diagonal)
        limit = ON_MESH if name == "mesh" else ON_SCAN
        figures.outcomes[f"{name}, {'within' if errors[-1] <= limit else 'beyond'}"] += 1


def main() -> None:
    """Measure each part and print a row for it."""
    rng = np.random.default_rng(0)
    meshes = [Path(name) for name in sys.argv[1:]] or [sample_path(name) for name in PARTS]
    print(f"{PLACES} boxes for each part; errors in per cent of the diagonal; CPU time of one box")
    row = "{:28}{:>8}" + 3 * "{:>14}{:>9}{:>8}" + "{:>16}{:>5}"
    head = [
        x for n in ("mesh ≤ .2 %", "scan ≤ 1 %", "random ≤ 1 %") for x in (n, "median", "worst")
    ]
    print(row.format("part", "faces", *head, "hidden refused", "ms"))
    for path in meshes:
        mesh = read_cloud(path, unit="mm").surface
        out = measure(mesh, rng)
        values = [
            text
            for name, errors in out.errors.items()
            for text in (
                str(out.outcomes[f"{name}, within"]),
                f"{100.0 * np.median(errors):.4f}",
                f"{100.0 * max(errors):.3f}",
            )
        ]
        refused = f"{out.outcomes['hidden, refused']} of {PLACES}"
        milliseconds = f"{1000.0 * out.seconds / (3 * PLACES):.0f}"
        faces = len(require_faces(mesh))
        print(
            row.format(path.stem[:27], faces, *values, refused, milliseconds),
            flush=True,
        )


if __name__ == "__main__":
    main()
