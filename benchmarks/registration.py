"""How often registration finds the pose, by part and kind of scan, and how long it takes.

    python benchmarks/registration.py > benchmarks/registration.txt

Virtual scans of all bundled parts, each from random poses. A pose is right when it turns the
part by less than 1 degree and moves its middle by less than 0.5 % of its diagonal from the true
one; the turn about the axis of the pawn, which is a turned part, is left out. Seconds are of
processor time.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.errors import RegistrationError
from backend.geometry.rotations import even_directions
from backend.geometry.transform import transform_points
from backend.registration import Fit, register
from backend.samples import load_sample, sample_names
from backend.sensor.virtual_scan import virtual_scan

FloatArray = NDArray[np.float64]

POINTS = 15_000
MIN_FITNESS = 0.5
MAX_DEGREES = 1.0
MAX_SHIFT = 0.005
TURNED_PART = "pawn"
# So many table points to one of the part: 20 % of the scan.
TABLE_RATIO = 0.25


@dataclass(frozen=True)
class Kind:
    """A kind of scan: its views, noise in mm, whether a table shows, whether half is cut off."""

    name: str
    views: int
    noise: float
    table: bool = False
    half: bool = False


KINDS = (
    Kind("1 view", 1, 0.0),
    Kind("1 view, 0.1 mm", 1, 0.1),
    Kind("1 view, 0.3 mm", 1, 0.3),
    Kind("2 views, 0.1 mm", 2, 0.1),
    Kind("all round, 0.1 mm", 12, 0.1),
    Kind("all round, 0.3 mm", 12, 0.3),
    Kind("1 view, table", 1, 0.1, table=True),
    Kind("all round, table", 12, 0.1, table=True),
    Kind("1 view, half", 1, 0.1, half=True),
    Kind("all round, half", 12, 0.1, half=True),
)


@dataclass(frozen=True)
class Result:
    """Of one registration; ``verdict`` is right, told (it says that it may be wrong) or worse."""

    verdict: str
    seconds: float
    fitness: float = np.nan
    rmse: float = np.nan


def visible(
    table: FloatArray, nominal: PointCloud, along: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """The points of ``table`` (N, 3) that the part does not hide where the view is ``along``."""
    across = np.linalg.svd(along[None, :])[2][1:].T
    surface = subsample_surface(nominal, POINTS, rng)
    apart, _ = cKDTree(surface.points @ across).query(table @ across)
    return table[apart > 2.0 * surface.spacing]


def scan_of(nominal: PointCloud, kind: Kind, rng: np.random.Generator) -> FloatArray:
    """Points (N, 3) of a scan of ``kind``, in the part frame."""
    along = even_directions(kind.views, deepcopy(rng))  # as the scan draws them
    scan = virtual_scan(nominal, views=kind.views, points=POINTS, noise=kind.noise, rng=rng)
    points = scan.points
    if kind.half:
        across = points @ rng.normal(size=3)
        points = points[across > np.median(across)]
    if kind.table:
        assert scan.normals is not None  # a virtual scan has them
        table = _table(nominal, scan.normals.mean(axis=0), 4 * len(points), rng)
        if kind.views == 1:
            table = visible(table, nominal, along[0], rng)
        table = table[: int(TABLE_RATIO * len(points))]
        points = np.concatenate([points, table + rng.normal(scale=kind.noise, size=table.shape)])
    return points


def _table(
    nominal: PointCloud, towards: FloatArray, count: int, rng: np.random.Generator
) -> FloatArray:
    """Points (count, 3) of a table under the part, on the side that faces away from the sensor."""
    low, high = nominal.points.min(axis=0), nominal.points.max(axis=0)
    table = low + (high - low) * rng.uniform(-0.3, 1.3, size=(count, 3))
    up = int(np.argmax(np.abs(towards)))
    table[:, up] = (low if towards[up] > 0 else high)[up]
    return table


def is_right(name: str, nominal: PointCloud, found: FloatArray, pose: FloatArray) -> bool:
    """Whether ``found`` undoes ``pose`` (4, 4), but for the turn of a turned part."""
    error = found @ pose
    middle = nominal.points.mean(axis=0)
    if name == TURNED_PART:
        middle[:2] = 0.0  # on the axis, which is z
        turn = np.arccos(np.clip(error[2, 2], -1.0, 1.0))
    else:
        turn = Rotation.from_matrix(error[:3, :3]).magnitude()
    shift = np.linalg.norm(transform_points(error, middle) - middle)
    return bool(np.degrees(turn) < MAX_DEGREES and shift < MAX_SHIFT * nominal.diagonal)


def measure(name: str, kind: Kind, seed: int) -> Result:
    """Register one scan from a random pose."""
    nominal = load_sample(name)
    rng = np.random.default_rng([seed, sample_names("mesh").index(name), KINDS.index(kind)])
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    pose[:3, 3] = rng.normal(scale=300.0, size=3)
    scan = PointCloud(transform_points(pose, scan_of(nominal, kind, rng)))
    start = time.process_time()
    try:
        found = register(nominal, scan, rng=rng, min_fitness=MIN_FITNESS)
    except RegistrationError:
        return Result("refused", time.process_time() - start)
    seconds = time.process_time() - start

    def right(fit: Fit) -> bool:
        return is_right(name, nominal, fit.T_part_scan, pose)

    told = found.free_motions > 0 or any(right(fit) for fit in found.alternatives)
    verdict = "right" if right(found) else "told" if told else "wrong"
    return Result(verdict, seconds, found.fitness, found.rmse)


def row(title: str, results: Sequence[Result]) -> str:
    """One line of the table."""
    counts = [
        sum(result.verdict == verdict for result in results)
        for verdict in ("right", "told", "refused", "wrong")
    ]
    seconds = [result.seconds for result in results]
    fitness = np.nanmean([result.fitness for result in results])
    rmse = np.nanmean([result.rmse for result in results])
    numbers = " ".join(f"{count:>7}" for count in counts)
    times = f"{np.mean(seconds):>8.1f} {np.max(seconds):>8.1f}"
    return f"{title:<20} {len(results):>5} {numbers} {fitness:>8.3f} {rmse:>8.3f} {times}"


def main() -> None:
    """Print the table, by kind of scan and by part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--poses", type=int, default=2, help="random poses a part and kind of scan")
    poses = parser.parse_args().poses
    print(f"{platform.machine()}, numpy {np.__version__}, scipy {scipy.__version__}\n")
    columns = "right", "told", "refused", "wrong"
    heading = " ".join(f"{column:>7}" for column in columns)
    print(f"{'':<20} scans {heading}  fitness  RMSE mm    CPU s  longest")
    of_part: dict[str, list[Result]] = {name: [] for name in sample_names("mesh")}
    for kind in KINDS:
        results = [(name, measure(name, kind, seed)) for name in of_part for seed in range(poses)]
        for name, result in results:
            of_part[name].append(result)
        print(row(kind.name, [result for _, result in results]), flush=True)
    print()
    for name, measured in of_part.items():
        print(row(name, measured))


if __name__ == "__main__":
    main()
