"""What the comparison with the nominal model is worth, on the demo's rigid parts.

    python build.py demo --out DIR
    python benchmarks/nominal_model.py DIR > benchmarks/nominal_model.txt
    python benchmarks/nominal_model.py DIR --fuse > benchmarks/nominal_model_fused.txt

Scores the scans that the demo tests on, each moved to a random pose, with the demo's detector: with
all channels, without ``surface``, and with ``surface`` alone. Prints metrics per kind of defect.
The pawn and its real scan are left out: no nominal model is used on them.

With ``--fuse``, the nominal models are taken away. Each is fused, as training does it, from the
scans that the detector has learned from, moved to random poses; what does not depend on the nominal
model stays as the demo has trained it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.spatial.transform import Rotation

from backend.cli.progress import progress_display
from backend.cloud import PointCloud
from backend.dataset.folder import DataFile, data_files, read_samples
from backend.engine.processes import Workers
from backend.evaluation.cases import ScoredCase, TestCase
from backend.evaluation.measure import EvaluationReport, report
from backend.intake import Intake
from backend.models.pointwise.model import SURFACE, PointwiseModel
from backend.progress import Progress, track
from backend.scoring.category import fuse, score_of_object
from backend.scoring.detector import Detector, Scores
from backend.scoring.upsampling import upsample
from backend.scoring.verdict import Judgement
from backend.training import DETECTOR_FILE, TrainingSet
from backend.training.config import from_record
from backend.training.pointwise.fitting import PointwiseTraining
from backend.training.run import CalibrationScan, Run
from backend.training.sets import CategoryData
from backend.training.tracking import no_log
from backend.training.train import fit_tails
from shared_schema.recipe import Unit

SEED = 0
AHEAD = 16
CHANNELS: Mapping[str, Callable[[str], bool]] = {
    "all channels": lambda _: True,
    "without surface": lambda name: name != SURFACE,
    "surface alone": lambda name: name == SURFACE,
}


def without_models(detector: Detector, data: Path, progress: Progress) -> Detector:
    """``detector`` with nominal models fused from the scans in ``data``, not those it had."""
    config = from_record(detector.info["config"])
    given = (config, detector.info["seed"], None, detector.normalization, data, "", Workers())
    training = PointwiseTraining(Run(*given, progress, no_log))
    scans: dict[str, list[PointCloud]] = {}
    samples, _ = read_samples(data_files(data), Intake(Unit.MM))
    for number, sample in enumerate(samples):
        assert sample.cloud.normals is not None  # the demo's scans have them
        cloud = moved(sample.cloud.points, sample.cloud.normals, number)
        scans.setdefault(sample.file.category, []).append(cloud)
    categories = dict(detector.categories)
    for number, (name, one) in enumerate(detector.categories.items()):
        if one.model.finder is None:
            continue
        split = TrainingSet(scans[name]).split(config.holdout)
        part = CategoryData(name, number, *split, (), None)
        own = training.nominal_set(part)
        surface, trust = training.surface(part, own)
        assert isinstance(one.model, PointwiseModel) and trust is not None
        print(f"{name}: {'trusted' if trust.is_trusted else 'declined'}, because {trust.why}")
        channels = tuple(c for c in one.model.channels if c != SURFACE or surface is not None)
        model = replace(one.model, surface=surface, channels=channels)
        compared = [
            CalibrationScan(scan, cloud.points, model.compare(cloud).channels)
            for scan, cloud in own.rest
        ]
        categories[name] = replace(one, model=model, tails=fit_tails(compared))
    return replace(detector, categories=categories)


@cache
def load(model: Path) -> Detector:
    """The demo's detector."""
    return Detector.load(model)


def moved(points: np.ndarray, normals: np.ndarray, number: int) -> PointCloud:
    """Turned and shifted at random."""
    rng = np.random.default_rng([SEED, number])
    turn = Rotation.random(random_state=rng).as_matrix()
    return PointCloud(points @ turn.T + 100.0 * rng.normal(size=3), normals @ turn.T)


def score(numbered: tuple[int, DataFile], model: Path) -> list[ScoredCase]:
    """A scan's scores by each set of channels."""
    number, file = numbered
    detector = load(model)
    ((sample,), _) = read_samples([file], Intake(Unit.MM))
    labeled = sample.cloud
    assert labeled.normals is not None  # the demo's scans have them
    cloud = moved(labeled.points, labeled.normals, number)
    case = TestCase(labeled, file.category, sample.kind)
    category = detector.categories[file.category]
    (found,) = category.model.deviations(cloud)
    cases = []
    for chosen in CHANNELS.values():
        channels = {name: values for name, values in found.channels.items() if chosen(name)}
        thin = fuse(channels, category.tails)
        points = upsample(cloud.points, cloud.points[found.rows], thin).astype(np.float32)
        value = score_of_object(category.model, thin, detector.point_threshold)
        result = Scores(points, value, Judgement(None), 0.0)
        cases.append(ScoredCase(case, result))
    return cases


def show(reports: Mapping[str, EvaluationReport]) -> None:
    """A row for each kind: O-AUROC / P-AUROC / AUPRO of each set of channels."""
    print(f"{'O-AUROC / P-AUROC / AUPRO':26}" + "".join(f"{name:26}" for name in reports))
    for rows in zip(*(found.rows for found in reports.values()), strict=True):
        cells = (f"{row.o_auroc:.3f} / {row.p_auroc:.3f} / {row.aupro:.3f}" for row in rows)
        print(f"{rows[0].kind:26}" + "".join(f"{cell:26}" for cell in cells))


def main() -> None:
    """Score with each set, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("demo", type=Path, help="folder that build.py demo wrote")
    parser.add_argument("--fuse", action="store_true", help="take the nominal models away")
    options = parser.parse_args()
    folder, model = options.demo, options.demo / "model" / DETECTOR_FILE
    rigid = {name for name, one in load(model).categories.items() if one.model.finder is not None}
    items = [file for file in data_files(folder / "test") if file.category in rigid]
    with progress_display() as progress, Workers() as workers, TemporaryDirectory() as place:
        if options.fuse:
            fused = without_models(load(model), folder / "train", progress)
            model = fused.save(Path(place, DETECTOR_FILE))
        scored = workers.in_order(partial(score, model=model), enumerate(items), ahead=AHEAD)
        cases = list(track(progress, scored, "Scoring", len(items)))
    by_set = zip(*cases, strict=True)
    show({name: report(part) for name, part in zip(CHANNELS, by_set, strict=True)})


if __name__ == "__main__":
    main()
