"""What a detector of whole parts makes of scans that show one side of a part.

    python build.py demo --out DIR
    python benchmarks/single_views.py DIR [--model FILE] > benchmarks/single_views.txt

Nominal ones are virtual scans of the bundled parts from one direction each, with noise and
directions that training has not seen. Defective ones are the demo's anomalous scans, of which that
is left which is seen from a place in front of the defect. Each lies in a random pose, and the part
is not named; a scan that is not surely recognised is scored once more under its name. A row counts
the verdicts without the name, and the scans that are taken for another part. It says how far they
are from the nominal scans of their own part, the median and the largest distance, and how many have
a score above the limit under their name.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.folder import DataFile, data_files, read_samples
from backend.demo.sizes import PARTS
from backend.engine.processes import map_unordered
from backend.intake import Intake
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.sensor.occlusion import occlusion
from backend.sensor.virtual_scan import virtual_scan
from backend.training import DETECTOR_FILE
from shared_schema.recipe import Unit
from shared_schema.sensor import Occlusion

SEED, VIEWS, DEFECTS = 20, 6, 6
POINTS, NOISE = 16_000, 2.5e-4
# How far the sensor stands off the middle of the part, in diagonals, and how obliquely it sees the
# defect at most.
AWAY, OBLIQUE = 2.0, 0.7
VERDICTS = ("pass", "review", "reject", "doubtful", "unknown")


@dataclass(frozen=True)
class View:
    """A scan from one side: ``number`` of a part, made of a labelled ``file`` or of its model."""

    category: str
    number: int
    file: DataFile | None = None

    @property
    def rng(self) -> np.random.Generator:
        """Its own source of chance."""
        return np.random.default_rng([SEED, self.number, *self.category.encode()])


@dataclass(frozen=True)
class Found:
    """What is said of a view.

    Attributes:
        view: which one.
        verdict: without its name.
        category: what it was taken for.
        distance: from the nominal scans of its part.
        above: whether its score is above the limit of its part.
    """

    view: View
    verdict: str
    category: str
    distance: float
    above: bool


def scan_of(view: View) -> PointCloud:
    """The scan, in a random pose."""
    rng = view.rng
    if view.file is None:
        mesh = load_sample(view.category)
        noise = NOISE * mesh.diagonal
        cloud = virtual_scan(mesh, views=1, points=POINTS, noise=noise, rng=rng)
    else:
        ((sample,), _) = read_samples([view.file], Intake(Unit.MM))
        cloud = in_front(sample.cloud, rng)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    return cloud.transformed(turn)


def in_front(labeled: LabeledCloud, rng: np.random.Generator) -> PointCloud:
    """What is seen from where a defect faces the sensor, more or less."""
    assert labeled.normals is not None  # the demo's scans have them
    cloud = PointCloud(labeled.points, labeled.normals)
    outward = labeled.normals[rng.choice(np.flatnonzero(labeled.mask))]
    direction = outward + OBLIQUE * rng.uniform() * Rotation.random(random_state=rng).as_matrix()[0]
    low, high = cloud.box
    eye = (low + high) / 2.0 + AWAY * cloud.diagonal * direction / np.linalg.norm(direction)
    seen, _ = occlusion(cloud.points, labeled.normals, eye[None], Occlusion())
    return PointCloud(cloud.points[seen], labeled.normals[seen])


@cache
def load(model: Path) -> Detector:
    """The detector, once in each process."""
    return Detector.load(model)


def judge(view: View, model: Path) -> Found:
    """Without the name; and by the score, if need be under the name."""
    detector, scan = load(model), scan_of(view)
    found = detector.score(scan.points, scan.normals)
    own = found
    if not found.is_scored or found.category != view.category:
        own = detector.score(scan.points, scan.normals, view.category)
    limit = own.rule.reject.value
    verdict = "none" if found.verdict is None else found.verdict.value
    distance = own.recognition.distance
    above = limit is not None and own.object_score > limit
    return Found(view, verdict, found.category, distance, above)


def views(demo: Path) -> Iterator[View]:
    """All of them."""
    files = data_files(demo / "test")
    for name in PARTS:
        yield from (View(name, number) for number in range(VIEWS))
        defective = [file for file in files if file.category == name and file.anomalous]
        yield from (View(name, number, file) for number, file in enumerate(defective[:DEFECTS]))


def show(title: str, found: Sequence[Found]) -> None:
    """A row for each part, and one for all."""
    print(f"{title:16}{'scans':>6}" + "".join(f"{name:>10}" for name in VERDICTS), end="")
    print(f"{'as another':>12}{'distance':>16}{'above limit':>13}")
    groups = {name: [one for one in found if one.view.category == name] for name in PARTS}
    for name, rows in (groups | {"all": list(found)}).items():
        counts = "".join(f"{sum(one.verdict == v for one in rows):10}" for v in VERDICTS)
        other = sum(one.category != one.view.category for one in rows)
        far = np.quantile([one.distance for one in rows], [0.5, 1.0])
        above = sum(one.above for one in rows)
        print(f"{name:16}{len(rows):6}{counts}{other:12}{far[0]:9.3f}{far[1]:7.3f}{above:13}")


def main() -> None:
    """Judge all views, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("demo", type=Path, help="folder that build.py demo wrote")
    parser.add_argument("--model", type=Path, help="another detector than the demo's")
    asked = parser.parse_args()
    model = asked.model or asked.demo / "model" / DETECTOR_FILE
    found = list(map_unordered(partial(judge, model=model), list(views(asked.demo))))
    show("nominal", [one for one in found if one.view.file is None])
    print()
    show("defective", [one for one in found if one.view.file is not None])


if __name__ == "__main__":
    main()
