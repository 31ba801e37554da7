"""Time and peak memory of every defect, by the number of points.

    python benchmarks/defects.py > benchmarks/defects.txt

Normals, spatial index and adjacency are made beforehand and listed on their own. Each figure is the
best of several runs; machines differ, so read them as ratios.
"""

from __future__ import annotations

import platform
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from backend.cloud import PointCloud
from backend.defects import DEFECTS
from backend.geometry.normals import estimate_normals
from shared_schema.defects import SPECS

COUNTS = (10_000, 50_000, 250_000, 500_000, 1_000_000)
RUNS = 3

UP = (0.0, 0.0, 1.0)
# On a unit sphere, about its north pole.
FIELDS: dict[str, dict[str, Any]] = {
    "dent": {"center": UP, "center_normal": UP, "radius": 0.3, "depth": 0.05},
    "scratch": {
        "path": {
            "points": [(np.sin(a), 0.0, np.cos(a)) for a in np.linspace(-0.6, 0.6, 40)],
            "normals": [(np.sin(a), 0.0, np.cos(a)) for a in np.linspace(-0.6, 0.6, 40)],
        },
        "width": 0.06,
        "depth": 0.02,
        "roughness": 0.5,
    },
    "bend": {
        "hinge_point": (0.2, 0.0, 0.0),
        "hinge_axis": (0.0, 1.0, 0.0),
        "side": (1.0, 0.0, 0.0),
        "angle": 0.3,
        "band": 0.4,
    },
    "crack": {
        "origin": UP,
        "normal": (1.0, 0.0, 0.0),
        "direction": (0.0, 0.0, -1.0),
        "length": 1.0,
        "depth": 0.5,
        "gap": 0.04,
        "flank": 0.1,
        "walls": 0.2,
        "roughness": 0.5,
    },
    "freeform": {
        "hull": [(x, y, z) for x in (-0.5, 0.5) for y in (-0.4, 0.4) for z in (0.5, 1.2)],
        "bumps": [
            {"center": (0.4 * np.sin(k), 0.3 * np.cos(k), 0.9), "amplitude": 0.03, "sigma": 0.1}
            for k in range(12)
        ],
        "margin": 0.1,
        "smoothing": 5,
        "normal": UP,
    },
    "hole": {
        "center": UP,
        "direction": (0.0, 0.0, -1.0),
        "radius": 0.3,
        "depth": 0.3,
        "walls": "closed",
        "rim": 0.02,
        "rim_width": 0.1,
        "roughness": 0.3,
    },
    "deposit": {
        "center": UP,
        "normal": UP,
        "heading": (1.0, 0.0, 0.0),
        "radius": 0.2,
        "height": 0.2,
        "stretch": 1.5,
        "roughness": 0.3,
    },
}


def sphere(count: int) -> PointCloud:
    """A Fibonacci lattice on the unit sphere with its normals."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * index
    flat = np.sqrt(1.0 - z * z)
    points = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    return PointCloud(points, points)


def seconds(work: Callable[[], Any]) -> float:
    """Best time of several runs."""
    best = np.inf
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def peak_mib(work: Callable[[], Any]) -> float:
    """Most memory that one run allocates beyond what was there."""
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    """Print the table."""
    print(f"{platform.machine()}, numpy {np.__version__}, scipy {scipy.__version__}\n")
    heading = " ".join(f"{count:>18,}" for count in COUNTS)
    print(f"{'seconds / MiB':<14} {heading}")
    clouds = [sphere(count) for count in COUNTS]
    for cloud in clouds:
        _ = cloud.tree, cloud.edges
    for kind, spec in SPECS.items():
        defect = spec.model_validate(FIELDS[kind])
        cells = []
        for cloud in clouds:
            work = lambda cloud=cloud: DEFECTS[kind](cloud, defect)  # noqa: B023, E731
            cells.append(f"{seconds(work):>9.4f} /{peak_mib(work):7.1f}")
        print(f"{kind:<14} {' '.join(cells)}", flush=True)
    print("\nbeforehand, seconds")
    given: dict[str, Callable[[PointCloud], Any]] = {
        "index": lambda cloud: PointCloud(cloud.points).tree,
        "adjacency": lambda cloud: PointCloud(cloud.points).edges,
        "normals": lambda cloud: estimate_normals(cloud.points, cloud.tree),
    }
    for name, make in given.items():
        cells = []
        for cloud in clouds:
            start = time.perf_counter()
            make(cloud)
            cells.append(f"{time.perf_counter() - start:>18.3f}")
        print(f"{name:<14} {' '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
