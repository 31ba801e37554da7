"""How long scoring and a step of training take, and how much memory.

    python benchmarks/detector_speed.py > benchmarks/detector_speed.txt

Small detectors of bundled parts: the pawn, a part of revolution that is compared place by place,
and the motor holder, which is scored by local descriptors and a Point Transformer, without and with
its nominal model, which its scans are then placed on. Scoring includes everything from the raw
points and normals on. Each size is scored three times, the best counts. A step of training the
Point Transformer is measured on all points of a cloud at once, and on the crops that it learns from
by default. With ``--waiting`` the last line says how long that network waits for defects when all
of them are drawn while it learns.

With ``--bundled`` only scoring by the bundled detector is measured, in seconds and in those of the
processor, which depend less on what else the machine does:

    python benchmarks/detector_speed.py --bundled
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from backend.cloud import LabeledCloud, PointCloud
from backend.models.bundled import model_path
from backend.models.kinds import NO_KIND
from backend.models.normalization import Normalization
from backend.models.pointwise.point_transformer import PointTransformerConfig
from backend.models.pointwise.predictor import Standardization
from backend.models.pointwise.preparation import prepare
from backend.samples import load_sample
from backend.sampling.drawing import PreparedSurface, draw_until_it_shows
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from backend.templates import template_path
from backend.training import TrainingConfig, TrainingSet, train
from backend.training.pointwise.network import Example, FittingConfig, NetworkFitter
from backend.training.unrolled.network import (
    UnrolledExample,
    UnrolledFittingConfig,
    fit_network,
)
from shared_schema.load import load_template
from shared_schema.recipe import RecipeTemplate

PARTS = ("pawn", "motor_holder")
SIZES = (10_000, 100_000, 500_000)
SCANS, SCAN_POINTS, NOISE = 8, 25_000, 0.02
REPEATS = 3
STEPS = 2
FINER = 100.0


def scan(part: str, points: int, seed: int) -> PointCloud:
    """A scan of a bundled part from three sides."""
    rng = np.random.default_rng(seed)
    return virtual_scan(load_sample(part), views=3, points=points, noise=NOISE, rng=rng)


def best(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds, by a ``clock``, of the quickest of three runs."""
    seconds = []
    for _ in range(REPEATS):
        started = clock()
        work()
        seconds.append(clock() - started)
    return min(seconds)


def bundled() -> None:
    """Print the table of the bundled detector."""
    model = Detector.load(model_path("bundled_parts"))
    print(f"{'part':20}{'points':>10}{'seconds':>10}{'processor':>11}{'the first':>11}")
    for part in PARTS:
        cloud = scan(part, SIZES[1], 100)
        work = partial(model.score, cloud.points, cloud.normals, part)
        started = time.process_time()
        work()
        first = time.process_time() - started
        seconds, processor = best(work), best(work, time.process_time)
        print(f"{part:20}{len(cloud):10}{seconds:10.2f}{processor:11.2f}{first:11.2f}", flush=True)


def drawn(template: RecipeTemplate, cloud: PointCloud, seed: int) -> LabeledCloud:
    """A scan with a defect."""
    surface, rng = PreparedSurface.of(cloud, template), np.random.default_rng(seed)
    return draw_until_it_shows(lambda _: surface.draw(template, rng))[1].labeled


def detector(part: str, with_model: bool, folder: Path) -> tuple[Detector, float]:
    """A detector of ``part``, and the seconds that training it took."""
    out = folder / f"{part}-{with_model}"
    nominal = [scan(part, SCAN_POINTS, seed) for seed in range(SCANS)]
    template = load_template(template_path("machining/handling_dents"))
    labeled = [drawn(template, cloud, number) for number, cloud in enumerate(nominal)]
    mesh = load_sample(part) if with_model else None
    config = TrainingConfig(fitting=FittingConfig(epochs=2, steps_per_epoch=10))
    started = time.perf_counter()
    given = TrainingSet(nominal, labeled=labeled, nominal_model=mesh)
    detector = train({part: given}, config, seed=0, out=out)
    return detector, time.perf_counter() - started


