"""Whether points at borders and sharp edges should be calibrated among points like them.

    python build.py demo --out DIR
    python benchmarks/strata.py DIR > benchmarks/strata.txt

Recalibrates the demo's detector on the nominal scans that its training held out, with one tail
table a channel and with one for each stratum of the points: those next to an open border of the
scan, those on a sharp edge, and the rest. With ``prototypes``, only the two channels that compare
with nominal prototypes have strata. Prints O-AUROC / AP / AUPRO by kind on the scans that the demo
tests on. Then it prints, of the nominal ones, the share of points above the point threshold within
three spacings of a border, and elsewhere.

A stratum is found from the thinned points alone, so that it depends neither on pose nor on unit. As
the sensor's place is not known when a scan is scored, grazing views are no stratum. A table of a
stratum takes a share of all points in, which counts as ``SHARED`` points: a stratum with few points
hardly differs from the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cli.progress import progress_display
from backend.cloud import PointCloud
from backend.dataset.folder import data_files, read_samples
from backend.engine.processes import Workers
from backend.evaluation.cases import ScoredCase, TestCase
from backend.evaluation.measure import EvaluationReport, report
from backend.intake import Intake
from backend.models.pointwise.model import HISTOGRAMS, LEARNED, PointwiseModel
from backend.progress import Progress, track
from backend.scoring.category import score_of_object
from backend.scoring.detector import Detector, Scores
from backend.scoring.object_score import BEYOND_DOUBT
from backend.scoring.tails import TailTable, tail_levels
from backend.scoring.upsampling import ThinNeighbors
from backend.scoring.verdict import Judgement
from backend.training import DETECTOR_FILE, TrainingSet
from backend.training.config import from_record
from backend.training.pointwise.fitting import PointwiseTraining
from backend.training.run import Run
from backend.training.sets import CategoryData
from backend.training.tracking import no_log
from shared_schema.recipe import Unit

NEIGHBORS, SIXTH = 16, 6
# A border point has no neighbour in so wide an angle of its tangent plane (Bendels et al.,
# "Detecting holes in point set surfaces", 2006).
WIDEST_GAP = np.radians(120.0)
# Share of the variance of the neighbours across the surface; on a right-angled edge it is 0.08.
SHARP = 0.03
SHARED = 1000.0
# Three spacings, in usual distances to the sixth nearest point.
NEAR_BORDER = 2.1
REST, EDGE, BORDER = range(3)
WAYS: Mapping[str, Callable[[str], bool]] = {
    "one table": lambda _: False,
    "strata": lambda _: True,
    "strata of prototypes": lambda channel: channel in (HISTOGRAMS, LEARNED),
}


@dataclass(frozen=True, eq=False)
class Compared:
    """A scan's M thinned points, their strata (M,), and whether (M,) a border is near; channels."""

    points: FloatArray
    strata: IntArray
    near_border: BoolArray
    channels: Mapping[str, FloatArray]

    @classmethod
    def of(cls, points: FloatArray, channels: Mapping[str, FloatArray]) -> Compared:
        """Tell the strata of ``points`` (M, 3), which are evenly thinned."""
        distance, rows = cKDTree(points).query(points, k=min(NEIGHBORS + 1, len(points)))
        apart = float(np.median(distance[:, min(SIXTH, len(points) - 1)]))
        gap, sharpness = shape(points[rows] - points[:, None])
        border = gap > WIDEST_GAP
        strata = np.where(sharpness > SHARP, EDGE, REST)
        strata[near(points, border, apart)] = BORDER
        return cls(points, strata, near(points, border, NEAR_BORDER * apart), channels)


