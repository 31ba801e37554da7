"""Real defects: MVTec 3D-AD, class cable_gland, from its 3D scans alone.

    python benchmarks/cable_gland.py --data DIR --test DIR --out DIR [--seed S] [--ablate PIECE]
        [--scans N] [--per-scan N] [--averages N] [--closed-loop]
        [--without-kinds KIND,KIND]

Trains on DIR/train, with defects drawn from benchmarks/cable_gland.json on those scans, calibrates
on DIR/validation, and scores every KIND/NAME.npz of the test folder, whose ground truth it does not
read. The scans are ``points`` (N, 3) in millimetres in the camera's frame, without the background.
The data (CC BY-NC-SA 4.0) are not part of flawsmith. The figures are in
docs/explanation/experiments/cable-gland.md.

``--ablate`` leaves a piece out: ``synthesis`` (no drawn defects, so no network), ``normalization``
(scans keep their own place along the axis), ``augmentation``, ``prototypes`` (the network sees
heights instead of deviations from nominal scans), ``unrolled`` (the pointwise family instead).
``--scans`` learns from so many scans only, evenly taken, and ``--per-scan`` draws so many defects
on each, 2 by default. ``--averages`` scores a scan so often, once by default. ``--closed-loop``
draws the second half of the defects where it is least decided that they are found, and
``--without-kinds`` leaves kinds out, to see what is made of defects that training does not know.

Writes OUT/scores/KIND/NAME.npy (float32, a score a point, in the order of the input),
OUT/maps/KIND/NAME.npy (float32, 400 x 400, a score a pixel), OUT/object_scores.json,
OUT/verdicts.json and OUT/called.json (the likely kind of defect in the gravest region), and prints
the wall time, the peak memory, and how many scans of each kind are rejected, go to review or pass,
and what they are called.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cli.progress import console, progress_display
from backend.cloud import PointCloud
from backend.engine.processes import map_unordered
from backend.evaluation.pixel_map import bare_map, dense_map
from backend.geometry.normals import estimate_normals, orient_towards
from backend.io.atomic import write_bytes, write_json
from backend.progress import track
from backend.scoring.detector import Detector
from backend.training import DETECTOR_FILE, SynthesisConfig, TrainingConfig, TrainingSet, train
from backend.training.augmentation import AugmentationConfig
from shared_schema.load import load_template
from shared_schema.recipe import RecipeTemplate

CATEGORY = "cable_gland"
TEMPLATE = Path(__file__).with_name("cable_gland.json")
CAMERA = np.zeros(3)
PIXELS = 400
DRAWN_PER_SCAN = 2
AVERAGES = 1

Configure = Callable[[TrainingConfig], TrainingConfig]


def _unrolled(**settings: Any) -> Configure:
    return lambda config: replace(config, unrolled=replace(config.unrolled, **settings))


def _fitting(**settings: Any) -> Configure:
    def configure(config: TrainingConfig) -> TrainingConfig:
        fitting = replace(config.unrolled.fitting, **settings)
        return _unrolled(fitting=fitting)(config)

    return configure


def _without_augmentation(config: TrainingConfig) -> TrainingConfig:
    still = AugmentationConfig(rotate=False, jitter=0.0, dropout=0.0, view_probability=0.0)
    return _unrolled(augmentation=still)(_fitting(mirror=False)(config))


PIECES: dict[str, Configure] = {
    "synthesis": _fitting(networks=0),
    "normalization": _unrolled(canonical=False),
    "prototypes": _unrolled(prototypes=False),
    "augmentation": _without_augmentation,
    "unrolled": lambda config: replace(config, family="pointwise"),
}


def read_scans(files: Sequence[Path]) -> list[PointCloud]:
    """Scans with normals that point to the camera."""
    return [_read(file) for file in files]


def _read(file: Path) -> PointCloud:
    with np.load(file) as arrays:
        cloud = PointCloud(arrays["points"].astype(np.float64), unit="mm")
    normals = estimate_normals(cloud.points, cloud.tree)
    return cloud.with_normals(orient_towards(cloud.points, normals, CAMERA))


def _template(without: Sequence[str]) -> RecipeTemplate:
    template = load_template(TEMPLATE)
    kept = tuple(defect for defect in template.defects if defect.kind not in without)
    return template.model_copy(update={"defects": kept})


def score(model: Path, test: Path, out: Path) -> None:
    """Score all scans below ``test``, one in each process."""
    files = sorted(test.glob("*/*.npz"))
    found = map_unordered(partial(_score, model=model, out=out), files)
    with progress_display() as progress:
        scored = sorted(track(progress, found, "Scoring", len(files)))
    names, *columns = zip(*scored, strict=True)
    for file, column in zip(("object_scores", "verdicts", "called"), columns, strict=True):
        write_json(out / f"{file}.json", dict(zip(names, column, strict=True)))
    for column in columns[1:]:
        truth = (name.split("/")[0] for name in names)
        for (kind, said), count in sorted(Counter(zip(truth, column, strict=True)).items()):
            console.print(f"{kind:10} {said:10} {count}")
        console.print()


def _score(file: Path, model: Path, out: Path) -> tuple[str, float, str, str]:
    """Write the scores and the map of a scan; its name, object score and verdict.

    And the likely kind of its gravest region.
    """
    cloud = _read(file)
    result = _detector(model).score(cloud.points, cloud.normals, CATEGORY)
    name = f"{file.parent.name}/{file.stem}"
    write_bytes(out / "scores" / f"{name}.npy", _npy(result.point_scores))
    with np.load(file) as arrays:
        row, column = np.divmod(arrays["pix"], PIXELS)
    bare = bare_map((PIXELS, PIXELS), row, column, result.point_scores)
    write_bytes(out / "maps" / f"{name}.npy", _npy(dense_map(bare)))
    verdict = result.verdict.value if result.verdict else "none"
    return name, result.object_score, verdict, next(iter(result.region_kinds), None) or "none"


@cache
def _detector(model: Path) -> Detector:
    return Detector.load(model)


def _npy(values: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def main() -> None:
    """Train, score, say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of train and validation")
    parser.add_argument("--test", type=Path, required=True, help="folder of KIND/NAME.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--ablate", choices=sorted(PIECES), help="leave this piece out")
    parser.add_argument("--scans", type=int, help="learn from so many scans; all by default")
    parser.add_argument(
        "--per-scan", type=int, default=DRAWN_PER_SCAN, help="defects drawn on each scan"
    )
    parser.add_argument(
        "--averages", type=int, default=AVERAGES, help="maps of a scan whose scores are averaged"
    )
    parser.add_argument(
        "--closed-loop", action="store_true", help="draw the second half where it is least decided"
    )
    parser.add_argument(
        "--without-kinds", default="", help="kinds of defects that are not drawn, with commas"
    )
    options = parser.parse_args()
    started = time.perf_counter()
    learn, held_out = (
        read_scans(sorted((options.data / split).glob("*/*.npz")))
        for split in ("train", "validation")
    )
    if options.scans:
        count = min(options.scans, len(learn))
        learn = [learn[row * len(learn) // count] for row in range(count)]
    config = TrainingConfig(synthesis=SynthesisConfig(count=options.per_scan * len(learn)))
    config = _unrolled(test_time_offsets=options.averages)(config)
    if options.ablate:
        config = PIECES[options.ablate](config)
    if options.closed_loop:
        config = _unrolled(closed_loop=True)(config)
    with progress_display() as progress:
        train(
            {CATEGORY: TrainingSet(learn, held_out)},
            config,
            seed=options.seed,
            out=options.out,
            template=_template(options.without_kinds.split(",")),
            progress=progress,
        )
    trained = time.perf_counter()
    score(options.out / DETECTOR_FILE, options.test, options.out)
    done = time.perf_counter()
    # Linux counts in KiB.
    own, workers = (
        resource.getrusage(who).ru_maxrss / 2**20
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    console.print(
        f"{done - started:.0f} s, of which {trained - started:.0f} s training; peak memory "
        f"{own:.2f} GiB, and {workers:.2f} GiB of the largest worker process"
    )


if __name__ == "__main__":
    main()
