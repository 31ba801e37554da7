"""Training: nominal clouds and labelled synthetic anomalies in, a detector file out.

The result depends only on the inputs, the configuration and the seed; an interrupted run goes on
at its last epoch when it is called again with the same ones, and a finished run is not repeated.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from backend import __version__
from backend.cloud import PointCloud
from backend.engine.processes import Workers
from backend.errors import CheckpointError, TrainingError
from backend.models.normalization import Normalization
from backend.models.pointwise.predictor import Predictor
from backend.models.unrolled.model import ReliefModel
from backend.scoring.calibration import conformal_threshold
from backend.scoring.detector import (
    CategoryModel,
    Detector,
    Thresholds,
    fuse,
    relief_deviations,
)
from backend.scoring.recognition import Recogniser
from backend.scoring.tails import TailTable
from backend.training.config import TrainingConfig, to_record
from backend.training.pointwise.fitting import (
    ChannelDeviations,
    LabeledClouds,
    LocalTraining,
    NominalClouds,
)
from backend.training.tracking import Scalars, Tracker, no_log
from backend.training.unrolled.fitting import fit_relief
from shared_schema.recipe import RecipeTemplate

DETECTOR_FILE = "detector.safetensors"
STATE_FILE = "training_state.safetensors"
RELIEF_FOLDER = "relief"


def train(
    nominal: NominalClouds,
    labeled: LabeledClouds,
    config: TrainingConfig | None = None,
    *,
    seed: int = 0,
    out: Path | str | None = None,
    nominal_models: Mapping[str, PointCloud] | None = None,
    template: RecipeTemplate | None = None,
    progress: Progress | None = None,
    log: Scalars = no_log,
) -> Detector:
    """Train a detector.

    Args:
        nominal: per category the defect-free clouds, best with outward normals. The last
            ``config.holdout`` of them (``split_nominal``) only calibrate; labelled clouds should
            not be made from those. 19 held-out clouds, two or more a category, certify a 5 %
            false-alarm rate.
        labeled: per category labelled anomalies for the network; with none at all the detector
            consists of the channels that need no network.
        config: settings.
        seed: of all chance.
        out: folder for ``detector.safetensors`` and, while training, for the state to go on from.
            None: an interrupted training begins anew.
        nominal_models: per category, of those that have one, the nominal model: a mesh in the
            clouds' unit and any frame, which scans are placed on and compared with. Parts of
            revolution do without.
        template: of defects that are drawn on the nominal clouds that are learned from.
        progress: a running ``rich`` progress display, or None.
        log: takes the figures of each epoch of the network that looks at points.

    Returns:
        The detector, as it would be read from its file.

    Raises:
        TrainingError: no nominal cloud, a category of anomalies or of a nominal model without
            nominal clouds, or nominal clouds in different units.
        RegistrationError: a nominal cloud does not lie on its nominal model.
    """
    config = config or TrainingConfig()
    nominal_models = nominal_models or {}
    _check(nominal, labeled, nominal_models)
    fingerprint = _fingerprint(nominal, labeled, nominal_models, template, config, seed)
    with nullcontext(out) if out is not None else TemporaryDirectory() as place:
        folder = Path(place)
        found = _finished(folder / DETECTOR_FILE, fingerprint)
        if found is not None:
            return found
        with _deterministic_torch(config.threads), Workers() as workers:
            asked = (config, template, seed, folder, fingerprint)
            trainer = _Trainer(*asked, workers, Tracker(progress), log)
            path = trainer.detector(nominal, labeled, nominal_models).save(folder / DETECTOR_FILE)
        (folder / STATE_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / RELIEF_FOLDER, ignore_errors=True)
        return Detector.load(path)


def split_nominal(
    clouds: Sequence[PointCloud], holdout: float
) -> tuple[Sequence[PointCloud], Sequence[PointCloud]]:
    """(to learn from, to calibrate on): the last ``holdout``, at least one and never all.

    A single cloud is all there is to learn from: the second part is empty then.
    """
    count = min(max(1, round(holdout * len(clouds))), len(clouds) - 1)
    return clouds[: len(clouds) - count], clouds[len(clouds) - count :]


@dataclass(frozen=True, eq=False)
class _Trainer:
    """One run: compares parts of revolution by place, the others point by point; calibrates."""

    config: TrainingConfig
    template: RecipeTemplate | None
    seed: int
    out: Path
    fingerprint: str
    workers: Workers
    track: Tracker
    log: Scalars

    def detector(
        self,
        nominal: NominalClouds,
        labeled: LabeledClouds,
        nominal_models: Mapping[str, PointCloud],
    ) -> Detector:
        """Fit everything."""
        parts = {n: split_nominal(clouds, self.config.holdout) for n, clouds in nominal.items()}
        learn = {name: part[0] for name, part in parts.items()}
        normalization = Normalization.fit(
            learn, self.config.target_points, by_category=self.config.sdn
        )
        shown = self.track(learn.items(), "Recognising parts", len(learn))
        recogniser = Recogniser.fit(shown, normalization.median_scale)
        deviations: dict[str, list[ChannelDeviations]] = {}
        models: dict[str, CategoryModel] = {}
        for name, relief in self._reliefs(learn, labeled).items():
            models[name] = CategoryModel(relief=relief)
            rest = self.track(parts[name][1], f"Calibrating {name}", len(parts[name][1]))
            deviations[name] = [relief_deviations(cloud, relief).channels for cloud in rest]
        predictor = None
        if len(models) < len(parts):
            predictor = self._fit_local(
                parts, labeled, nominal_models, normalization, models, deviations
            )
        categories, thresholds = calibrated(
            {name: models[name] for name in nominal}, deviations, self.config
        )
        info = self._info(nominal, labeled, learn)
        averages = self.config.averages
        return Detector(
            normalization, recogniser, predictor, categories, thresholds, info, averages
        )

    def _info(
        self, nominal: NominalClouds, labeled: LabeledClouds, learn: NominalClouds
    ) -> dict[str, Any]:
        given = {name: len(labeled.get(name, ())) for name in nominal}
        first = self.config.synthesis.first
        drawn = {n: 0 if self.template is None else first(len(c)) for n, c in learn.items()}
        return {
            "fingerprint": self.fingerprint,
            "version": __version__,
            "seed": self.seed,
            "config": to_record(self.config),
            "unit": _common_unit(nominal),
            "nominal_clouds": {name: len(clouds) for name, clouds in nominal.items()},
            "labeled_clouds": {name: given[name] + drawn[name] for name in nominal},
        }

    def _reliefs(self, learn: NominalClouds, labeled: LabeledClouds) -> dict[str, ReliefModel]:
        """Of the categories of parts of revolution."""
        reliefs = {}
        folder = self.out / RELIEF_FOLDER / self.fingerprint
        for number, (name, clouds) in enumerate(learn.items()):
            relief = fit_relief(
                clouds,
                labeled.get(name, ()),
                self.config.relief,
                template=self.template,
                count=self.config.synthesis.first(len(clouds)),
                seed=[self.seed, 4, number],
                folder=folder / str(number),
                workers=self.workers,
                track=self.track,
            )
            if relief is not None:
                reliefs[name] = relief
        return reliefs

    def _fit_local(
        self,
        parts: Mapping[str, tuple[Sequence[PointCloud], Sequence[PointCloud]]],
        labeled: LabeledClouds,
        nominal_models: Mapping[str, PointCloud],
        normalization: Normalization,
        models: dict[str, CategoryModel],
        deviations: dict[str, list[ChannelDeviations]],
    ) -> Predictor | None:
        """The categories that have no model yet; adds those and their deviations."""
        local = LocalTraining(
            self.config,
            self.seed,
            normalization,
            self.template,
            self.out / STATE_FILE,
            self.fingerprint,
            self.workers,
            self.track,
            self.log,
        )
        names = {name: number for number, name in enumerate(parts) if name not in models}
        sets = {
            name: local.nominal_set(names[name], name, *parts[name])
            for name in self.track(names, "Describing nominal clouds", len(names))
        }
        predictor = None
        has_anomalies = self.template is not None or any(labeled.get(name) for name in names)
        if self.config.learns and has_anomalies:
            predictor = local.network(sets, labeled, {name: parts[name][0] for name in names})
        for name, part in self.track(sets.items(), "Collecting prototypes", len(sets)):
            models[name] = local.category(part, predictor, nominal_models.get(name))
            deviations[name] = local.deviations(part, predictor, models[name])
        return predictor


def calibrated(
    models: Mapping[str, CategoryModel],
    deviations: Mapping[str, Sequence[ChannelDeviations]],
    config: TrainingConfig,
) -> tuple[dict[str, CategoryModel], Thresholds]:
    """The models with their tails, and thresholds, from the deviations of held-out nominal clouds.

    Only categories with two or more of these can certify a decision on objects: each is scored by
    the tails of the others.
    """
    categories = {
        name: replace(model, tails=fit_tails(deviations[name])) for name, model in models.items()
    }
    nominal = [fuse(d, model.tails) for name, model in categories.items() for d in deviations[name]]
    point = float(np.quantile(np.concatenate(nominal), 1.0 - config.point_rate))
    objects = [
        model.object_score(scores, point)
        for name, model in categories.items()
        if len(deviations[name]) > 1
        for scores in leave_one_out_scores(deviations[name])
    ]
    rate = config.false_alarm_rate
    return categories, Thresholds(conformal_threshold(objects, rate), point, rate, len(objects))


def fit_tails(deviations: Sequence[ChannelDeviations]) -> dict[str, TailTable]:
    """Per channel a tail table of the points of all clouds."""
    return {
        channel: TailTable.fit(np.concatenate([part[channel] for part in deviations]))
        for channel in deviations[0]
    }


def leave_one_out_scores(deviations: Sequence[ChannelDeviations]) -> list[NDArray[np.float64]]:
    """Point scores of each cloud by the tails of the others: as a new cloud would be scored."""
    return [
        fuse(part, fit_tails([*deviations[:index], *deviations[index + 1 :]]))
        for index, part in enumerate(deviations)
    ]


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


def _check(
    nominal: NominalClouds, labeled: LabeledClouds, nominal_models: Mapping[str, PointCloud]
) -> None:
    if not nominal or not all(nominal.values()):
        raise TrainingError("training needs at least one nominal cloud in every category")
    for what, given in {"labelled clouds": labeled, "a nominal model": nominal_models}.items():
        strangers = sorted(set(given) - set(nominal))
        if strangers:
            raise TrainingError(f"{what} without nominal clouds: category {strangers[0]!r}")


def _common_unit(nominal: NominalClouds) -> str | None:
    """The unit of the clouds that state one."""
    units = {cloud.unit for clouds in nominal.values() for cloud in clouds} - {None}
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
    nominal: NominalClouds,
    labeled: LabeledClouds,
    nominal_models: Mapping[str, PointCloud],
    template: RecipeTemplate | None,
    config: TrainingConfig,
    seed: int,
) -> str:
    """Hash of everything the result depends on."""
    drawn = None if template is None else template.model_dump(mode="json")
    settings = [__version__, to_record(config), drawn, seed, _common_unit(nominal)]
    digest = hashlib.sha256(json.dumps(settings).encode())

    def add(name: str, *arrays: NDArray[Any] | None) -> None:
        digest.update(name.encode())
        for array in arrays:
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())

    for name, clouds in nominal.items():
        for cloud in clouds:
            add(f"nominal {name}", cloud.points, cloud.normals)
    for name, samples in labeled.items():
        for sample in samples:
            add(f"labeled {name}", sample.points, sample.normals, sample.mask)
    for name, model in nominal_models.items():
        add(f"nominal model {name}", model.points, model.faces)
    return digest.hexdigest()
