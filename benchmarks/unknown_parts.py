"""Whether the bundled detector takes scans of one part for another.

    python benchmarks/unknown_parts.py [MODEL ...] [--scans FILE ...] > benchmarks/unknown_parts.txt
    python benchmarks/unknown_parts.py --alone --unit m --scans FILE ...

A virtual scan is made of each bundled part and of each MODEL, a mesh file, with views and noise as
in the demo; a scan in FILE is taken as it is. With ``--alone``, only these are scored; of real
views of a casting, it printed ``benchmarks/unknown_parts_scans.txt``. Each scan is scored once
under the name of every category that it does not show. It should be unknown or doubtful there,
never pass or be rejected as that part. Each scan of a part of the detector is also scored under its
own name, where it should be neither. The pose of each scan is random.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

import flawsmith as fs
from backend.demo.sizes import PARTS
from backend.engine.processes import map_unordered
from backend.models.bundled import model_path
from backend.sensor.virtual_scan import virtual_scan

POINTS, VIEWS, NOISE = 16_000, 6, 2e-4
OWN_SCANS = 5


@dataclass(frozen=True)
class Pair:
    """A scan of ``part``, a bundled one or a file, with a number; scored as ``category``.

    The ``unit`` is that of a file that holds a scan; None: it is a mesh, or bundled.
    """

    part: str
    number: int
    category: str
    unit: str | None = None


@cache
def detector() -> fs.Detector:
    """The bundled one, once in each process."""
    return fs.Detector.load(model_path("bundled_parts"))


def scan_of(pair: Pair) -> fs.PointCloud:
    """The scan in a random pose, in mm."""
    rng = np.random.default_rng([len(pair.part), pair.number, *pair.part.encode()])
    if pair.unit is not None:
        cloud = fs.read_cloud(pair.part, unit=fs.Unit(pair.unit)).in_unit(fs.Unit.MM)
    else:
        path = Path(pair.part)
        mesh = fs.read_cloud(path) if path.suffix else fs.load_sample(pair.part)
        noise = NOISE * mesh.diagonal
        cloud = virtual_scan(mesh, views=VIEWS, points=POINTS, noise=noise, rng=rng)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    return cloud.transformed(turn)


def verdict(pair: Pair) -> tuple[Pair, str]:
    """What the detector says."""
    scan = scan_of(pair)
    found = detector().score(scan.points, scan.normals, pair.category).verdict
    return pair, "none" if found is None else found.value


def pairs(asked: argparse.Namespace) -> Iterator[Pair]:
    """Every scan under every name but its own; and the parts' own scans."""
    for category in detector().categories:
        for scan in asked.scans:
            yield Pair(str(scan), 0, category, asked.unit)
        if asked.alone:
            continue
        for part in (*PARTS, *map(str, asked.models)):
            if part != category:
                yield Pair(part, 0, category)
        if category in PARTS:
            yield from (Pair(category, number, category) for number in range(1, OWN_SCANS + 1))


def main() -> None:
    """Score all pairs, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "models",
        nargs="*",
        type=Path,
        help="meshes of unknown parts, in mm",
    )
    parser.add_argument("--scans", nargs="*", type=Path, default=[], help="scans of other parts")
    parser.add_argument("--unit", default="mm", choices=list(fs.Unit), help="of these scans")
    parser.add_argument("--alone", action="store_true", help="score nothing but these scans")
    asked = parser.parse_args()
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for pair, found in map_unordered(verdict, list(pairs(asked))):
        own = pair.part == pair.category
        counts[own][found] += 1
        if (found in ("unknown", "doubtful")) == own:
            print(f"{Path(pair.part).stem} as {pair.category}: {found}", flush=True)
    for own, name in ((False, "scans of other parts"), (True, "own scans")):
        total = sum(counts[own].values())
        strange = counts[own]["unknown"] + counts[own]["doubtful"]
        print(f"{name}: {strange} of {total} are unknown or doubtful; {dict(counts[own])}")


if __name__ == "__main__":
    main()
