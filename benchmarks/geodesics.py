"""Lengths and times of shortest paths over meshes and scans, and what a scan's adjacency costs.

    python benchmarks/geodesics.py > benchmarks/geodesics.txt

Sphere and torus have known geodesics: great circles, and solutions of the torus's differential
equation short enough to be the shortest. A part has none; its scan is compared with its mesh. Paths
start and end anywhere; what the nearest points of a scan are off the ends is allowed for, to first
order. Machines differ, so read the times as ratios.
"""

from __future__ import annotations

import platform
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
import trimesh
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from backend.cloud import PointCloud
from backend.cloud.geodesic import geodesic_path
from backend.cloud.surface import subsample_surface
from backend.geometry.normals import estimate_normals, orient_consistently
from backend.geometry.polyline import arc_lengths
from backend.samples import load_sample

FloatArray = NDArray[np.float64]

COUNTS = (10_000, 100_000, 500_000)
PATHS = 12
RING, TUBE = 10.0, 4.0
PART = "nist_ftc_10"


@dataclass(frozen=True)
class Pair:
    """Two anchors (2, 3), the path's directions (2, 3) there, and its true length."""

    ends: FloatArray
    directions: FloatArray
    length: float


def sphere_pair(rng: np.random.Generator, radius: float = 10.0) -> Pair:
    """The ends of an arc of 0.1 to 1.5 radians of a great circle."""
    frame = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2]
    angle = rng.uniform(0.1, 1.5)
    turn = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    ahead = np.array([[0.0, 1.0], [-np.sin(angle), np.cos(angle)]])
    return Pair(radius * turn @ frame, ahead @ frame, radius * angle)


def torus_pair(rng: np.random.Generator) -> Pair:
    """The ends of a geodesic of the torus, at most 9 long."""

    def slope(_: float, state: FloatArray) -> list[float]:
        _, v, du, dv = state
        away = RING + TUBE * np.cos(v)
        turn = 2.0 * TUBE * np.sin(v) / away * du * dv
        return [du, dv, turn, -away * np.sin(v) / TUBE * du * du]

    u, v, heading = rng.uniform(0.0, 2.0 * np.pi, 3)
    length = rng.uniform(1.0, 9.0)
    state = [u, v, np.cos(heading) / (RING + TUBE * np.cos(v)), np.sin(heading) / TUBE]
    u, v, du, dv = solve_ivp(slope, (0.0, length), state, rtol=1e-10, atol=1e-12).y[:, [0, -1]]
    away = RING + TUBE * np.cos(v)
    ends = np.stack([away * np.cos(u), away * np.sin(u), TUBE * np.sin(v)], axis=1)
    flat, up = away * du, TUBE * dv
    x = -flat * np.sin(u) - up * np.sin(v) * np.cos(u)
    y = flat * np.cos(u) - up * np.sin(v) * np.sin(u)
    return Pair(ends, np.stack([x, y, up * np.cos(v)], axis=1), length)


def part_pair(rng: np.random.Generator) -> Pair:
    """Two places on the part, at most a third of its diagonal apart, and the way on the mesh."""
    mesh = load_sample(PART)
    while True:
        ends = subsample_surface(mesh, 2, rng, even=False).points
        if np.linalg.norm(ends[1] - ends[0]) < mesh.diagonal / 3.0:
            break
    path = geodesic_path(mesh, ends, mesh.diagonal / 1000.0)
    steps = np.diff(path, axis=0)[[0, -1]]
    directions = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    return Pair(ends, directions, float(arc_lengths(path)[-1]))


def torus_mesh(count: int) -> PointCloud:
    """A mesh of about ``count`` vertices on the torus."""
    around = int(np.sqrt(count * TUBE / RING))
    mesh = trimesh.creation.torus(RING, TUBE, major_sections=count // around, minor_sections=around)
    return PointCloud.of(mesh.vertices, faces=mesh.faces)


def sphere_mesh(count: int) -> PointCloud:
    """A mesh of about ``count`` vertices on the sphere, circles of latitude and longitude."""
    rows = int(np.sqrt(count / 4))
    mesh = trimesh.creation.uv_sphere(10.0, count=[rows, 2 * rows])
    return PointCloud.of(mesh.vertices, faces=mesh.faces)


def scan_of(mesh: PointCloud, count: int) -> PointCloud:
    """Points spread evenly over a mesh."""
    scan = subsample_surface(mesh, count, np.random.default_rng(1))
    return PointCloud(scan.points, scan.normals)


CASES: dict[str, tuple[Callable[[int], PointCloud], Callable[[np.random.Generator], Pair]]] = {
    "sphere mesh": (sphere_mesh, sphere_pair),
    "sphere scan": (lambda count: scan_of(sphere_mesh(100_000), count), sphere_pair),
    "torus mesh": (torus_mesh, torus_pair),
    "torus scan": (lambda count: scan_of(torus_mesh(100_000), count), torus_pair),
    "part scan": (lambda count: scan_of(load_sample(PART), count), part_pair),
}


def error_of(cloud: PointCloud, pair: Pair) -> tuple[float, float]:
    """Relative error of a path's length, and its seconds."""
    start = time.perf_counter()
    path = geodesic_path(cloud, pair.ends, cloud.spacing)
    seconds = time.perf_counter() - start
    moved = np.einsum("ei,ei->e", path[[0, -1]] - pair.ends, pair.directions)
    true = pair.length + moved[1] - moved[0]
    return float(arc_lengths(path)[-1] / true - 1.0), seconds


def peak_mib(cloud: PointCloud, pair: Pair) -> float:
    """Most memory that one path allocates."""
    tracemalloc.start()
    geodesic_path(cloud, pair.ends, cloud.spacing)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the tables."""
    print(f"{platform.machine()}, numpy {np.__version__}, scipy {scipy.__version__}\n")
    print(
        f"{'':<12} {'points':>8} {'error mean %':>13} {'max %':>8} {'adjacency s':>12} "
        f"{'path s':>8} {'max s':>8} {'peak MiB':>9}"
    )
    for name, (make, draw) in CASES.items():
        pairs = [draw(np.random.default_rng([7, index])) for index in range(PATHS)]
        for count in COUNTS:
            cloud = make(count)
            _ = cloud.tree, cloud.spacing
            given = 0.0 if cloud.faces is not None else timed(lambda: cloud.edges)  # noqa: B023
            found = np.array([error_of(cloud, pair) for pair in pairs])
            errors, seconds = 100.0 * np.abs(found[:, 0]), found[:, 1]
            peak = peak_mib(cloud, max(pairs, key=lambda pair: pair.length))
            print(
                f"{name:<12} {len(cloud):>8,} {errors.mean():>13.3f} {errors.max():>8.3f} "
                f"{given:>12.3f} {seconds.mean():>8.3f} {seconds.max():>8.3f} {peak:>9.1f}",
                flush=True,
            )
    scan = scan_of(sphere_mesh(100_000), 250_000)
    _ = scan.tree
    print(f"\n{len(scan):,} points, seconds")
    normals = estimate_normals(scan.points, scan.tree)
    for name, work in {
        "adjacency, no normals": lambda: PointCloud(scan.points).edges,
        "adjacency, normals": lambda: PointCloud(scan.points, scan.normals).edges,
        "normals estimated": lambda: estimate_normals(scan.points, scan.tree),
        "normals oriented": lambda: orient_consistently(scan.points, normals, scan.tree),
    }.items():
        print(f"{name:<22} {timed(work):>8.3f}", flush=True)


if __name__ == "__main__":
    main()
