"""Parts of revolution with a nominal model, learned by each family of detectors.

    python benchmarks/families.py OUT > benchmarks/families.txt

Trains each family on virtual scans of the bundled pawn, whose base has bores that not every scan
shows, and of a turned shaft without any. Scores nominal scans and scans with drawn defects that no
training has seen. What was made in OUT is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from backend.cli import main as flawsmith
from backend.cli.progress import progress_display
from backend.cloud import PointCloud
from backend.demo.run import PARTS_TEMPLATE, TEMPLATES
from backend.engine.processes import map_unordered
from backend.io import write_cloud, write_json
from backend.progress import track
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan
from shared_schema.recipe import Unit

SEED = 0
FAMILIES = ("unrolled", "pointwise")
# Of a part: to learn from and to calibrate on, and to test on.
LEARNED, TESTED, ANOMALOUS = 10, 6, 14
POINTS, VIEWS, NOISE = 8_000, 6, 2e-4
SETTINGS = {
    "holdout": 0.4,
    "target_points": 4_000,
    "fitting": {"epochs": 16},
    "synthesis": {"count": 28, "fresh": 0},
}
# Along the axis and away from it, mm.
SHAFT = [(0, 0), (0, 12), (20, 12), (20, 18), (32, 18), (34, 16), (60, 16), (66, 9), (90, 9)]
SHAFT += [(90, 6), (96, 6), (96, 0)]


def part(name: str) -> PointCloud:
    """Its mesh in mm."""
    if name != "shaft":
        return load_sample(name)
    turned = trimesh.creation.revolve([(radius, z) for z, radius in SHAFT], sections=96)
    return PointCloud(turned.vertices, faces=turned.faces, unit=Unit.MM.value)


def write_scan(item: tuple[str, int, Path]) -> None:
    """Make a nominal scan and write it."""
    name, number, path = item
    if not path.exists():
        mesh, rng = part(name), np.random.default_rng([SEED, number])
        noise = NOISE * mesh.diagonal
        write_cloud(path, virtual_scan(mesh, views=VIEWS, points=POINTS, noise=noise, rng=rng))


def make_data(out: Path, name: str) -> tuple[Path, Path]:
    """Folders to learn from and to test on."""
    learned, tested = out / name / "train", out / name / "test"
    paths = [learned / name / "nominal" / f"{n:02d}.ply" for n in range(LEARNED)]
    paths += [tested / name / "nominal" / f"{n:02d}.ply" for n in range(TESTED)]
    items = [(name, number, path) for number, path in enumerate(paths)]
    with progress_display() as progress:
        for _ in track(progress, map_unordered(write_scan, items), "Scanning", len(items)):
            pass
    write_cloud(learned / name / "model.ply", part(name))
    write_json(learned / "settings.json", SETTINGS)
    template, scans = TEMPLATES / PARTS_TEMPLATE, tested / name / "nominal"
    what = ("--no-nominal", "--category", name, "--count", ANOMALOUS, "--seed", SEED)
    run("synthesize", template, "--scans", scans, *what, "--out", tested)
    return learned, tested


def run(*arguments: object) -> None:
    """A command of flawsmith; what it prints is not part of the table."""
    with redirect_stdout(sys.stderr):
        flawsmith([str(one) for one in arguments], standalone_mode=False)


def measured(out: Path, name: str, family: str) -> dict[str, Any]:
    """Train and evaluate a family on a part."""
    learned, tested = make_data(out, name)
    read = ("--unit", "mm", "--no-crop")
    given = ("--template", TEMPLATES / PARTS_TEMPLATE, "--seed", SEED, "--family", family)
    model = out / name / family
    run("train", learned, *read, *given, "--config", learned / "settings.json", "--out", model)
    run("evaluate", model / "detector.safetensors", tested, *read, "--out", model / "evaluation")
    found: dict[str, Any] = json.loads((model / "evaluation" / "metrics.json").read_text("utf-8"))
    return found


def show(name: str, family: str, found: dict[str, Any]) -> None:
    """A line: figures, and the scores of nominal scans beside the median of the others."""
    row = next(one for one in found["rows"] if one["kind"] == "all")
    scores = {is_nominal: [] for is_nominal in (True, False)}
    for scan in found["scans"]:
        scores[scan["kind"] == "nominal"].append(scan["object_score"])
    nominal = np.array(scores[True])
    print(
        f"{name:8}{family:12}{row['o_auroc']:9.3f}{row['p_auroc']:9.3f}{row['aupro']:8.3f}"
        f"{nominal.min():10.2f} to {nominal.max():4.2f}{np.median(scores[False]):12.2f}",
        flush=True,
    )


def main() -> None:
    """Each family on each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="folder for scans and models")
    out = parser.parse_args().out
    print(f"{'part':8}{'family':12}{'O-AUROC':>9}{'P-AUROC':>9}{'AUPRO':>8}", end="")
    print(f"{'nominal scores':>18}{'defective':>12}")
    for name in ("pawn", "shaft"):
        for family in FAMILIES:
            show(name, family, measured(out, name, family))


if __name__ == "__main__":
    main()
