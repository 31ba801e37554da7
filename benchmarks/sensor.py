"""What resampling restores, and time and peak memory of the sensor's effects.

    python benchmarks/sensor.py > benchmarks/sensor.txt

A dent, a hole with walls and a deposit stretch the top of a sphere whose points lie on a lattice or
at random. Spacing is the edge of the square that a point has to itself, by the twelfth neighbour;
1.00 is that of the surface about the defect. Error is the distance of new points to the analytic
dent, in spacings. The adjacency is made beforehand, as replay does. Machines differ, so read times
as ratios.
"""

from __future__ import annotations

import json
import platform
import time
import tracemalloc
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from backend.cloud import LabeledCloud, PointCloud
from backend.geometry.falloff import falloff
from backend.replay.replay import replay
from backend.sensor import Sensed, sense
from backend.sensor.presets import find_sensor
from shared_schema.constants import Falloff
from shared_schema.load import parse_document
from shared_schema.recipe import Recipe
from shared_schema.sensor import AroundViews, Occlusion, Resample, Sensor

COUNTS = (50_000, 250_000, 1_000_000)
NEIGHBORS = 12
RADIUS = 10.0
DEFECTS: dict[str, dict[str, Any]] = {
    "dent": {"center_normal": [0, 0, 1], "radius": 3, "depth": 6, "direction": [0, 0, -1]},
    "hole": {"direction": [0, 0, -1], "radius": 2, "depth": 4, "rim_width": 1, "walls": "closed"},
    "deposit": {"normal": [0, 0, 1], "heading": [1, 0, 0], "radius": 2, "height": 4},
}
SENSORS = {
    "resample": Sensor(resample=Resample()),
    "occlusion, 1 view": Sensor(views=AroundViews(), occlusion=Occlusion()),
    **{name: find_sensor(name) for name in ("structured_light", "laser_line", "depth_camera")},
}


def sphere(count: int, *, even: bool) -> PointCloud:
    """Points of a sphere, on a Fibonacci lattice or at random, with exact normals."""
    index = np.arange(count) + 0.5
    z, turn = 1.0 - 2.0 * index / count, np.pi * (1.0 + np.sqrt(5.0)) * index
    if not even:
        z, turn = np.random.default_rng(0).uniform((-1.0, 0.0), (1.0, 2.0 * np.pi), (count, 2)).T
    flat = np.sqrt(1.0 - z * z)
    normals = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    return PointCloud.of(RADIUS * normals, normals)


def deformed(cloud: PointCloud, kind: str) -> LabeledCloud:
    """``cloud`` with one of ``DEFECTS`` on its top."""
    defect = {"kind": kind, "center": [0, 0, RADIUS], **DEFECTS[kind]}
    part = {"unit": "mm", "diagonal": cloud.diagonal}
    document = {"schema_version": 1, "part": part, "defects": [defect]}
    return replay(parse_document(json.dumps(document), Recipe), cloud).labeled


def sensed(labeled: LabeledCloud, cloud: PointCloud, sensor: Sensor) -> Sensed:
    """``labeled`` as ``sensor`` gives it."""
    rng = np.random.default_rng(0)
    return sense(labeled, sensor, rng=rng, nominal_cloud=cloud, unit="mm")


def spacings(labeled: LabeledCloud) -> np.ndarray:
    """5 %, 50 % and 95 % of the spacing in the defect, over the median outside."""
    distance, _ = cKDTree(labeled.points).query(labeled.points, k=NEIGHBORS + 1)
    inside, outside = distance[labeled.weight > 0.05, -1], distance[labeled.weight == 0, -1]
    return np.percentile(inside, (5, 50, 95)) / np.median(outside)


def dent_errors(points: np.ndarray) -> np.ndarray:
    """Distances (M,) to the analytic dent, to first order in its slope."""

    def height(r: np.ndarray) -> np.ndarray:
        base = np.sqrt(RADIUS**2 - r * r)
        return base - 6.0 * falloff(np.hypot(r, base - RADIUS) / 3.0, Falloff.COSINE)

    across = np.hypot(points[:, 0], points[:, 1])
    slope = (height(across + 1e-6) - height(across)) / 1e-6
    return np.abs(points[:, 2] - height(across)) / np.hypot(1.0, slope)


def print_density() -> None:
    """How dense the defects are before and after resampling."""
    print("spacing in the defect, 5 / 50 / 95 %      replayed            resampled")
    for even in (True, False):
        cloud = sphere(COUNTS[0], even=even)
        for kind in DEFECTS:
            before = deformed(cloud, kind)
            after = sensed(before, cloud, SENSORS["resample"]).labeled
            row = "    ".join(
                " / ".join(f"{x:.2f}" for x in spacings(labeled)) for labeled in (before, after)
            )
            print(f"{'lattice' if even else 'random':10}{kind:24}{row}")
            if kind == "dent":
                print_error(after.points[len(before) :], len(cloud))


def print_error(new: np.ndarray, count: int) -> None:
    """How far the points that were added lie from the dent."""
    spacing = np.sqrt(4.0 * np.pi * RADIUS**2 / count)
    half, most, all_ = np.percentile(dent_errors(new), (50, 95, 100)) / spacing
    print(f"{'':10}  error of new points, 50 / 95 / 100 %: {half:.3f} / {most:.3f} / {all_:.3f}")


def print_costs() -> None:
    """Seconds and MiB of each sensor."""
    print(f"\n{'a deposit, points':24}" + "".join(f"{count:>20,}" for count in COUNTS))
    clouds = [sphere(count, even=True) for count in COUNTS]
    labeled = [deformed(cloud, "deposit") for cloud in clouds]
    for name, sensor in SENSORS.items():
        row = ""
        for cloud, before in zip(clouds, labeled, strict=True):
            start = time.perf_counter()
            sensed(before, cloud, sensor)
            seconds = time.perf_counter() - start
            tracemalloc.start()
            sensed(before, cloud, sensor)
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            row += f"{seconds:11.2f} s {peak:3.0f} MiB"
        print(f"{name:24}{row}")


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}\n")
    print_density()
    print_costs()
