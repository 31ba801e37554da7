"""Training: defect-free clouds and labelled or drawn anomalies in, a detector out.

The result depends only on the inputs, the configuration and the seed; an interrupted run goes on
where it stopped when it is called again with the same ones, and a finished run is not repeated.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend import __version__
from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.engine.processes import Workers
from backend.errors import CheckpointError, TrainingError
from backend.io import remove_unfinished
from backend.models.normalization import Normalization
from backend.progress import Following, following
from backend.scoring.calibration import limits
from backend.scoring.category import Category, fuse, score_of_object
from backend.scoring.detector import Detector
from backend.scoring.recognition import Recogniser
from backend.scoring.regions import ThinSurface
from backend.scoring.tails import TailTable
from backend.scoring.verdict import Rule
from backend.training.config import TrainingConfig, checked, to_record
from backend.training.families import TRAININGS, FamilyChoice, choose, fit
from backend.training.region_kinds import fit_region_kinds
from backend.training.run import CalibrationScan, Fitted, Run
from backend.training.sets import CategoryData, TrainingSet
from backend.training.tracking import Scalars, no_log
from shared_schema.recipe import RecipeTemplate

DETECTOR_FILE = "detector.safetensors"
WORK_FOLDER = "training"


def train(
    sets: Mapping[str, TrainingSet | Sequence[PointCloud]],
    config: TrainingConfig | None = None,
    *,
    seed: int = 0,
    out: Path | str | None = None,
    template: RecipeTemplate | None = None,
    progress: Following = "bars",
    log: Scalars = no_log,
) -> Detector:
    """Train a detector.

    Args:
        sets: what to learn from, by category; defect-free clouds alone may be given as a list.
            19 clouds that calibrate certify a 5 % false-alarm rate of a category; with fewer,
            two or more a category, it shares what it lacks with the others.
        config: settings.
        seed: of all chance.
        out: folder for ``detector.safetensors`` and, while training, for the work to go on from.
            None: an interrupted training begins anew.
        template: of defects that are drawn on the nominal clouds that are learned from.
        progress: ``"bars"`` shows bars on standard error, if that is a terminal or a notebook; None
            shows nothing; a ``Progress`` is a function of yours that is called after each item.
        log: takes the figures of each epoch of the network that looks at points.

    Returns:
        The detector, as it would be read from its file.

    Raises:
        TrainingError: a category without a nominal cloud, nominal clouds in different units, a
            setting out of its range, or a family of detectors that a part is too little for.
        RegistrationError: a nominal cloud does not lie on its nominal model.

    >>> plate = fs.load_sample("plate_holes")
    >>> scans = [fs.subsample_surface(plate, 800, np.random.default_rng(n)) for n in range(3)]
    >>> quick = fs.TrainingConfig(target_points=500, channels=("histograms",), family="pointwise")
    >>> detector = fs.train({"plate": scans}, quick, seed=0, progress=None)
    >>> detector
    <Detector of plate>
    """
    config = checked(config or TrainingConfig())
    parts = _parts(sets, config.holdout)
    unit = _common_unit(parts)
    fingerprint = _fingerprint(parts, unit, template, config, seed)
    with nullcontext(out) if out is not None else TemporaryDirectory() as place:
        folder = Path(place)
        remove_unfinished([folder / DETECTOR_FILE])
        found = _finished(folder / DETECTOR_FILE, fingerprint)
        if found is not None:
            shutil.rmtree(folder / WORK_FOLDER / fingerprint, ignore_errors=True)
            return found
        work = folder / WORK_FOLDER / fingerprint
        with (
            _deterministic_torch(config.threads),
            Workers() as workers,
            following(progress) as follow,
        ):
            normalization = Normalization.fit(
                {part.name: part.learn for part in parts},
                config.target_points,
                by_category=config.scale_by_category,
            )
            asked = (config, seed, template, normalization)
            run = Run(*asked, work, fingerprint, workers, follow, log)
            path = _detector(run, parts, unit).save(folder / DETECTOR_FILE)
        shutil.rmtree(folder / WORK_FOLDER, ignore_errors=True)
        return Detector.load(path)


def _detector(run: Run, parts: Sequence[CategoryData], unit: str | None) -> Detector:
    """Fit and calibrate everything."""
    shown = run.track(parts, "Recognising parts", len(parts))
    recogniser = Recogniser.fit(
        ((part.name, part.learn, part.calibrate) for part in shown), run.normalization.median_scale
    )
    trainings = {family: training(run) for family, training in TRAININGS.items()}
    choices = {part.name: choose(trainings, part, run.config.family) for part in parts}
    fitted = fit(trainings, parts, choices)
    categories, point_threshold = calibrated(fitted, choices, run.config)
    info = _info(run, parts, choices, fitted) | {"unit": unit}
    detector = Detector(run.normalization, recogniser, categories, point_threshold, info)
    return replace(detector, kinds=fit_region_kinds(run, parts, detector))


def _parts(
    sets: Mapping[str, TrainingSet | Sequence[PointCloud]], holdout: float
) -> list[CategoryData]:
    """The categories, with the clouds that calibrate chosen."""
    parts = []
    for number, (name, given) in enumerate(sets.items()):
        one = given if isinstance(given, TrainingSet) else TrainingSet(given)
        learn, calibrate = one.split(holdout)
        parts.append(CategoryData(name, number, learn, calibrate, one.labeled, one.nominal_model))
    if not parts or not all(part.learn for part in parts):
        raise TrainingError("training needs at least one nominal cloud in every category")
    return parts


def _info(
    run: Run,
    parts: Sequence[CategoryData],
    choices: Mapping[str, FamilyChoice],
    fitted: Mapping[str, Fitted],
) -> dict[str, Any]:
    """How the detector was made."""
    return {
        "fingerprint": run.fingerprint,
        "version": __version__,
        "seed": run.seed,
        "config": to_record(run.config),
        "nominal_clouds": {part.name: len(part.learn) + len(part.calibrate) for part in parts},
        "labeled_clouds": {part.name: len(part.labeled) + run.draws(part) for part in parts},
        "families": {name: vars(choice) for name, choice in choices.items()},
        "fusions": {
            name: asdict(one.fusion) for name, one in fitted.items() if one.fusion is not None
        },
    }


def calibrated(
    fitted: Mapping[str, Fitted], choices: Mapping[str, FamilyChoice], config: TrainingConfig
) -> tuple[dict[str, Category], float]:
    """The categories with their tails and limits, and the point threshold.

    The limits are those of scans that are scored as new ones would be: each by the tails of the
    others of its category, so that a single one says nothing. Of a scan that calibrates at several
    densities, the largest value counts, so that the limits hold at each of them.
    """
    tails = {name: fit_tails(one.calibration) for name, one in fitted.items()}
    nominal = [
        fuse(scan.channels, tails[name]) for name, one in fitted.items() for scan in one.calibration
    ]
    point = float(np.quantile(np.concatenate(nominal), 1.0 - config.point_rate))
    objects: dict[str, list[float]] = {}
    extents: dict[str, list[float]] = {}
    for name, one in fitted.items():
        several = one.calibration if len({scan.number for scan in one.calibration}) > 1 else ()
        scored = list(zip(several, leave_one_out_scores(several), strict=True))
        objects[name] = largest_of_each(
            (scan.number, score_of_object(one.model, values, point)) for scan, values in scored
        )
        extents[name] = largest_of_each(
            (scan.number, ThinSurface.of(scan.points).largest_extent(values > point))
            for scan, values in scored
        )
    reject = limits(objects, config.false_alarm_rate)
    review = limits(extents, config.review_rate)
    categories = {
        name: Category(
            choices[name].family, one.model, tails[name], Rule(reject[name], review[name])
        )
        for name, one in fitted.items()
    }
    return categories, point


def largest_of_each(values: Iterable[tuple[int, float]]) -> list[float]:
    """The largest of the values with the same number, in the order of the numbers."""
    found: dict[int, float] = {}
    for number, value in values:
        found[number] = max(value, found.get(number, value))
    return [found[number] for number in sorted(found)]


def fit_tails(scans: Sequence[CalibrationScan]) -> dict[str, TailTable]:
    """Per channel a tail table of the points of all clouds."""
    return {
        channel: TailTable.fit(np.concatenate([scan.channels[channel] for scan in scans]))
        for channel in scans[0].channels
    }


def leave_one_out_scores(scans: Sequence[CalibrationScan]) -> list[FloatArray]:
    """Point scores of each cloud by the tails of the others: as a new cloud would be scored."""
    tails = {
        number: fit_tails([scan for scan in scans if scan.number != number])
        for number in {scan.number for scan in scans}
    }
    return [fuse(scan.channels, tails[scan.number]) for scan in scans]


@contextmanager
def _deterministic_torch(threads: int) -> Iterator[None]:
    """Fixed threads and deterministic kernels, set back afterwards."""
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    torch.set_num_threads(threads)
    # Not by use_deterministic_algorithms, which imports torch's compiler, and that takes seconds.
    torch.set_deterministic_debug_mode("error")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_deterministic_debug_mode(before[1])


def _common_unit(parts: Sequence[CategoryData]) -> str | None:
    """The unit of the clouds that state one."""
    units = {cloud.unit for part in parts for cloud in part.clouds} - {None}
    if len(units) > 1:
        raise TrainingError(
            f"the nominal clouds are in {' and '.join(sorted(map(str, units)))}; "
            "convert them to one unit"
        )
    return units.pop() if units else None


def _finished(path: Path, fingerprint: str) -> Detector | None:
    """The detector that an earlier run with the same inputs wrote."""
    if not path.exists():
        return None
    try:
        found = Detector.load(path)
    except CheckpointError:
        return None
    return found if found.info.get("fingerprint") == fingerprint else None


def _fingerprint(
    parts: Sequence[CategoryData],
    unit: str | None,
    template: RecipeTemplate | None,
    config: TrainingConfig,
    seed: int,
) -> str:
    """Hash of everything the result depends on."""
    drawn = None if template is None else template.model_dump(mode="json")
    settings = [__version__, to_record(config), drawn, seed, unit]
    digest = hashlib.sha256(json.dumps(settings).encode())

    def add(name: str, *arrays: NDArray[Any] | None) -> None:
        digest.update(name.encode())
        for array in arrays:
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())

    for part in parts:
        for cloud in part.learn:
            add(f"nominal {part.name}", cloud.points, cloud.normals)
        for cloud in part.calibrate:
            add(f"calibration {part.name}", cloud.points, cloud.normals)
        for sample in part.labeled:
            add(f"labeled {part.name}", sample.points, sample.normals, sample.mask)
        if (model := part.nominal_model) is not None:
            add(f"nominal model {part.name}", model.points, model.faces)
    return digest.hexdigest()
