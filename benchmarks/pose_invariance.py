"""How much a score depends on how the scan lies, on the order of its points, and on stray points.

    python benchmarks/pose_invariance.py [--poses N] [--only NAME …] [--normals given|estimated]
        [--detector FILE]

For each bundled part (a virtual scan) and for the bundled real scan the table tells: the object
score; its own scatter over thinnings of the same scan (standard deviation and range over 8); its
range over rigid motions, each with the points in another order; the same with 0.1 % stray points,
half of them within the part's box and half up to 5 m away; how many points above the threshold
there are; in how many poses the decision differs; and how many of the stray points are told to be
stray or anomalous.

Every scan is scored with and without its normals: those of bare ones have to be estimated. A pose
takes some three seconds of one core, with and without strays and normals. All cores take part.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.engine.processes import Workers
from backend.models.bundled import model_path
from backend.samples import load_sample, sample_names
from backend.scoring.detector import Detector, ScoreMap
from backend.sensor.virtual_scan import virtual_scan

REAL = "pawn_scan"
VIEWS, POINTS, NOISE = 6, 16_000, 2.5e-4
THINNINGS = 8
AHEAD = 16
STRAY_SHARE, FARTHEST_MM = 1e-3, 5000.0
SHIFT_MM = 1e4
COLUMNS = "part", "normals", "score", "limit", "thinnings: sd", "range", "poses: range", "points"
STRAY_COLUMNS = "with strays: range", "points", "strays told", "other decisions"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A scan to measure, and the detector's file; each process has both once in memory."""

    detector: Path
    name: str
    normals: str

    @property
    def cloud(self) -> PointCloud:
        """Its scan, with the normals or bare."""
        cloud = scan(self.name)
        return cloud if self.normals == "given" else PointCloud(cloud.points)

    def score(self, cloud: PointCloud) -> ScoreMap:
        """As a user does who names the part."""
        return load(self.detector).score(cloud.points, cloud.normals, self.name)


@cache
def load(path: Path) -> Detector:
    """The detector."""
    return Detector.load(path)


@dataclass(frozen=True)
class Row:
    """What was measured on one scan."""

    name: str
    normals: str
    plain: ScoreMap
    thinnings: FloatArray
    posed: list[ScoreMap]
    strayed: list[ScoreMap]
    told: FloatArray

    def cells(self) -> list[str]:
        """Of the table."""
        limit = self.plain.object_threshold
        others = sum(r.verdict != self.plain.verdict for r in [*self.posed, *self.strayed])
        return [
            self.name,
            self.normals,
            f"{self.plain.object_score:.3f}",
            "none" if limit is None else f"{limit:.3f}",
            f"{self.thinnings.std():.3f}",
            span(self.thinnings),
            span([r.object_score for r in self.posed]),
            span([float(r.above_threshold.sum()) for r in self.posed], 0),
            span([r.object_score for r in self.strayed]),
            span([float((r.above_threshold & ~r.stray).sum()) for r in self.strayed], 0),
            f"{self.told.mean():.1%}",
            f"{others} of {len(self.posed) + len(self.strayed)}",
        ]


def span(values: FloatArray | list[float], digits: int = 3) -> str:
    """Least and greatest."""
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--poses", type=int, default=50)
    parser.add_argument("--only", nargs="*", help="parts; all by default")
    parser.add_argument("--normals", choices=("given", "estimated"), help="both by default")
    parser.add_argument("--detector", type=Path, default=model_path("bundled_parts"))
    options = parser.parse_args()
    names = options.only or [n for n in sample_names() if n in load(options.detector).categories]
    print(" | ".join((*COLUMNS, *STRAY_COLUMNS)), flush=True)
    with Workers() as workers:
        for name, normals in product(names, ("given", "estimated")):
            if options.normals in (None, normals) and (name, normals) != (REAL, "given"):
                part = Part(options.detector, name, normals)
                print(" | ".join(measured(workers, part, options.poses).cells()), flush=True)


@cache
def scan(name: str) -> PointCloud:
    """Of a bundled part; the real one as it is bundled."""
    rng = np.random.default_rng(0)
    part = load_sample(name)
    if name == REAL:
        return PointCloud(part.points)
    noise = NOISE * part.diagonal
    return virtual_scan(part, views=VIEWS, points=POINTS, noise=noise, rng=rng)


def measured(workers: Workers, part: Part, poses: int) -> Row:
    """Scores of a scan in many poses."""
    work = partial(in_a_pose, part=part)
    posed, strayed, marked = zip(*workers.in_order(work, range(poses), ahead=AHEAD), strict=True)
    spread = list(workers.in_order(partial(thinned, part=part), range(THINNINGS), ahead=AHEAD))
    return Row(
        part.name,
        part.normals,
        part.score(part.cloud),
        np.array(spread),
        [*posed],
        [*strayed],
        np.array(marked),
    )


def in_a_pose(number: int, part: Part) -> tuple[ScoreMap, ScoreMap, float]:
    """The scores without strays and with them, and the share of the strays that is told."""
    rng, cloud = np.random.default_rng([number]), part.cloud
    posed = part.score(moved(cloud, rng))
    strayed = part.score(with_strays(cloud, rng))
    return posed, strayed, float(strayed.above_threshold[len(cloud) :].mean())


def moved(cloud: PointCloud, rng: np.random.Generator) -> PointCloud:
    """Turned and shifted far, its points in another order."""
    turn = Rotation.random(random_state=rng).as_matrix()
    order = rng.permutation(len(cloud))
    points = cloud.points[order] @ turn.T + SHIFT_MM * rng.normal(size=3)
    return PointCloud(points, None if cloud.normals is None else cloud.normals[order] @ turn.T)


def with_strays(cloud: PointCloud, rng: np.random.Generator) -> PointCloud:
    """Turned, with stray points behind its own."""
    turn = Rotation.random(random_state=rng).as_matrix()
    low, high = cloud.points.min(axis=0), cloud.points.max(axis=0)
    count = max(2, round(STRAY_SHARE * len(cloud)))
    near = low + (high - low) * rng.random((count // 2, 3))
    far = (low + high) / 2.0 + FARTHEST_MM * rng.uniform(-1.0, 1.0, (count - count // 2, 3))
    points = np.concatenate([cloud.points, near, far]) @ turn.T
    if cloud.normals is None:
        return PointCloud(points)
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud(points, np.concatenate([cloud.normals @ turn.T, normals]))


def thinned(number: int, part: Part) -> float:
    """The score of the scan as other points of it are kept: 95 % of them, drawn by chance."""
    rng, cloud = np.random.default_rng([THINNINGS, number]), part.cloud
    rows = np.sort(rng.permutation(len(cloud))[: round(0.95 * len(cloud))])
    normals = None if cloud.normals is None else cloud.normals[rows]
    return part.score(PointCloud(cloud.points[rows], normals)).object_score


if __name__ == "__main__":
    main()
