"""Training: nominal clouds and labelled synthetic anomalies in, a detector file out.

The result depends only on the inputs, the configuration and the seed; an interrupted run goes on
at its last epoch when it is called again with the same ones, and a finished run is not repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.augmentation import AugmentationConfig, augment
from backend.dataset.collate import Batch, collate
from backend.dataset.normalization import Normalization
from backend.errors import CheckpointError, TrainingError
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.loss import balanced_cross_entropy
from backend.models.point_transformer import PointTransformer, PointTransformerConfig
from backend.models.predictor import Predictor, Standardization
from backend.models.preparation import PreparedCloud, prepare
from backend.scoring.detector import (
    CategoryModel,
    Detector,
    bank_features,
    calibrate,
    channel_deviations,
    fuse,
)
from backend.scoring.prototypes import PrototypeBank
from backend.scoring.tails import TailTable

NominalClouds = Mapping[str, Sequence[PointCloud]]
LabeledClouds = Mapping[str, Sequence[LabeledCloud]]

Example = tuple[PreparedCloud, NDArray[np.bool_]]

THREADS = 2
DEFECT_CROPS = 0.75
DETECTOR_FILE = "detector.safetensors"
STATE_FILE = "training_state.safetensors"
STATE_KIND = "training state"


@dataclass(frozen=True)
class TrainingConfig:
    """What can be set; the defaults suit a few hundred clouds on two cores.

    Attributes:
        epochs, steps_per_epoch, batch_size: their product is the number of crops seen.
        crop_points: points of one training crop.
        learning_rate, weight_decay: of AdamW; the rate warms up, then falls along a cosine.
        target_points: points that the median nominal cloud keeps after thinning.
        holdout: share of each category's nominal clouds, from the end of the list, that the
            network and the prototypes never see and thresholds are calibrated on.
        bank_size, bank_pool: prototypes per category and channel, out of how many candidates.
        false_alarm_rate: of the object decision.
        point_rate: share of nominal points above the point threshold.
        augmentation: of every training cloud.
        network: shape of the network.
    """

    epochs: int = 16
    steps_per_epoch: int = 50
    batch_size: int = 8
    crop_points: int = 400
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    target_points: int = 8000
    holdout: float = 1.0 / 3.0
    bank_size: int = 1000
    bank_pool: int = 10000
    false_alarm_rate: float = 0.05
    point_rate: float = 0.005
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    network: PointTransformerConfig = field(default_factory=PointTransformerConfig)


def train(
    nominal: NominalClouds,
    labeled: LabeledClouds,
    config: TrainingConfig | None = None,
    *,
    seed: int,
    out: Path | str,
    progress: Progress | None = None,
) -> Path:
    """Train a detector and write it to ``out/detector.safetensors``.

    Args:
        nominal: per category the defect-free clouds, best with outward normals. The last
            ``config.holdout`` of them (``split_nominal``) only calibrate; labelled clouds should
            not be made from those. 19 held-out clouds in all certify a 5 % false-alarm rate.
        labeled: per category labelled anomalies for the network; with none at all the detector
            consists of the descriptor channel alone.
        config: settings.
        seed: of all chance.
        out: folder for the detector and, while training, the state to go on from.
        progress: a running ``rich`` progress display, or None.

    Returns:
        Path of the detector; read it with ``Detector.load``.

    Raises:
        TrainingError: no nominal cloud, or a labelled category without nominal clouds.
    """
    config = config or TrainingConfig()
    _check(nominal, labeled)
    path, fingerprint = Path(out) / DETECTOR_FILE, _fingerprint(nominal, labeled, config, seed)
    if _is_finished(path, fingerprint):
        return path
    with _deterministic_torch():
        trainer = _Trainer(nominal, labeled, config, seed, Path(out), fingerprint, progress)
        trainer.detector().save(path)
    (Path(out) / STATE_FILE).unlink(missing_ok=True)
    return path


def split_nominal(
    clouds: Sequence[PointCloud], holdout: float
) -> tuple[Sequence[PointCloud], Sequence[PointCloud]]:
    """(to learn from, to calibrate on): the last ``holdout``, at least one and never all.

    A single cloud is all there is to learn from: the second part is empty then.
    """
    count = min(max(1, round(holdout * len(clouds))), len(clouds) - 1)
    return clouds[: len(clouds) - count], clouds[len(clouds) - count :]


def crop(
    points: NDArray[np.float32], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows (count,) of the points nearest to a random one, three times of four an anomalous one."""
    wanted = mask if mask.any() and rng.random() < DEFECT_CROPS else np.ones(len(mask), bool)
    center = points[rng.choice(np.flatnonzero(wanted))]
    if len(points) <= count:
        return np.arange(len(points))
    distance = ((points - center) ** 2).sum(axis=1)
    return np.sort(np.argpartition(distance, count)[:count])


