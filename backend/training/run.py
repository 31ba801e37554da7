"""Training: nominal clouds and labelled synthetic anomalies in, a detector file out.

The result depends only on the inputs, the configuration and the seed; an interrupted run goes on
at its last epoch when it is called again with the same ones, and a finished run is not repeated.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from backend import __version__
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.augmentation import AugmentationConfig, augment
from backend.dataset.normalization import Normalization
from backend.engine.processes import cores
from backend.errors import CheckpointError, TrainingError
from backend.models.fitting import Example, FittingConfig, NetworkFitter
from backend.models.point_transformer import PointTransformerConfig
from backend.models.predictor import Predictor, Standardization
from backend.models.preparation import PreparedCloud, prepare
from backend.models.relief.fitting import fit_relief
from backend.models.relief.model import ReliefConfig, ReliefModel
from backend.scoring.detector import (
    CategoryModel,
    Detector,
    bank_features,
    calibrate,
    fuse,
    local_deviations,
    relief_deviations,
)
from backend.scoring.prototypes import PrototypeBank
from backend.scoring.tails import TailTable
from shared_schema.recipe import RecipeTemplate

NominalClouds = Mapping[str, Sequence[PointCloud]]
LabeledClouds = Mapping[str, Sequence[LabeledCloud]]
Deviations = Mapping[str, NDArray[np.float64]]
Item = TypeVar("Item")

DETECTOR_FILE = "detector.safetensors"
STATE_FILE = "training_state.safetensors"
RELIEF_FOLDER = "relief"


@dataclass(frozen=True)
class TrainingConfig:
    """What can be set; the defaults suit a few hundred clouds on two cores.

    Attributes:
        threads: of torch; part of the configuration because sums come out differently.
        target_points: points that the median nominal cloud keeps after thinning.
        holdout: share of each category's nominal clouds, from the end of the list, that the
            network and the prototypes never see and thresholds are calibrated on.
        bank_size, bank_pool: prototypes per category and channel, out of how many candidates.
        false_alarm_rate: of the object decision.
        point_rate: share of nominal points above the point threshold.
        augmentation: of every labelled cloud.
        network: shape of the network.
        fitting: how the network is trained.
        relief: how parts of revolution are compared; the settings above do not concern them.
    """

    threads: int = 2
    target_points: int = 8000
    holdout: float = 1.0 / 3.0
    bank_size: int = 1000
    bank_pool: int = 10000
    false_alarm_rate: float = 0.05
    point_rate: float = 0.005
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    network: PointTransformerConfig = field(default_factory=PointTransformerConfig)
    fitting: FittingConfig = field(default_factory=FittingConfig)
    relief: ReliefConfig = field(default_factory=ReliefConfig)


def train(
    nominal: NominalClouds,
    labeled: LabeledClouds,
    config: TrainingConfig | None = None,
    *,
    seed: int,
    out: Path | str,
    template: RecipeTemplate | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a detector and write it to ``out/detector.safetensors``.

    Args:
        nominal: per category the defect-free clouds, best with outward normals. The last
            ``config.holdout`` of them (``split_nominal``) only calibrate; labelled clouds should
            not be made from those. 19 held-out clouds, two or more a category, certify a 5 %
            false-alarm rate.
        labeled: per category labelled anomalies for the network; with none at all the detector
            consists of the descriptor channel alone.
        config: settings.
        seed: of all chance.
        out: folder for the detector and, while training, the state to go on from.
        template: defects that are drawn on the nominal clouds of parts of revolution.
        progress: a running ``rich`` progress display, or None.

    Returns:
        Path of the detector; read it with ``Detector.load``.

    Raises:
        TrainingError: no nominal cloud, a labelled category without nominal clouds, or nominal
            clouds in different units.
    """
    config = config or TrainingConfig()
    _check(nominal, labeled)
    path, fingerprint = (
        Path(out) / DETECTOR_FILE,
        _fingerprint(nominal, labeled, template, config, seed),
    )
    if _is_finished(path, fingerprint):
        return path
    with _deterministic_torch(config.threads):
        trainer = _Trainer(config, template, seed, Path(out), fingerprint, _Tracker(progress))
        trainer.detector(nominal, labeled).save(path)
    (Path(out) / STATE_FILE).unlink(missing_ok=True)
    shutil.rmtree(Path(out) / RELIEF_FOLDER, ignore_errors=True)
    return path


