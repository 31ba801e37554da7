"""What is gained by preparing scans and nominal models once.

    python benchmarks/prepared.py > benchmarks/prepared.txt

Draws defects on scans without normals as training does, and places scans on a nominal model as a
batch does, each time in two ways: with everything computed anew, as earlier versions did it, and
prepared once, as it is done now. Both ways alternate in one process with one thread, and give the
same results. The last lines are the times of the command line and of the import.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.models.normalization import Normalization
from backend.registration.align import align
from backend.samples import load_sample
from backend.sampling.drawing import (
    PreparedSurface,
    draw_until_it_shows,
    read_prepared_surface,
)
from backend.sensor.virtual_scan import virtual_scan
from backend.templates import load_template
from backend.training.augmentation import AugmentationConfig
from backend.training.pointwise.examples import example_of

FloatArray = NDArray[np.float64]

PART, TEMPLATE = "motor_holder", "machining/handling_dents"
SCANS, POINTS, NOISE = 4, 16_000, 0.02
EXAMPLES = 24
RUNS = 3


def scan(seed: int) -> PointCloud:
    """A scan of the part from three sides, without normals."""
    rng = np.random.default_rng(seed)
    whole = virtual_scan(load_sample(PART), views=3, points=POINTS, noise=NOISE, rng=rng)
    return PointCloud(whole.points, unit="mm")


Result = tuple[float, bytes]
Describe = Callable[[LabeledCloud, np.random.Generator], FloatArray]


def drawn_a_second(surface_of: Callable[[int], PreparedSurface], described: Describe) -> Result:
    """Examples a second, and what of them has to be the same both ways."""
    template = load_template(TEMPLATE)
    started, points = time.process_time(), []
    for number in range(EXAMPLES):
        surface, rng = surface_of(number % SCANS), np.random.default_rng(number)
        _, drawn = draw_until_it_shows(lambda _: surface.draw(template, rng))  # noqa: B023
        points.append(described(surface.as_scanned(drawn.labeled), rng).tobytes())
    return EXAMPLES / (time.process_time() - started), b"".join(points)


def placed_a_second(mesh_of: Callable[[], PointCloud]) -> Result:
    """Scans a second, and their poses."""
    scans = [scan(100 + number) for number in range(SCANS)]
    started, poses = time.process_time(), []
    for one in scans:
        poses.append(align(one, mesh_of()).T_part_scan.tobytes())
    return SCANS / (time.process_time() - started), b"".join(poses)


def describe(clouds: Sequence[PointCloud]) -> Describe:
    """Makes an example of the network that looks at points, as training does."""
    normalization = Normalization.fit({PART: clouds}, 8_000)

    def described(labeled: LabeledCloud, rng: np.random.Generator) -> FloatArray:
        example = example_of(labeled, PART, normalization, AugmentationConfig(), rng)
        return example.cloud.points

    return described


def show(what: str, anew: Callable[[], Result], once: Callable[[], Result]) -> None:
    """A line with the best of several alternating runs of both ways."""
    runs = [(anew(), once()) for _ in range(RUNS)]
    if any(first[1] != second[1] for first, second in runs):
        raise SystemExit(f"{what}: the two ways differ")
    before, after = (max(run[way][0] for run in runs) for way in (0, 1))
    print(f"{what:28}{before:12.2f}{after:12.2f}{after / before:10.1f}")


def seconds(code: list[str]) -> float:
    """CPU seconds of a Python program, the least of several runs."""
    times = []
    for _ in range(RUNS):
        program = (
            f"import resource, subprocess, sys; subprocess.run({code!r}, stdout=subprocess.DEVNULL)"
            "; use = resource.getrusage(resource.RUSAGE_CHILDREN)"
            "; print(use.ru_utime + use.ru_stime)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        times.append(float(done.stdout))
    return min(times)


def main() -> None:
    """Print the table."""
    print(f"{platform.machine()}, numpy {np.__version__}, CPU seconds of one thread\n")
    print(f"{'a second':28}{'anew':>12}{'prepared':>12}{'ratio':>10}")
    template, clouds = load_template(TEMPLATE), [scan(number) for number in range(SCANS)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.safetensors" for number in range(SCANS)]
        for path, cloud in zip(files, clouds, strict=True):
            PreparedSurface.of(cloud, template).write(path)

        def anew(number: int) -> PreparedSurface:
            # A new cloud, without the indices that the other may have.
            return PreparedSurface.of(PointCloud(clouds[number].points, unit="mm"), template)

        def once(number: int) -> PreparedSurface:
            return read_prepared_surface(files[number])

        for what, described in {
            "defects drawn": lambda labeled, _: labeled.points,
            "examples of the network": describe(clouds),
        }.items():
            show(
                what,
                partial(drawn_a_second, anew, described),
                partial(drawn_a_second, once, described),
            )
    mesh = load_sample(PART)
    show(
        "scans placed",
        lambda: placed_a_second(lambda: replace(mesh)),
        lambda: placed_a_second(lambda: mesh),
    )
    print()
    for text, code in {
        "flawsmith --help": [sys.executable, "-m", "backend.cli", "--help"],
        "import flawsmith": [sys.executable, "-c", "import flawsmith"],
    }.items():
        print(f"{text:28}{seconds(code):12.2f} CPU s")


if __name__ == "__main__":
    main()