class _Trainer:
    """One run: prepares the clouds, fits the network, then the prototypes and thresholds."""

    def __init__(
        self,
        nominal: NominalClouds,
        labeled: LabeledClouds,
        config: TrainingConfig,
        seed: int,
        out: Path,
        fingerprint: str,
        progress: Progress | None,
    ) -> None:
        self.config, self.seed, self.out = config, seed, out
        self.fingerprint = fingerprint
        self.track = _Tracker(progress)
        self.labeled = [(name, cloud) for name, clouds in labeled.items() for cloud in clouds]
        splits = {name: split_nominal(clouds, config.holdout) for name, clouds in nominal.items()}
        self.normalization = Normalization.fit(
            {name: learn for name, (learn, _) in splits.items()}, config.target_points
        )
        pairs = [(name, part, cloud) for name, s in splits.items() for part in (0, 1)
                 for cloud in s[part]]
        self.nominal: dict[tuple[str, int], list[PreparedCloud]] = {
            (name, part): [] for name in nominal for part in (0, 1)
        }
        for name, part, cloud in self.track(pairs, "Describing nominal clouds"):
            self.nominal[name, part].append(
                prepare(cloud.points, cloud.normals, self.normalization, name)
            )
        self.stand_ins = [name for name, (_, rest) in splits.items() if not rest]
        for number, name in enumerate(self.stand_ins):
            self.nominal[name, 1].append(self._stand_in(name, splits[name][0][0], number))

    def _stand_in(self, name: str, cloud: PointCloud, number: int) -> PreparedCloud:
        """A changed copy of a category's only cloud, to measure nominal deviations on."""
        copy = augment(_as_nominal(cloud), self._rng(1, number), self.config.augmentation)
        return prepare(copy.points, copy.normals, self.normalization, name)

    def detector(self) -> Detector:
        """Fit everything."""
        predictor = self._fit_network() if self.labeled else None
        names = [name for name, part in self.nominal if part == 0]
        categories = {
            name: self._fit_category(name, number, predictor)
            for number, name in enumerate(self.track(names, "Collecting prototypes"))
        }
        scores: dict[bool, list[NDArray[np.float64]]] = {False: [], True: []}
        for name in names:
            model = categories[name]
            for cloud in self.nominal[name, 1]:
                deviations = channel_deviations(cloud, predictor, model.banks)
                scores[name in self.stand_ins].append(fuse(deviations, model.tails))
        rates = self.config.false_alarm_rate, self.config.point_rate
        thresholds = calibrate(scores[False], scores[True], *rates)
        return Detector(self.normalization, predictor, categories, thresholds, self._info())

    def _info(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "config": asdict(self.config),
            "labeled_clouds": len(self.labeled),
            "nominal_clouds": {n: len(v) for (n, part), v in self.nominal.items() if part == 0},
        }

    def _fit_category(
        self, name: str, number: int, predictor: Predictor | None
    ) -> CategoryModel:
        features = [bank_features(cloud, predictor) for cloud in self.nominal[name, 0]]
        size, pool = self.config.bank_size, self.config.bank_pool
        banks = {
            channel: PrototypeBank.fit(
                np.concatenate([part[channel] for part in features]),
                size, pool, self._rng(2, number, index),
            )
            for index, channel in enumerate(features[0])
        }
        deviations = [channel_deviations(c, predictor, banks) for c in self.nominal[name, 1]]
        tails = {
            channel: TailTable.fit(np.concatenate([part[channel] for part in deviations]))
            for channel in deviations[0]
        }
        return CategoryModel(banks, tails)

    def _fit_network(self) -> Predictor:
        learn = [cloud for (_, part), clouds in self.nominal.items() if part == 0
                 for cloud in clouds]
        standardization = Standardization.fit([cloud.invariants for cloud in learn])
        torch.manual_seed(self.seed)
        predictor = Predictor(PointTransformer(self.config.network), standardization)
        examples = [(cloud, np.zeros(len(cloud.rows), dtype=bool)) for cloud in learn]
        tasks = list(enumerate(self.labeled))
        for index, (name, cloud) in self.track(tasks, "Describing labelled clouds"):
            changed = augment(cloud, self._rng(3, index), self.config.augmentation)
            prepared = prepare(changed.points, changed.normals, self.normalization, name)
            examples.append((prepared, changed.mask[prepared.rows]))
        self._optimise(predictor, examples)
        predictor.network.eval()
        return predictor

    def _optimise(self, predictor: Predictor, examples: Sequence[Example]) -> None:
        config, network = self.config, predictor.network
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        start = self._restore(network, optimizer)
        network.train()
        for epoch in self.track(range(start, config.epochs), "Training", config.epochs, start):
            rng = self._rng(4, epoch)
            for step in range(config.steps_per_epoch):
                done = epoch * config.steps_per_epoch + step
                self._set_rate(optimizer, done / (config.epochs * config.steps_per_epoch))
                batch = self._draw_batch(predictor, examples, rng)
                logits, _ = network(batch)
                loss = balanced_cross_entropy(logits, batch.mask, batch.sizes)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
            self._store(network, optimizer, epoch + 1)

    def _draw_batch(
        self, predictor: Predictor, examples: Sequence[Example], rng: np.random.Generator
    ) -> Batch:
        graphs = []
        for index in rng.integers(0, len(examples), self.config.batch_size):
            cloud, mask = examples[index]
            rows = crop(cloud.points, mask, self.config.crop_points, rng)
            graphs.append(predictor.graph(cloud, mask, rows))
        return collate(graphs)

    def _set_rate(self, optimizer: torch.optim.Optimizer, done: float) -> None:
        """One tenth of warming up, then a cosine down to zero; ``done`` in [0, 1)."""
        warm, rest = min(1.0, (done + 1e-3) / 0.1), max(0.0, (done - 0.1) / 0.9)
        rate = self.config.learning_rate * warm * 0.5 * (1.0 + np.cos(np.pi * rest))
        for group in optimizer.param_groups:
            group["lr"] = float(rate)

    def _store(
        self, network: PointTransformer, optimizer: torch.optim.Optimizer, epochs: int
    ) -> None:
        tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        document = {"fingerprint": self.fingerprint, "epochs": epochs}
        save_checkpoint(self.out / STATE_FILE, STATE_KIND, tensors, document)

    def _restore(self, network: PointTransformer, optimizer: torch.optim.Optimizer) -> int:
        """Go on from a stored state of the same run; the number of epochs it had done."""
        try:
            tensors, document = load_checkpoint(self.out / STATE_FILE, STATE_KIND)
        except CheckpointError:
            return 0
        if document["fingerprint"] != self.fingerprint:
            return 0
        network.load_state_dict(
            {n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")}
        )
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                states.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
        return int(document["epochs"])

    def _rng(self, *key: int) -> np.random.Generator:
        """Chance of its own for each purpose, whatever was drawn elsewhere."""
        return np.random.default_rng([self.seed, *key])


class _Tracker:
    """Shows loops on a progress display, where there is one."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    def __call__(
        self, items: Sequence[Any], text: str, total: int | None = None, done: int = 0
    ) -> Iterator[Any]:
        if self.progress is None:
            yield from items
            return
        task = self.progress.add_task(text, total=total or len(items), completed=done)
        for item in items:
            yield item
            self.progress.advance(task)


@contextmanager
def _deterministic_torch() -> Iterator[None]:
    """Fixed threads and deterministic kernels, set back afterwards."""
    threads, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    # Nothing here reads memory before writing it, and filling it costs a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = fill
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(before)


def _as_nominal(cloud: PointCloud) -> LabeledCloud:
    count = len(cloud)
    return LabeledCloud(
        cloud.points,
        cloud.normals,
        np.zeros(count, dtype=bool),
        np.zeros(count, dtype=np.int32),
        np.zeros(count),
        np.arange(count),
    )


def _check(nominal: NominalClouds, labeled: LabeledClouds) -> None:
    if not nominal or not all(nominal.values()):
        raise TrainingError("training needs at least one nominal cloud in every category")
    strangers = sorted(set(labeled) - set(nominal))
    if strangers:
        raise TrainingError(f"labelled clouds without nominal ones: category {strangers[0]!r}")


def _is_finished(path: Path, fingerprint: str) -> bool:
    if not path.exists():
        return False
    try:
        return bool(Detector.load(path).info.get("fingerprint") == fingerprint)
    except CheckpointError:
        return False


def _fingerprint(
    nominal: NominalClouds, labeled: LabeledClouds, config: TrainingConfig, seed: int
) -> str:
    """Hash of everything the result depends on."""
    digest = hashlib.sha256(json.dumps([asdict(config), seed], sort_keys=True).encode())

    def add(name: str, *arrays: NDArray[Any] | None) -> None:
        digest.update(name.encode())
        for array in arrays:
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())

    for name, clouds in nominal.items():
        for cloud in clouds:
            add(name, cloud.points, cloud.normals)
    for name, samples in labeled.items():
        for sample in samples:
            add(name, sample.points, sample.normals, sample.mask)
    return digest.hexdigest()
