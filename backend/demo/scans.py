"""The demo's nominal scans: virtual ones of the bundled parts, and pieces of the real one.

A virtual scan has views and noise of its own. Of the real scan there is but one, of a ring; so its
ring is cut into three arcs, one to learn from, one to calibrate on and one to test on. A nominal
scan is a random sector of its arc, a random subsample of the points in it, with a little more
noise, as if it had been measured again. No point is in two of the three sets.

They are written to folders as ``flawsmith train`` and ``flawsmith evaluate`` take them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from backend.arrays import IntArray
from backend.children import cores
from backend.cloud import PointCloud
from backend.dataset.folder import MODEL, NOMINAL
from backend.demo.sizes import REAL, DemoSize
from backend.engine.processes import map_unordered
from backend.io import read_cloud, write_cloud
from backend.progress import Progress, track
from backend.samples import load_sample, sample_path
from backend.sensor.virtual_scan import virtual_scan
from shared_schema.recipe import Unit

# In the order of the random numbers' keys; the ring's arcs have the same numbers.
USES = ("learn", "calibrate", "test")
SECTOR = (np.radians(60.0), np.radians(90.0))
REPEAT_NOISE_MM = 0.01

# Each process holds the parts' meshes and a little more, and is worth starting for several scans.
MOST_WORKERS, SCANS_A_WORKER = 8, 8


@dataclass(frozen=True)
class NominalScan:
    """One scan to be made.

    Attributes:
        category: a bundled part's name, or the real scan's.
        use: one of ``USES``.
        number: among those of the category in its folder.
    """

    category: str
    use: str
    number: int

    @property
    def file(self) -> Path:
        """Where it goes below the folder of data."""
        return Path(self.category, NOMINAL, f"{self.number:02d}.ply")

    def rng(self, seed: int) -> np.random.Generator:
        """Its own source of chance."""
        name = int.from_bytes(self.category.encode(), "little")
        return np.random.default_rng([seed, USES.index(self.use), name, self.number])


def learned_scans(size: DemoSize) -> list[NominalScan]:
    """Those to train on. The last ones of a category calibrate, as ``flawsmith train`` has it."""
    uses = ["learn"] * size.learn + ["calibrate"] * size.calibrate
    return [NominalScan(name, use, n) for name in size.categories for n, use in enumerate(uses)]


def tested_scans(size: DemoSize) -> list[NominalScan]:
    """Those to test on, and to make labelled scans of."""
    return [NominalScan(name, "test", n) for name in size.categories for n in range(size.test)]


def write_scans(
    folder: Path,
    scans: Sequence[NominalScan],
    size: DemoSize,
    seed: int,
    ring: Path,
    progress: Progress,
) -> None:
    """Make the scans that are not there yet, on all cores.

    Args:
        folder: of the data.
        scans: which ones.
        size: how many points and views and how much noise.
        seed: of the demo.
        ring: file of the real scan with normals, in the part frame, mm.
        progress: how this is followed.
    """
    missing = [scan for scan in scans if not (folder / scan.file).exists()]
    jobs = min(MOST_WORKERS, cores(), 1 + len(missing) // SCANS_A_WORKER)
    work = partial(_write, folder=folder, size=size, seed=seed, ring=ring)
    made = map_unordered(work, missing, jobs=jobs)
    for _ in track(progress, made, "Scanning", len(missing)):
        pass


def write_models(folder: Path, size: DemoSize) -> None:
    """Put the parts' nominal models beside their scans; on arcs of the ring none is of use."""
    for name in size.categories:
        if name != REAL:
            path = sample_path(name)
            shutil.copyfile(path, folder / name / f"{MODEL}{path.suffix}")


def _write(scan: NominalScan, folder: Path, size: DemoSize, seed: int, ring: Path) -> None:
    write_cloud(folder / scan.file, _scan(scan, size, ring, scan.rng(seed)))


def _scan(scan: NominalScan, size: DemoSize, ring: Path, rng: np.random.Generator) -> PointCloud:
    """It in the part frame, mm, with outward normals."""
    if scan.category == REAL:
        return _sector(_ring(ring), USES.index(scan.use), size, rng)
    mesh = _mesh(scan.category)
    noise = rng.uniform(*size.noise) * mesh.diagonal
    return virtual_scan(mesh, views=size.views, points=size.points, noise=noise, rng=rng)


@cache
def _mesh(category: str) -> PointCloud:
    return load_sample(category)


@cache
def _ring(path: Path) -> PointCloud:
    return replace(read_cloud(path), unit=Unit.MM.value)


def _sector(ring: PointCloud, arc: int, size: DemoSize, rng: np.random.Generator) -> PointCloud:
    """Part of an ``arc`` (0, 1 or 2) of the ring about the z axis, measured again."""
    width = rng.uniform(*SECTOR)
    third = 2.0 * np.pi / 3.0
    start = arc * third + rng.uniform(0.0, third - width)
    azimuth = np.arctan2(ring.points[:, 1], ring.points[:, 0]) % (2.0 * np.pi)
    rows: IntArray = np.flatnonzero((azimuth >= start) & (azimuth < start + width))
    rows = np.sort(rng.permutation(rows)[: size.points])
    assert ring.normals is not None  # the registered scan has them
    noise = REPEAT_NOISE_MM * rng.normal(size=(len(rows), 1))
    normals = ring.normals[rows]
    return PointCloud(ring.points[rows] + noise * normals, normals, unit=ring.unit)
