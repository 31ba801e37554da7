"""The demo's data set: nominal and labelled clouds of the bundled parts and of the real scan.

A part's nominal clouds are virtual scans, each from views and with noise of its own. Of the real
scan there is but one, of a ring; so its ring is cut into three arcs, one to learn from, one to
calibrate on and one to test on. A nominal cloud is a random sector of its arc, a random subsample
of the points in it, with a little more noise, as if it had been measured again. Nothing that was
measured is in two of the three sets.

Anomalous clouds are further such clouds, with one defect each, drawn from a bundled template on
the cloud itself, so that it lies where the scan shows the surface.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from backend.arrays import IntArray
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.shards import read_sample, write_sample
from backend.demo.sizes import REAL, DemoSize
from backend.engine.processes import cores, map_unordered
from backend.errors import SamplingError
from backend.io import read_cloud
from backend.progress import Progress, track
from backend.replay.replay import Replayed, replay
from backend.samples import load_sample
from backend.sampling.drawing import draw_until_it_shows
from backend.sampling.places import Surface
from backend.sampling.recipes import sample_recipe
from backend.sensor.virtual_scan import virtual_scan
from shared_schema.defects import SPECS
from shared_schema.load import load_template
from shared_schema.recipe import Part, Recipe, RecipeTemplate, Unit

TEMPLATES = Path(__file__).parent / "templates"
NOMINAL = "nominal"
# In the order of the random numbers' keys: what is added goes to the end.
USES = ("learn", "calibrate", "train", "test")
KINDS = (NOMINAL, *SPECS)

# Arcs of the ring by use; anomalies to train on are made where it learns.
ARCS = {"learn": 0, "calibrate": 1, "train": 0, "test": 2}
SECTOR = (np.radians(60.0), np.radians(90.0))
REPEAT_NOISE_MM = 0.01

# Each process holds the parts' meshes and a little more.
MOST_WORKERS = 8


@dataclass(frozen=True)
class CloudPlan:
    """One cloud to be made.

    Attributes:
        category: a bundled part's name, or the real scan's.
        use: one of ``USES``.
        kind: of its defect, or ``"nominal"``.
        number: among those that are alike in all this.
    """

    category: str
    use: str
    kind: str
    number: int

    @property
    def file(self) -> str:
        """Path of its shard below the data set's folder."""
        return f"{self.use}/{self.category}-{self.kind}-{self.number:03d}.safetensors"

    def rng(self, seed: int, attempt: int) -> np.random.Generator:
        """Its own source of chance."""
        name = int.from_bytes(self.category.encode(), "little")
        return np.random.default_rng(
            [seed, USES.index(self.use), name, KINDS.index(self.kind), self.number, attempt]
        )


def plan(size: DemoSize) -> list[CloudPlan]:
    """Every cloud of the data set."""
    return [
        CloudPlan(category, use, kind, number)
        for category in size.categories
        for use, kind, count in _counts(size)
        for number in range(count)
    ]


def _counts(size: DemoSize) -> Iterator[tuple[str, str, int]]:
    yield "learn", NOMINAL, size.learn
    yield "calibrate", NOMINAL, size.calibrate
    yield "test", NOMINAL, size.test_nominal
    for kind in SPECS:
        yield "train", kind, size.train
        yield "test", kind, size.test


def make_dataset(
    folder: Path, size: DemoSize, seed: int, scan: Path, progress: Progress
) -> Mapping[str, Any]:
    """Make every cloud that is not there yet, on all cores.

    Args:
        folder: of the data set.
        size: how much of everything.
        seed: of the demo.
        scan: file of the real scan with normals, in the part frame, mm.
        progress: a running display.

    Returns:
        How many clouds there are for each use.
    """
    plans = plan(size)
    work = partial(make_shard, folder, size=size, seed=seed, scan=scan)
    made = map_unordered(work, plans, jobs=min(MOST_WORKERS, cores()))
    for _ in track(progress, made, "Making clouds", len(plans)):
        pass
    return {use: sum(item.use == use for item in plans) for use in USES}


