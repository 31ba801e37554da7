"""Whether real scans of a part on a turntable are placed, where, and how well they agree.

    python benchmarks/turntable.py --data DIR > benchmarks/turntable.txt

DIR holds `kopfstueck_cad.ply`, in mm, and in each folder `run_*` the scans of one turn as
`scan_000.ply`, `scan_020.ply`, … in metres. Nothing of it is part of the project. When these files
were written, the points were turned by the table's angle about the y axis of the camera, in the
sense in which the part turns already. That is undone, so that all scans are in the camera's frame.

All scans of a run are registered as one turntable, and each alone. "degrees" and "mm" are how far
its own pose near there is from where the turntable has it, and "next" how far the next scan's is
from this one's, turned on by the table. A scan alone is "right" within 2 degrees and 1 mm of where
the turntable has it, "near" within 5 degrees and 3 mm, "told" if one of its alternatives is there,
and "off" if none is. Of a run that is refused as one turntable, each scan is registered alone.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.transform import transform_points
from backend.io import read_cloud
from backend.registration import (
    Fit,
    NominalModel,
    Registration,
    Turntable,
    TurntableView,
    register,
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


def turned(table: Turntable, angle: float, pose: FloatArray) -> FloatArray:
    """``pose`` (4, 4) ``T_scan_part`` after the table has turned by ``angle``."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(np.radians(angle) * table.axis).as_matrix()
    turn[:3, 3] = table.center - turn[:3, :3] @ table.center
    return np.asarray(turn @ pose)


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


def run_of(model: NominalModel, run: Path) -> None:
    """Print the table of one run."""
    angles, scans = zip(*scans_of(run), strict=True)
    start = time.process_time()
    try:
        table = register_turntable(model, scans, angles, rng=np.random.default_rng(0))
    except RegistrationError as error:
        print(f"{run.name}, as one turntable: {error}\n")
        each_alone(model, scans, angles)
        return
    seconds = (time.process_time() - start) / len(scans)
    print(f"{run.name}: axis {np.round(table.axis, 3)}, {seconds:.1f} CPU s a scan\n")
    print(
        "view  fitness noise mm coverage agreement  degrees     mm   next    mm"
        "  alone   degrees     mm  alternatives"
    )
    nexts = neighbours(table, angles, model.center)
    for angle, view, step in zip(angles, table.views, nexts, strict=True):
        truth = turned(table, angle, table.T_scan_part)
        print(row(angle, view, step, truth, model.center), flush=True)
    placed = sum(view.contradiction is None for view in table.views)
    worst, shift = np.max(nexts, axis=0)
    print(
        f"\n{placed} of {len(scans)} are placed; neighbours agree with the turn of the table "
        f"within {worst:.2f} degrees and {shift:.2f} mm\n"
    )


def neighbours(
    table: Turntable, angles: Sequence[float], middle: FloatArray
) -> list[tuple[float, float]]:
    """Degrees and mm between each scan's pose, turned on by the table, and the next one's."""
    poses = [np.linalg.inv(view.registration.T_part_scan) for view in table.views]
    steps = np.diff([*angles, angles[0] + 360.0])
    return [
        apart(turned(table, step, pose), after, middle)
        for step, pose, after in zip(steps, poses, [*poses[1:], poses[0]], strict=True)
    ]


def each_alone(model: NominalModel, scans: Sequence[PointCloud], angles: Sequence[float]) -> None:
    """Print what comes of each scan without the others."""
    print("view  fitness noise mm coverage agreement  CPU s")
    for angle, scan in zip(angles, scans, strict=True):
        start = time.process_time()
        try:
            found = register(model, scan, rng=np.random.default_rng(0))
        except RegistrationError as error:
            text = f" {str(error).partition('. ')[0]}"
        else:
            text = (
                f" {found.fitness:7.3f} {found.noise:8.2f} {found.coverage or 0.0:8.3f}"
                f" {found.agreement:9.3f} {time.process_time() - start:6.1f}"
            )
        print(f"{angle:4.0f} {text}", flush=True)
    print()


def row(
    angle: float,
    view: TurntableView,
    step: tuple[float, float],
    truth: FloatArray,
    middle: FloatArray,
) -> str:
    """One scan: as the turntable has it, and alone."""
    placed, own = view.registration, view.alone
    turn, shift = apart(np.linalg.inv(own.T_part_scan), truth, middle)
    word = "refused" if view.refusal else verdict(own, truth, middle)
    text = (
        f"{angle:4.0f}  {placed.fitness:7.3f} {placed.noise:8.2f} {placed.coverage or 0.0:8.3f}"
        f" {placed.agreement:9.3f} {view.turn_error:8.2f} {view.shift_error:6.2f}"
        f" {step[0]:6.2f} {step[1]:5.2f}"
        f"  {word:<7} {turn:9.2f} {shift:6.2f}  {len(own.alternatives)}"
    )
    return "\n      ".join([text, *(why for why in (view.refusal, view.contradiction) if why)])


def main() -> None:
    """Print the tables of all runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the model and runs")
    data = parser.parse_args().data
    print(f"{platform.machine()}, numpy {np.__version__}, scipy {scipy.__version__}\n")
    model = NominalModel(read_cloud(data / "kopfstueck_cad.ply"))
    for run in sorted(data.glob("run_*")):
        run_of(model, run)


if __name__ == "__main__":
    main()
