"""Samples per second of ``flawsmith synthesize``, for clouds of 100,000 points.

    python benchmarks/synthesize.py > benchmarks/synthesize.txt

The scans are virtual ones of a bundled part. Preparation (reading, normals, registration) is of
each scan, once, and listed on its own, as is the start of the processes. Machines differ, and a
machine with other work to do is slower.
"""

from __future__ import annotations

import os
import platform
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

from backend.cloud import PointCloud
from backend.dataset.shards import read_sample, write_sample
from backend.geometry.rotations import even_rotations
from backend.geometry.transform import transform_points
from backend.io import write_cloud
from backend.replay.replay import replay
from backend.samples import load_sample, sample_path
from backend.sensor.virtual_scan import virtual_scan
from backend.synthesis.plan import SynthesisPlan
from backend.synthesis.prepared_scans import load_prepared
from backend.synthesis.run import open_synthesis
from backend.synthesis.samples import SampleTask, make_sample
from shared_schema.record import ReplayRecord

TEMPLATE = Path(__file__).parents[1] / "backend" / "demo" / "templates" / "parts.json"
PART = "wrist_roll"
POINTS = 100_000
SCANS = 4
COUNT = 80
JOBS = (1, 2)


class Run(NamedTuple):
    """Seconds of the three stages: the processes, the scans, the samples."""

    start: float
    prepare: float
    samples: float


def write_scans(folder: Path) -> None:
    """Virtual scans of the part; those in ``turned`` are turned and have no normals."""
    mesh = load_sample(PART)
    for number, turn in enumerate(even_rotations(SCANS)):
        rng = np.random.default_rng(number)
        noise = 5e-4 * mesh.diagonal
        scan = virtual_scan(mesh, views=12, points=POINTS, noise=noise, rng=rng)
        write_cloud(folder / "placed" / f"{number}.ply", scan)
        motion = np.eye(4)
        motion[:3, :3] = turn
        turned = PointCloud(transform_points(motion, scan.points))
        write_cloud(folder / "turned" / f"{number}.ply", turned)


def run(plan: SynthesisPlan, jobs: int) -> Run:
    """Make the data set of ``plan``."""
    times = [time.perf_counter()]
    with open_synthesis(plan, COUNT, jobs) as synthesis:
        list(synthesis.workers.map_unordered(abs, range(jobs)))
        times.append(time.perf_counter())
        scans = list(synthesis.scans())
        times.append(time.perf_counter())
        samples = list(synthesis.samples(scans))
        synthesis.finish(scans, samples)
        times.append(time.perf_counter())
    return Run(*np.diff(times))


def seconds_by_kind(plan: SynthesisPlan) -> dict[str, list[tuple[float, float, float]]]:
    """By kind, for each sample: seconds in all, of its replay alone, and of its writing alone."""
    found = defaultdict(list)
    # Scan by scan, as the workers do.
    for number in sorted(range(COUNT), key=lambda number: number % SCANS):
        task = SampleTask(number, str(number % SCANS))
        path = plan.sample_file(number)
        path.unlink()
        start = time.perf_counter()
        make_sample(plan, task)
        whole = time.perf_counter() - start
        labeled, record = read_sample(path)
        scan = load_prepared(plan, task.scan)
        recipe = ReplayRecord.model_validate(record).recipe
        start = time.perf_counter()
        replay(recipe, scan.cloud, T_part_scan=scan.T_part_scan)
        replayed = time.perf_counter()
        write_sample(path, labeled, record)
        written = time.perf_counter()
        kind = recipe.defects[0].kind
        found[kind].append((whole, replayed - start, written - replayed))
    return found


def print_runs(folder: Path) -> None:
    """Print the first table."""
    print(f"{'':<28}{'jobs':>5}{'start':>9}{'a scan':>9}{'samples/s':>11}")
    for name, nominal in (("placed", None), ("turned", sample_path(PART))):
        title = "in the part frame" if nominal is None else "registered to the model"
        for jobs in JOBS:
            out = folder / f"{name}-{jobs}"
            plan = SynthesisPlan(TEMPLATE, folder / name, out, "part", nominal=nominal)
            start, prepare, samples = run(plan, jobs)
            row = f"{start:>7.1f} s{prepare / SCANS:>7.2f} s{COUNT / samples:>11.2f}"
            print(f"{title:<28}{jobs:>5}{row}", flush=True)


def print_kinds(folder: Path) -> None:
    """Print the second table."""
    plan = SynthesisPlan(TEMPLATE, folder / "placed", folder / "placed-1", "part")
    print(f"\n{'seconds a sample, one process':<33}{'in all':>9}{'replay':>9}{'writing':>9}")
    for kind, times in sorted(seconds_by_kind(plan).items()):
        whole, replaying, writing = np.median(times, axis=0)
        print(f"{kind:<33}{whole:>9.3f}{replaying:>9.3f}{writing:>9.3f}")


def main() -> None:
    """Print both tables."""
    versions = f"numpy {np.__version__}, scipy {scipy.__version__}"
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {versions}"
    )
    print(f"{COUNT} samples of {SCANS} scans of about {POINTS:,} points\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scans(folder)
        print_runs(folder)
        print_kinds(folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\npeak memory of a process: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
