"""What the pieces of the detector are worth on cable_gland: test folders and metrics.

    python benchmarks/cable_gland_study.py synthesize --data DIR --out DIR
    python benchmarks/cable_gland_study.py measure --test DIR --scores DIR

``synthesize`` makes a test folder for benchmarks/cable_gland.py from the validation scans: all of
them nominal, and defects on them by generators that training does not use: the demo's template for
its real ring, at full and at 0.6 of the depth, and flaps and cut-outs of its own. ``measure``
compares what the benchmark wrote to OUT with the ground truth of its test folder, by the protocol
of MVTec 3D-AD and with pixels without a point left out ("pts").
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from backend.cloud import LabeledCloud, PointCloud
from backend.evaluation.metrics.aupro import aupro, label_image, stack_regions
from backend.evaluation.metrics.auroc import auroc, resampled_auroc
from backend.geometry.normals import estimate_normals, orient_towards
from backend.io.atomic import write_bytes
from backend.sampling.drawing import PreparedSurface, shown_draws
from shared_schema.load import load_template
from shared_schema.recipe import RecipeTemplate

FloatArray = NDArray[np.float64]

RIM = Path(__file__).parents[1] / "backend" / "demo" / "templates" / "rim.json"
SIZE = (400, 400)
SEVERITIES = (1.0, 0.6)
DEPTHS = ("depth", "amplitude", "height")
PER_SCAN, FLAPS_PER_SCAN = 5, 2
FEWEST, MOST = 60, 2500
ATTEMPTS = 40
BOOTSTRAP = 2000


def read(file: Path) -> tuple[PointCloud, NDArray[np.int64]]:
    """A scan with normals to its camera, and the flat pixel of each point."""
    with np.load(file) as arrays:
        points, pixels = arrays["points"].astype(np.float64), arrays["pix"].astype(np.int64)
    normals = estimate_normals(points, cKDTree(points))
    return PointCloud(points, orient_towards(points, normals, np.zeros(3)), unit="mm"), pixels


def synthesize(data: Path, out: Path, seed: int) -> None:
    """Write the test folder."""
    templates = list(_templates())
    for number, file in enumerate(sorted((data / "validation" / "good").glob("*.npz"))):
        cloud, pixels = read(file)
        _write(out / "good" / file.name, cloud.points, np.zeros(len(cloud), bool), pixels)
        for defect in range(PER_SCAN + FLAPS_PER_SCAN):
            rng = np.random.default_rng([seed, number, defect])
            kind: str = "flap"
            if defect < PER_SCAN:
                template = templates[(PER_SCAN * number + defect) % len(templates)]
                kind, made = template.defects[0].kind, _drawn(template, cloud, rng)
            else:
                made = _flap(cloud, rng)
            if made is not None:
                points, mask, source = made
                name = f"{file.stem}_{defect}.npz"
                _write(out / kind / name, points, mask, pixels[source])


def _write(path: Path, points: FloatArray, mask: NDArray[np.bool_], pixels: NDArray) -> None:
    stream = io.BytesIO()
    np.savez(
        stream, points=points.astype(np.float32), gt=mask.astype(np.uint8), pix=pixels.astype(int)
    )
    write_bytes(path, stream.getvalue())


def _templates() -> Iterator[RecipeTemplate]:
    """One for each kind and severity, but for the bend, which turns the whole part."""
    whole = load_template(RIM)
    for defect in whole.defects:
        for severity in SEVERITIES:
            record = defect.model_dump(mode="json")
            for name in DEPTHS:
                if isinstance(record.get(name), dict):
                    record[name] |= {e: severity * record[name][e] for e in ("min", "max")}
            if defect.kind != "bend":
                yield RecipeTemplate.model_validate(
                    {**whole.model_dump(mode="json"), "defects": [record]}
                )


Made = tuple[FloatArray, NDArray[np.bool_], NDArray[np.int64]]


def _drawn(template: RecipeTemplate, cloud: PointCloud, rng: np.random.Generator) -> Made | None:
    surface = PreparedSurface.of(cloud, template)
    for _, drawn in shown_draws(lambda _: surface.draw(template, rng)):
        if FEWEST <= drawn.labeled.mask.sum() <= MOST:
            labeled: LabeledCloud = drawn.labeled
            return labeled.points, labeled.mask, labeled.source_index
    return None


def _flap(cloud: PointCloud, rng: np.random.Generator) -> Made | None:
    """An elliptic patch that is lifted about one side, or cut out, with or without a bottom."""
    for _ in range(ATTEMPTS):
        points, mask, kept = _one_flap(cloud, rng)
        if FEWEST <= mask.sum() <= MOST:
            return points, mask, kept
    return None


def _one_flap(cloud: PointCloud, rng: np.random.Generator) -> Made:
    assert cloud.normals is not None
    center = rng.integers(len(cloud))
    normal = cloud.normals[center]
    across = np.cross(normal, rng.normal(size=3))
    across /= np.linalg.norm(across)
    a, b = np.exp(rng.uniform(np.log(1.2), np.log(5.0), 2))
    offset = cloud.points - cloud.points[center]
    x, y, z = offset @ across / a, offset @ np.cross(normal, across) / b, offset @ normal
    inside = (x * x + y * y < 1.0) & (np.abs(z) < 4.0)
    points, kept = cloud.points.copy(), np.ones(len(cloud), bool)
    if rng.random() < 0.35:
        wider = (1.0 + 0.7 / min(a, b)) ** 2
        mask = (x * x + y * y < wider) & (np.abs(z) < 4.0) & ~inside
        if rng.random() < 0.6:
            points[inside] -= rng.uniform(1.0, 4.0) * normal
            mask |= inside
        else:
            kept = ~inside
    else:
        lift = np.exp(rng.uniform(np.log(0.4), np.log(3.0))) * rng.choice([-1.0, 1.0])
        share = np.clip((x + 1.0) / 2.0, 0.0, 1.0)[inside, None]
        points[inside] += share * (normal * lift + across * rng.normal() * 0.3 * abs(lift))
        mask = inside & (np.abs(np.clip((x + 1.0) / 2.0, 0.0, 1.0) * lift) > 0.15)
    return points[kept], mask[kept], np.flatnonzero(kept)


def measure(test: Path, scores: Path) -> None:
    """Print the metrics, of all kinds and of each."""
    objects: dict[str, float] = json.loads((scores / "object_scores.json").read_text())
    cases = [_case(test, scores, name) for name in objects]
    kinds = [name.split("/")[0] for name in objects]
    values = np.array(list(objects.values()))
    anomalous = np.array([kind != "good" for kind in kinds])
    drawn = resampled_auroc(anomalous, values, np.random.default_rng(0), BOOTSTRAP)
    low, high = np.quantile(drawn, [0.025, 0.975])
    print(f"{'kind':10}{'scans':>7}{'O-AUROC':>9}{'AUPRO':>8}{'pts':>8}")
    for kind in [*sorted(set(kinds) - {"good"}), "all"]:
        rows = [n for n, own in enumerate(kinds) if own in ("good", kind) or kind == "all"]
        chosen = [cases[n] for n in rows]
        image, points = ([case[part] for case in chosen] for part in (0, 1))
        print(
            f"{kind:10}{int(anomalous[rows].sum()):7}"
            f"{auroc(anomalous[rows], values[rows]):9.3f}{_area(image):8.3f}{_area(points):8.3f}"
        )
    print(f"95 % interval of the O-AUROC: {low:.3f} to {high:.3f}")


Places = tuple[NDArray[np.int64], NDArray[np.float32]]


def _case(test: Path, scores: Path, name: str) -> tuple[Places, Places]:
    """Regions and scores of the whole image, and of the pixels with a point."""
    with np.load(test / f"{name}.npz") as arrays:
        pixels = arrays["pix"].astype(np.int64)
        mask = arrays["gt"] > 0 if "gt" in arrays else np.zeros(len(pixels), bool)
    values = np.load(scores / "scores" / f"{name}.npy")
    truth = np.zeros(SIZE, dtype=bool)
    truth.ravel()[pixels] = mask
    regions = label_image(truth).ravel()
    # The scores are not negative: what has no point comes last.
    image = np.zeros(regions.shape, np.float32)
    image[pixels] = values
    return (regions, image), (regions[pixels], values)


def _area(places: list[Places]) -> float:
    regions = stack_regions([part for part, _ in places])
    return aupro(regions, np.concatenate([values for _, values in places]))


def main() -> None:
    """Run a subcommand."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(required=True, dest="command")
    making = commands.add_parser("synthesize")
    making.add_argument("--data", type=Path, required=True)
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--seed", type=int, default=0)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--test", type=Path, required=True)
    measuring.add_argument("--scores", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "synthesize":
        synthesize(options.data, options.out, options.seed)
    else:
        measure(options.test, options.scores)


if __name__ == "__main__":
    main()