def shape(around: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Widest angle without a neighbour, and share of the variance across the surface, both (M,).

    ``around`` (M, K, 3) leads from each point to its neighbours, itself first.
    """
    centered = around - around.mean(axis=1, keepdims=True)
    variances, axes = np.linalg.eigh(np.einsum("mki,mkj->mij", centered, centered))
    flat = around[:, 1:] @ axes[:, :, 1:]
    angle = np.sort(np.arctan2(flat[..., 0], flat[..., 1]), axis=1)
    gaps = np.diff(angle, axis=1, append=angle[:, :1] + 2.0 * np.pi)
    return gaps.max(axis=1), variances[:, 0] / variances.sum(axis=1)


def near(points: FloatArray, chosen: BoolArray, reach: float) -> BoolArray:
    """Which points (M,) have a ``chosen`` one no farther than ``reach``."""
    if not chosen.any():
        return chosen
    distance, _ = cKDTree(points[chosen]).query(points, distance_upper_bound=reach)
    return np.isfinite(distance)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Tail tables of a category, by channel one for each stratum."""

    tables: Mapping[str, Sequence[TailTable]]

    @classmethod
    def fit(cls, scans: Sequence[Compared], has_strata: Callable[[str], bool]) -> Calibration:
        """From the scans that calibrate."""
        strata = np.concatenate([scan.strata for scan in scans])
        tables = {}
        for channel in scans[0].channels:
            values = np.concatenate([scan.channels[channel] for scan in scans])
            one = TailTable.fit(values)
            own = [shared_table(values, strata == number) for number in (REST, EDGE, BORDER)]
            tables[channel] = own if has_strata(channel) else [one] * 3
        return cls(tables)

    def scores(self, scan: Compared) -> FloatArray:
        """Mean (M,) of the channels' tail scores."""
        found = np.zeros(len(scan.points))
        for channel, tables in self.tables.items():
            for number, table in enumerate(tables):
                rows = scan.strata == number
                found[rows] += table.score(scan.channels[channel][rows])
        return found / len(self.tables)


def shared_table(values: FloatArray, own: BoolArray) -> TailTable:
    """Of the values (N,) that are its ``own`` (N,), and of a share of all."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(own[order] + SHARED / len(values))
    quantiles = np.interp(1.0 - 10.0 ** -tail_levels(), share / share[-1], values[order])
    return TailTable(np.maximum.accumulate(quantiles))


def calibrating(detector: Detector, data: Path, progress: Progress) -> dict[str, list[Compared]]:
    """The held-out scans of each category, compared as training does it."""
    config = from_record(detector.info["config"])
    given = (config, detector.info["seed"], None, detector.normalization, data, "", Workers())
    training = PointwiseTraining(Run(*given, progress, no_log))
    scans: dict[str, list[PointCloud]] = {}
    for sample in read_samples(data_files(data), Intake(Unit.MM))[0]:
        cloud = PointCloud(sample.cloud.points, sample.cloud.normals)
        scans.setdefault(sample.file.category, []).append(cloud)
    found: dict[str, list[Compared]] = {}
    categories = track(progress, list(detector.categories.items()), "Comparing")
    for number, (name, category) in enumerate(categories):
        learn, rest = TrainingSet(scans[name]).split(config.holdout)
        model = category.model
        if isinstance(model, PointwiseModel):
            own = training.nominal_set(CategoryData(name, number, learn, rest, (), None))
            clouds = [cloud for _, cloud in own.rest]
            found[name] = [Compared.of(c.points, model.compare(c).channels) for c in clouds]
        else:
            pairs = [(cloud, next(iter(model.deviations(cloud)))) for cloud in rest]
            found[name] = [Compared.of(c.points[d.rows], d.channels) for c, d in pairs]
    return found


@dataclass(frozen=True, eq=False)
class Tested:
    """A scan with its scores, and which (M,) thinned points are above the threshold, each way."""

    scan: Compared
    cases: Mapping[str, ScoredCase]
    above: Mapping[str, BoolArray]

    @property
    def case(self) -> TestCase:
        """What was scored."""
        return next(iter(self.cases.values())).case


def tested(
    detector: Detector,
    data: Path,
    calibrations: Mapping[str, tuple[Mapping[str, Calibration], float]],
    progress: Progress,
) -> Iterator[Tested]:
    """Score each scan in each way."""
    for file in track(progress, data_files(data), "Scoring"):
        ((sample,), _) = read_samples([file], Intake(Unit.MM))
        cloud = PointCloud(sample.cloud.points, sample.cloud.normals)
        model = detector.categories[file.category].model
        found = next(iter(model.deviations(cloud)))
        scan = Compared.of(cloud.points[found.rows], found.channels)
        neighbors = ThinNeighbors.of(cloud.points, scan.points)
        case = TestCase(sample.cloud, file.category, sample.kind)
        cases, above = {}, {}
        for way, (by_category, threshold) in calibrations.items():
            thin = by_category[file.category].scores(scan)
            points = np.where(found.stray, BEYOND_DOUBT, neighbors.mean(thin)).astype(np.float32)
            value = score_of_object(model, thin, threshold)
            none = np.zeros(len(cloud), np.int32)
            result = Scores(points, value, Judgement(None), threshold, none, ())
            cases[way], above[way] = ScoredCase(case, result), thin > threshold
        yield Tested(scan, cases, above)


def show(reports: Mapping[str, EvaluationReport]) -> None:
    """A row for each kind, and for each category."""
    print(f"{'O-AUROC / AP / AUPRO':22}" + "".join(f"{name:24}" for name in reports))
    by_way = list(reports.values())
    names = [row.kind for row in by_way[0].rows] + list(by_way[0].categories)
    tables = [[*one.rows, *one.categories.values()] for one in by_way]
    for name, *rows in zip(names, *tables, strict=True):
        cells = (f"{r.o_auroc:.3f} / {r.average_precision:.3f} / {r.aupro:.3f}" for r in rows)
        print(f"{name:22}" + "".join(f"{cell:24}" for cell in cells))


def show_false_alarms(found: Sequence[Tested]) -> None:
    """Of nominal scans: a row for each category."""
    print(f"\n{'border / elsewhere':22}" + "".join(f"{name:24}" for name in WAYS))
    nominal = [one for one in found if not one.case.anomalous]
    for name in dict.fromkeys(one.case.category for one in nominal):
        own = [one for one in nominal if one.case.category == name]
        border = np.concatenate([one.scan.near_border for one in own])
        cells = []
        for way in WAYS:
            above = np.concatenate([one.above[way] for one in own])
            cells.append(f"{above[border].mean():.2%} / {above[~border].mean():.2%}")
        print(f"{name:22}" + "".join(f"{cell:24}" for cell in cells))


def main() -> None:
    """Recalibrate in each way, score, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("demo", type=Path, help="folder that build.py demo wrote")
    demo = parser.parse_args().demo
    detector = Detector.load(demo / "model" / DETECTOR_FILE)
    with progress_display() as progress:
        scans = calibrating(detector, demo / "train", progress)
        calibrations = {}
        for way, has_strata in WAYS.items():
            fitted = {name: Calibration.fit(own, has_strata) for name, own in scans.items()}
            nominal = [fitted[name].scores(scan) for name, own in scans.items() for scan in own]
            rate = 1.0 - from_record(detector.info["config"]).point_rate
            calibrations[way] = fitted, float(np.quantile(np.concatenate(nominal), rate))
        found = list(tested(detector, demo / "test", calibrations, progress))
    show({way: report([one.cases[way] for one in found]) for way in WAYS})
    show_false_alarms(found)


if __name__ == "__main__":
    main()
