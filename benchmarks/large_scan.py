"""Replaying on a scan of millions of points: time, processor seconds and peak memory.

    python benchmarks/large_scan.py > benchmarks/large_scan.txt

A bundled part is scanned evenly from all round, with noise and without normals, turned and shifted,
and written as PLY; ``flawsmith replay --nominal`` registers it, gives it outward normals, replays
a dent and a scratch, and writes it. The pieces that were the slowest are compared with plainer ways
to do the same, in one run, so that their ratios hold on any machine. Seconds are those of the
machine as it was: two cores, with nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.geometry import surface
from backend.geometry.near import points_within
from backend.geometry.normals import estimate_normals
from backend.geometry.thinning import thin
from backend.io import write_cloud
from backend.samples import load_sample, sample_path

PART = "upper_arm"
NOISE = 2e-4  # of the diagonal
PIECES = 500_000


def scan(points: int) -> PointCloud:
    """Of the part, from all round, somewhere in space."""
    mesh, rng = load_sample(PART), np.random.default_rng(0)
    even = subsample_surface(mesh, points, rng, even=False)
    assert even.normals is not None  # a subsampled surface has them
    noisy = even.points + rng.normal(scale=NOISE * mesh.diagonal, size=(points, 1)) * even.normals
    turn = Rotation.random(random_state=1).as_matrix()
    return PointCloud(noisy @ turn.T + (100.0, 20.0, -30.0))


def recipe() -> str:
    """A dent and a scratch on the part, as JSON."""
    mesh = load_sample(PART)
    places = subsample_surface(mesh, 1_000, np.random.default_rng(0))
    assert places.normals is not None  # a subsampled surface has them
    size = mesh.diagonal
    near = np.argsort(np.linalg.norm(places.points - places.points[20], axis=1))
    dent = {
        "kind": "dent",
        "center": places.points[10].tolist(),
        "center_normal": places.normals[10].tolist(),
        "radius": 0.05 * size,
        "depth": 0.01 * size,
    }
    scratch = {
        "kind": "scratch",
        "path": {"points": places.points[near[[0, 12]]].tolist()},
        "width": 0.01 * size,
        "depth": 0.003 * size,
    }
    part = {"name": PART, "diagonal": size}
    return json.dumps({"schema_version": 1, "part": part, "defects": [dent, scratch]})


def replayed(points: int) -> None:
    """Print what the command takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cloud(folder / "scan.ply", scan(points))
        (folder / "recipe.json").write_text(recipe())
        command = [sys.executable, "-m", "backend.cli", "replay", "recipe.json", "scan.ply"]
        command += ["--nominal", str(sample_path(PART)), "--out", "out"]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stderr=subprocess.DEVNULL)
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 1024.0
    print(f"{points:>12,} {wall:>9.1f} {used:>9.1f} {peak:>9.0f}", flush=True)


def pieces() -> None:
    """Print how much quicker the pieces are than plainer ways."""
    cloud = scan(PIECES)
    points, tree = cloud.points, cloud.tree
    center, radius = points[1_000], 0.02 * cloud.diagonal
    compared = {
        "normals from 16 neighbours": (
            lambda: _plain_normals(points, tree),
            lambda: estimate_normals(points, tree),
        ),
        "points about a place": (
            lambda: cKDTree(points).query_ball_point(center, radius, return_sorted=True),
            lambda: points_within(points, center, radius),
        ),
        "2,500 of all, evenly": (
            lambda: _thin_all(points),
            lambda: thin(points, 2_500),
        ),
    }
    for name, (plain, ours) in compared.items():
        print(f"{name:<28} {_seconds(plain) / _seconds(ours):>8.1f}", flush=True)


def _plain_normals(points: np.ndarray, tree: cKDTree) -> None:
    for start in range(0, len(points), 100_000):
        _, neighbors = tree.query(points[start : start + 100_000], k=16)
        around = points[neighbors]
        around -= around.mean(axis=1, keepdims=True)
        np.linalg.eigh(np.einsum("qki,qkj->qij", around, around))


def _thin_all(points: np.ndarray) -> None:
    looked_at, surface.LOOKED_AT = surface.LOOKED_AT, len(points)
    thin(points, 2_500)
    surface.LOOKED_AT = looked_at


def _seconds(work: Callable[[], object]) -> float:
    """Processor seconds, the least of three."""
    best = np.inf
    for _ in range(3):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, nargs="*", default=[500_000, 5_000_000])
    arguments = parser.parse_args()
    print(f"python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}")
    print("\nflawsmith replay with a nominal model: seconds, processor seconds, peak memory")
    print(f"{'points':>12} {'s':>9} {'CPU s':>9} {'MB':>9}")
    for points in arguments.points:
        replayed(points)
    print(f"\nHow many times quicker than the plainer way, on {PIECES:,} points, by processor time")
    pieces()


if __name__ == "__main__":
    main()