def map_step() -> float:
    """Seconds of a training step of the network of height maps, at of the usual size."""
    rng = np.random.default_rng(0)
    shape = (160, 240)
    mask = (rng.random(shape) < 0.02).astype(np.float32)
    inputs = rng.normal(size=(18, *shape)).astype(np.float16)
    kinds = np.full(shape, NO_KIND, np.int8)
    examples = [UnrolledExample(inputs, mask, np.ones_like(mask), kinds)] * 40
    config = replace(UnrolledFittingConfig(), epochs=1)
    return best(lambda: list(fit_network(examples, config, [0]))) / (40 // config.batch_size)


def point_step(points: int, config: FittingConfig) -> float:
    """Seconds of a training step of the Point Transformer on a cloud of so many points."""
    part = PARTS[1]
    cloud = scan(part, points, 0)
    normalization = Normalization.fit({part: [cloud]}, points)
    # So fine a spacing leaves all points.
    normalization = replace(normalization, spacing=normalization.spacing / FINER)
    prepared = prepare(cloud, normalization, part)
    example = Example(prepared, np.arange(len(prepared.rows)) < len(prepared.rows) // 50)
    with tempfile.TemporaryDirectory() as folder:
        fitter = NetworkFitter(
            lambda _: [example],
            [],
            Standardization.fit([prepared.invariants]),
            PointTransformerConfig(),
            replace(config, epochs=REPEATS, steps_per_epoch=STEPS),
            kinds=(),
            seed=0,
            device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
            state=Path(folder) / "state.safetensors",
            fingerprint="",
        )
        epochs = fitter.run()
        return best(lambda: next(epochs)) / STEPS


def waited(folder: Path) -> float:
    """Share of a usual training's time that the Point Transformer waits for drawn defects."""
    nominal = [scan(PARTS[1], SCAN_POINTS, seed) for seed in range(SCANS)]
    template = load_template(template_path("machining/handling_dents"))
    shares: list[float] = []
    train(
        {PARTS[1]: nominal},
        TrainingConfig(),
        seed=0,
        out=folder / "waited",
        template=template,
        log=lambda _, values: shares.append(values["share of time waited for defects"]),
    )
    return shares[-1]


def memory() -> float:
    """Peak of this process in GiB; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--waiting", action="store_true", help="train as usual, some minutes")
    parser.add_argument("--bundled", action="store_true", help="the bundled detector alone")
    options = parser.parse_args()
    if options.bundled:
        bundled()
        return
    torch.set_num_threads(options.threads)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads\n"
    )
    print(f"{'part':20}{'points':>10}{'seconds':>10}{'points/s':>12}{'peak GiB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for part, with_model in ((PARTS[0], False), (PARTS[1], False), (PARTS[1], True)):
            model, seconds = detector(part, with_model, Path(folder))
            name = f"{part}, model" if with_model else part
            for size in SIZES:
                cloud = scan(part, size, 100)
                taken = best(partial(model.score, cloud.points, cloud.normals, part))
                print(
                    f"{name:20}{len(cloud):10}{taken:10.2f}{len(cloud) / taken:12.0f}"
                    f"{memory():10.2f}"
                )
            print(f"{name:20}  trained on {SCANS} scans in {seconds:.0f} s\n")
    print(f"a step of training the network of height maps: {map_step():.3f} s")
    usual = FittingConfig()
    print(
        f"a step of training the Point Transformer, {usual.batch_size} crops of "
        f"{usual.crop_points} points: {point_step(SCAN_POINTS, usual):.3f} s"
    )
    for size in SIZES:
        whole = replace(usual, batch_size=1, crop_points=size)
        print(
            f"a step of training the Point Transformer, {size} points at once: "
            f"{point_step(size, whole):.2f} s, peak {memory():.2f} GiB"
        )
    if options.waiting:
        with tempfile.TemporaryDirectory() as folder:
            share = 100 * waited(Path(folder))
        print(f"of a usual training, the Point Transformer waits {share:.0f} % for defects")


if __name__ == "__main__":
    main()