def split_nominal(
    clouds: Sequence[PointCloud], holdout: float
) -> tuple[Sequence[PointCloud], Sequence[PointCloud]]:
    """(to learn from, to calibrate on): the last ``holdout``, at least one and never all.

    A single cloud is all there is to learn from: the second part is empty then.
    """
    count = min(max(1, round(holdout * len(clouds))), len(clouds) - 1)
    return clouds[: len(clouds) - count], clouds[len(clouds) - count :]


@dataclass(frozen=True, eq=False)
class _NominalSet:
    """One category's prepared nominal clouds.

    Attributes:
        learn: what network and prototypes learn from.
        rest: what deviations are measured on; a changed copy if there is but one.
    """

    learn: Sequence[PreparedCloud]
    rest: Sequence[PreparedCloud]


class _Trainer:
    """One run: prepares the clouds, fits the network, then the prototypes and thresholds."""

    def __init__(
        self,
        config: TrainingConfig,
        template: RecipeTemplate | None,
        seed: int,
        out: Path,
        fingerprint: str,
        track: _Tracker,
    ) -> None:
        self.config, self.template, self.seed, self.out = config, template, seed, out
        self.fingerprint, self.track = fingerprint, track

    def detector(self, nominal: NominalClouds, labeled: LabeledClouds) -> Detector:
        """Fit everything."""
        parts = {n: split_nominal(clouds, self.config.holdout) for n, clouds in nominal.items()}
        learn = {name: part[0] for name, part in parts.items()}
        normalization = Normalization.fit(learn, self.config.target_points)
        reliefs = self._fit_reliefs(learn, labeled)
        local = {name: number for number, name in enumerate(nominal) if name not in reliefs}
        sets = {
            name: self._prepare_nominal(local[name], name, nominal[name], normalization)
            for name in self.track(local, "Describing nominal clouds", len(local))
        }
        predictor = None
        if any(labeled.get(name) for name in local):
            predictor = self._fit_network(sets, labeled, normalization)
        banks: dict[str, dict[str, PrototypeBank]] = {name: {} for name in reliefs}
        deviations = {
            name: [relief_deviations(cloud, relief).channels for cloud in parts[name][1]]
            for name, relief in reliefs.items()
        }
        for name in self.track(sets, "Collecting prototypes", len(sets)):
            banks[name] = self._fit_banks(local[name], sets[name].learn, predictor)
            deviations[name] = [
                local_deviations(cloud, predictor, banks[name]).channels
                for cloud in sets[name].rest
            ]
        categories = {
            n: CategoryModel(banks[n], fit_tails(deviations[n]), reliefs.get(n)) for n in nominal
        }
        certifying = [name for name, (_, rest) in parts.items() if len(rest) > 1]
        thresholds = calibrate(
            [s for n in certifying for s in leave_one_out_scores(deviations[n])],
            [fuse(d, categories[n].tails) for n in nominal for d in deviations[n]],
            self.config.false_alarm_rate,
            self.config.point_rate,
        )
        info = {
            "fingerprint": self.fingerprint,
            "version": __version__,
            "seed": self.seed,
            "config": asdict(self.config),
            "unit": _common_unit(nominal),
            "nominal_clouds": {name: len(clouds) for name, clouds in nominal.items()},
            "labeled_clouds": {name: len(clouds) for name, clouds in labeled.items()},
        }
        return Detector(normalization, predictor, categories, thresholds, info)

    def _fit_reliefs(self, learn: NominalClouds, labeled: LabeledClouds) -> dict[str, ReliefModel]:
        """Of the categories of parts of revolution."""
        reliefs = {}
        folder = self.out / RELIEF_FOLDER / self.fingerprint
        for number, (name, clouds) in enumerate(learn.items()):
            relief = fit_relief(
                clouds,
                labeled.get(name, ()),
                self.config.relief,
                template=self.template,
                seed=[self.seed, 4, number],
                folder=folder / str(number),
                jobs=cores(),
                track=self.track,
            )
            if relief is not None:
                reliefs[name] = relief
        return reliefs

    def _prepare_nominal(
        self, number: int, name: str, clouds: Sequence[PointCloud], normalization: Normalization
    ) -> _NominalSet:
        learn, rest = split_nominal(clouds, self.config.holdout)
        if not rest:
            rng = np.random.default_rng([self.seed, 1, number])
            copy = augment(LabeledCloud.nominal(learn[0]), rng, self.config.augmentation)
            rest = [PointCloud(copy.points, copy.normals)]
        prepared = [
            prepare(cloud.points, cloud.normals, normalization, name) for cloud in (*learn, *rest)
        ]
        return _NominalSet(prepared[: len(learn)], prepared[len(learn) :])

    def _fit_network(
        self,
        sets: Mapping[str, _NominalSet],
        labeled: LabeledClouds,
        normalization: Normalization,
    ) -> Predictor:
        learn = [cloud for part in sets.values() for cloud in part.learn]
        examples = [Example(cloud, np.zeros(len(cloud.rows), dtype=bool)) for cloud in learn]
        tasks = [(name, cloud) for name in sets for cloud in labeled.get(name, ())]
        described = self.track(tasks, "Describing labelled clouds", len(tasks))
        for number, (name, cloud) in enumerate(described):
            rng = np.random.default_rng([self.seed, 2, number])
            changed = augment(cloud, rng, self.config.augmentation)
            prepared = prepare(changed.points, changed.normals, normalization, name)
            examples.append(Example(prepared, changed.mask[prepared.rows]))
        fitter = NetworkFitter(
            examples,
            Standardization.fit([cloud.invariants for cloud in learn]),
            self.config.network,
            self.config.fitting,
            seed=self.seed,
            state=self.out / STATE_FILE,
            fingerprint=self.fingerprint,
        )
        for _ in self.track(fitter.run(), "Training", len(fitter), fitter.done):
            pass
        return fitter.predictor

    def _fit_banks(
        self, number: int, clouds: Sequence[PreparedCloud], predictor: Predictor | None
    ) -> dict[str, PrototypeBank]:
        rng = np.random.default_rng([self.seed, 3, number])
        features = [bank_features(cloud, predictor) for cloud in clouds]
        size, pool = self.config.bank_size, self.config.bank_pool
        return {
            channel: PrototypeBank.fit(
                np.concatenate([part[channel] for part in features]), size, pool, rng
            )
            for channel in features[0]
        }


