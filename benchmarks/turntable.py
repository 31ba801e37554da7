"""Whether real scans of a part on a turntable are placed, where, and how well they agree.

    python benchmarks/turntable.py --data DIR > benchmarks/turntable.txt

DIR holds `kopfstueck_cad.ply`, in mm, and in each folder `run_*` the scans of one turn as
`scan_000.ply`, `scan_020.ply`, … in metres. Nothing of it is part of the project. When these files
were written, the points were turned by the table's angle about the y axis of the camera, in the
sense in which the part turns already. That is undone, so that all scans are in the camera's frame.

All scans of a run are registered as one turntable, and each alone. A scan alone is "right" within 2
degrees and 1 mm of where the turntable has it, "near" within 5 degrees and 3 mm, "told" if one of
its alternatives is there, and "off" if none is.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.geometry.transform import transform_points
from backend.io import read_cloud
from backend.registration import (
    Fit,
    Registration,
    Target,
    Turntable,
    TurntableView,
    register_turntable,
)

FloatArray = NDArray[np.float64]

MM_PER_METRE = 1000.0
# Degrees and mm from where the turntable has the part.
RIGHT = (2.0, 1.0)
NEAR = (5.0, 3.0)


def scans_of(run: Path) -> Iterator[tuple[float, PointCloud]]:
    """The angle that each file of ``run`` names, and its points in mm, in the camera's frame."""
    for path in sorted(run.glob("scan_*.ply")):
        cloud, angle = read_cloud(path), float(path.stem[5:])
        undo = Rotation.from_euler("y", angle, degrees=True).as_matrix()
        yield angle, replace(cloud, points=MM_PER_METRE * cloud.points @ undo.T)


def apart(pose: FloatArray, other: FloatArray, middle: FloatArray) -> tuple[float, float]:
    """Degrees and mm between two poses (4, 4) ``T_scan_part``, at the part's ``middle`` (3,)."""
    turn = Rotation.from_matrix(pose[:3, :3].T @ other[:3, :3]).magnitude()
    shift = transform_points(pose, middle) - transform_points(other, middle)
    return float(np.degrees(turn)), float(np.linalg.norm(shift))


def part_in_scan(table: Turntable, angle: float) -> FloatArray:
    """Pose (4, 4) ``T_scan_part`` that the turntable gives the part at ``angle``."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(np.radians(angle) * table.axis).as_matrix()
    turn[:3, 3] = table.center - turn[:3, :3] @ table.center
    return np.asarray(turn @ table.T_scan_part)


def verdict(found: Registration, truth: FloatArray, middle: FloatArray) -> str:
    """Whether a scan alone came to lie where the turntable has it."""

    def within(fit: Fit, most: tuple[float, float]) -> bool:
        turn, shift = apart(np.linalg.inv(fit.T_part_scan), truth, middle)
        return turn <= most[0] and shift <= most[1]

    if within(found, RIGHT):
        return "right"
    if within(found, NEAR):
        return "near"
    return "told" if any(within(other, NEAR) for other in found.alternatives) else "off"


def run_of(target: Target, run: Path) -> None:
    """Print the table of one run."""
    angles, scans = zip(*scans_of(run), strict=True)
    start = time.process_time()
    table = register_turntable(
        target,
        scans,
        angles,
        rng=np.random.default_rng(0),
    )
    seconds = (time.process_time() - start) / len(scans)
    print(f"{run.name}: axis {np.round(table.axis, 3)}, {seconds:.1f} CPU s a scan\n")
    print(
        "view  fitness noise mm coverage agreement  degrees     mm"
        "  alone   degrees     mm  alternatives"
    )
    for angle, view in zip(angles, table.views, strict=True):
        print(row(angle, view, part_in_scan(table, angle), target.center), flush=True)
    print()


def row(angle: float, view: TurntableView, truth: FloatArray, middle: FloatArray) -> str:
    """One scan: as the turntable has it, and alone."""
    placed, own = view.registration, view.alone
    turn, shift = apart(np.linalg.inv(own.T_part_scan), truth, middle)
    word = "refused" if view.refusal else verdict(own, truth, middle)
    text = (
        f"{angle:4.0f}  {placed.fitness:7.3f} {placed.noise:8.2f} {placed.coverage or 0.0:8.3f}"
        f" {placed.agreement:9.3f} {view.turn_error:8.2f} {view.shift_error:6.2f}"
        f"  {word:<7} {turn:9.2f} {shift:6.2f}  {len(own.alternatives)}"
    )
    return "\n      ".join([text, *(why for why in (view.refusal, view.contradiction) if why)])


def main() -> None:
    """Print the tables of all runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the model and runs")
    data = parser.parse_args().data
    print(f"{platform.machine()}, numpy {np.__version__}, scipy {scipy.__version__}\n")
    target = Target(read_cloud(data / "kopfstueck_cad.ply"))
    for run in sorted(data.glob("run_*")):
        run_of(target, run)


if __name__ == "__main__":
    main()