def read_clouds(
    folder: Path, size: DemoSize, category: str, *, uses: Sequence[str], nominal: bool
) -> list[LabeledCloud]:
    """The nominal or the anomalous clouds of a category, in the order of the plan."""
    return [
        read_sample(folder / item.file)[0]
        for item in plan(size)
        if item.category == category and item.use in uses and (item.kind == NOMINAL) == nominal
    ]


def make_shard(folder: Path, item: CloudPlan, size: DemoSize, seed: int, scan: Path) -> Path:
    """Make one cloud and write its shard, unless it is there.

    Args:
        folder: of the data set.
        item: which cloud.
        size: how many points, views and how much noise.
        seed: of the demo.
        scan: file of the real scan with normals, in the part frame, mm.

    Raises:
        SamplingError: no defect of the kind shows on the category's clouds.
    """
    path = folder / item.file
    if not path.exists():
        labeled, record = _make(item, size, seed, scan)
        document = record.model_dump(mode="json")
        write_sample(path, labeled, document | {"plan": vars(item), "seed": seed})
    return path


def _make(item: CloudPlan, size: DemoSize, seed: int, scan: Path) -> Replayed:
    def draw(attempt: int) -> Replayed:
        rng = item.rng(seed, attempt)
        cloud = nominal_cloud(item.category, item.use, size, scan, rng)
        return replay(_recipe(item, cloud, rng), cloud)

    if item.kind == NOMINAL:
        return draw(0)
    try:
        return draw_until_it_shows(draw)[1]
    except SamplingError as error:
        raise SamplingError(
            f"a {item.kind} on {item.category}: {error}; change its ranges in the template"
        ) from error


def _recipe(item: CloudPlan, cloud: PointCloud, rng: np.random.Generator) -> Recipe:
    part = Part(name=item.category, unit=Unit.MM, diagonal=_diagonal(item.category, cloud))
    name = item.file.rpartition(".")[0]
    if item.kind == NOMINAL:
        return Recipe(name=name, part=part)
    template = template_of(item.category, item.kind)
    return sample_recipe(template, Surface(cloud, part), rng=rng, name=name)


def template_of(category: str, kind: str) -> RecipeTemplate:
    """The bundled template of a category, with the one defect of ``kind`` in it."""
    template = load_template(TEMPLATES / template_name(category))
    chosen = tuple(defect for defect in template.defects if defect.kind == kind)
    return template.model_copy(update={"defects": chosen, "draws": None})


def template_name(category: str) -> str:
    """File of a category's template: the scanned rim is lower than a part's defects are wide."""
    return "rim.json" if category == REAL else "parts.json"


def nominal_cloud(
    category: str, use: str, size: DemoSize, scan: Path, rng: np.random.Generator
) -> PointCloud:
    """A defect-free cloud of ``category`` in the part frame, mm, with outward normals."""
    if category == REAL:
        return _sector(_real_scan(scan), ARCS[use], size, rng)
    mesh = _mesh(category)
    noise = rng.uniform(*size.noise) * mesh.diagonal
    return virtual_scan(mesh, views=size.views, points=size.points, noise=noise, rng=rng)


@cache
def _mesh(category: str) -> PointCloud:
    return load_sample(category)


@cache
def _real_scan(path: Path) -> PointCloud:
    return replace(read_cloud(path), unit=Unit.MM.value)


def _diagonal(category: str, cloud: PointCloud) -> float:
    return cloud.diagonal if category == REAL else _mesh(category).diagonal


def _sector(scan: PointCloud, arc: int, size: DemoSize, rng: np.random.Generator) -> PointCloud:
    """Part of an ``arc`` (0, 1 or 2) of the ring about the z axis, measured again."""
    width = rng.uniform(*SECTOR)
    third = 2.0 * np.pi / 3.0
    start = arc * third + rng.uniform(0.0, third - width)
    azimuth = np.arctan2(scan.points[:, 1], scan.points[:, 0]) % (2.0 * np.pi)
    rows: IntArray = np.flatnonzero((azimuth >= start) & (azimuth < start + width))
    rows = np.sort(rng.permutation(rows)[: size.points])
    assert scan.normals is not None  # the registered scan has them
    noise = REPEAT_NOISE_MM * rng.normal(size=(len(rows), 1))
    normals = scan.normals[rows]
    return PointCloud(scan.points[rows] + noise * normals, normals, unit=scan.unit)