def fit_tails(deviations: Sequence[Deviations]) -> dict[str, TailTable]:
    """Per channel a tail table of the points of all clouds."""
    return {
        channel: TailTable.fit(np.concatenate([part[channel] for part in deviations]))
        for channel in deviations[0]
    }


def leave_one_out_scores(deviations: Sequence[Deviations]) -> list[NDArray[np.float64]]:
    """Point scores of each cloud by the tails of the others: as a new cloud would be scored."""
    return [
        fuse(part, fit_tails([*deviations[:index], *deviations[index + 1 :]]))
        for index, part in enumerate(deviations)
    ]


class _Tracker:
    """Shows loops on a progress display, where there is one."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    def __call__(
        self, items: Iterable[Item], text: str, total: int, done: int = 0
    ) -> Iterator[Item]:
        if self.progress is None or total == 0:
            yield from items
            return
        task = self.progress.add_task(text, total=total, completed=done)
        for item in items:
            yield item
            self.progress.advance(task)


@contextmanager
def _deterministic_torch(threads: int) -> Iterator[None]:
    """Fixed threads and deterministic kernels, set back afterwards."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def _check(nominal: NominalClouds, labeled: LabeledClouds) -> None:
    if not nominal or not all(nominal.values()):
        raise TrainingError("training needs at least one nominal cloud in every category")
    strangers = sorted(set(labeled) - set(nominal))
    if strangers:
        raise TrainingError(f"labelled clouds without nominal ones: category {strangers[0]!r}")


def _common_unit(nominal: NominalClouds) -> str | None:
    """The unit of the clouds that state one."""
    units = {cloud.unit for clouds in nominal.values() for cloud in clouds} - {None}
    if len(units) > 1:
        raise TrainingError(
            f"the nominal clouds are in {' and '.join(sorted(map(str, units)))}; "
            "convert them to one unit"
        )
    return units.pop() if units else None


def _is_finished(path: Path, fingerprint: str) -> bool:
    if not path.exists():
        return False
    try:
        return bool(Detector.load(path).info.get("fingerprint") == fingerprint)
    except CheckpointError:
        return False


def _fingerprint(
    nominal: NominalClouds,
    labeled: LabeledClouds,
    template: RecipeTemplate | None,
    config: TrainingConfig,
    seed: int,
) -> str:
    """Hash of everything the result depends on."""
    drawn = None if template is None else template.model_dump(mode="json")
    settings = [__version__, asdict(config), drawn, seed, _common_unit(nominal)]
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
    return digest.hexdigest()
