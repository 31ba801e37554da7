"""The network's training loop: deterministic, and able to go on where it was interrupted."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.errors import CheckpointError
from backend.evaluation.metrics.average_precision import average_precision
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.pointwise.graphs import Batch, collate
from backend.models.pointwise.point_transformer import (
    PointOutput,
    PointTransformer,
    PointTransformerConfig,
)
from backend.models.pointwise.predictor import Predictor, Standardization
from backend.models.pointwise.preparation import PreparedCloud
from backend.training.kinds import KIND_WEIGHT, kind_loss
from backend.training.pointwise.loss import LOSSES, LossName

STATE_KIND = "training state"
DEFECT_CROPS = 0.75
WARM_UP = 0.1
LARGEST_GRADIENT = 1.0

Positive = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class FittingConfig:
    """How the network is trained.

    Attributes:
        epochs, steps_per_epoch, batch_size: their product is the number of crops seen; a run can
            be interrupted between epochs.
        crop_points: points of one crop.
        learning_rate, weight_decay: of AdamW; the rate warms up, then falls along a cosine.
        loss: ``balanced`` cross entropy, or the paper's ``focal_dice``.
        patience: training ends after this number of epochs without a better average precision on
            the held-out examples, and takes the best weights; 0: all epochs are run.
        held_out: number of drawn examples that are held out; the network never learns from them.
    """

    epochs: Positive = 16
    steps_per_epoch: Positive = 50
    batch_size: Positive = 8
    crop_points: Positive = 400
    learning_rate: Annotated[float, Field(gt=0.0)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 1e-2
    loss: LossName = "balanced"
    patience: Annotated[int, Field(ge=0)] = 0
    held_out: Positive = 16


@dataclass(frozen=True, eq=False)
class Example:
    """A prepared cloud of M points and its ground truth.

    Attributes:
        cloud: what the network sees.
        mask: (M,) bool, anomalous points.
        kinds: (M,) int64, see ``PointGraph``; None: they are not known.
    """

    cloud: PreparedCloud
    mask: BoolArray
    kinds: IntArray | None = None


@dataclass(frozen=True)
class EpochFigures:
    """How training stands after an epoch.

    Attributes:
        epoch: counted from 1.
        loss: mean over the epoch's steps.
        rate: learning rate of the last step.
        held_out: average precision on the held-out examples' points; NaN where there are none.
    """

    epoch: int
    loss: float
    rate: float
    held_out: float


class NetworkFitter:
    """Trains one network on given examples; iterate over ``run``, then take ``predictor``."""

    def __init__(
        self,
        examples: Callable[[int], Sequence[Example]],
        held_out: Sequence[Example],
        standardization: Standardization,
        network: PointTransformerConfig,
        config: FittingConfig,
        *,
        kinds: Sequence[str],
        seed: int,
        device: torch.device,
        state: Path,
        fingerprint: str,
    ) -> None:
        """Start, or go on from the file ``state`` if it was written by a run with the same
        ``fingerprint``.

        Args:
            examples: what there is to learn from in each epoch.
            held_out: what the end is decided on, if ``config.patience`` is set.
            standardization: of the network's inputs.
            network: its shape.
            config: see there.
            kinds: of defects that it learns to tell apart.
            seed: of the first weights and the crops.
            device: in half precision where it is a GPU.
            state: file of the state.
            fingerprint: of all that the result depends on.
        """
        torch.manual_seed(seed)
        self.examples, self.held_out, self.config, self.seed = examples, held_out, config, seed
        self.state, self.fingerprint, self.device = state, fingerprint, device
        self.network = PointTransformer(network, kinds).to(device)
        self.predictor = Predictor(self.network, standardization)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.scaler = torch.GradScaler(device.type, enabled=device.type == "cuda")
        self.best, self.best_epoch = -math.inf, 0
        self.best_weights = copy.deepcopy(self.network.state_dict())
        self.done = self._restore()

    def __len__(self) -> int:
        return self.config.epochs

    @property
    def is_patient(self) -> bool:
        """Whether the best epoch counts, not the last."""
        return self.config.patience > 0 and len(self.held_out) > 0

    def run(self) -> Iterator[EpochFigures]:
        """Train epoch by epoch; yields once the state after it is on disk."""
        for epoch in range(self.done, self.config.epochs):
            if self.is_patient and epoch - self.best_epoch >= self.config.patience:
                break
            self.network.train()
            loss = self._run_epoch(epoch)
            self.network.eval()
            precision = self._look_at_held_out(epoch + 1)
            self._store(epoch + 1)
            yield EpochFigures(epoch + 1, loss, self.optimizer.param_groups[0]["lr"], precision)
        if self.is_patient:
            self.network.load_state_dict(self.best_weights)
        self.network.cpu().eval()

    def _run_epoch(self, epoch: int) -> float:
        rng = np.random.default_rng([self.seed, epoch])
        examples = self.examples(epoch)
        steps = self.config.steps_per_epoch
        losses = []
        for step in range(epoch * steps, (epoch + 1) * steps):
            self._set_rate(step / (steps * self.config.epochs))
            losses.append(self._step(self._draw_batch(examples, rng)))
        return float(np.mean(losses))

    def _step(self, batch: Batch) -> float:
        half = self.device.type == "cuda"
        with torch.autocast(self.device.type, enabled=half):
            found: PointOutput = self.network(batch)
        loss = LOSSES[self.config.loss](found.logits.float(), batch.mask, batch.sizes)
        loss = loss + KIND_WEIGHT * kind_loss(found.kinds.float(), batch.kinds)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return float(loss.detach())

    def _draw_batch(self, examples: Sequence[Example], rng: np.random.Generator) -> Batch:
        graphs = []
        for index in rng.integers(0, len(examples), self.config.batch_size):
            example = examples[index]
            rows = crop(example.cloud.points, example.mask, self.config.crop_points, rng)
            graphs.append(self.predictor.graph(example.cloud, example.mask, example.kinds, rows))
        return collate(graphs).to(self.device)

    def _set_rate(self, done: float) -> None:
        """One tenth of warming up, then a cosine down to zero; ``done`` in [0, 1)."""
        warm = min(1.0, (done + 1e-3) / WARM_UP)
        rest = max(0.0, (done - WARM_UP) / (1.0 - WARM_UP))
        rate = self.config.learning_rate * warm * 0.5 * (1.0 + np.cos(np.pi * rest))
        for group in self.optimizer.param_groups:
            group["lr"] = float(rate)

    def _look_at_held_out(self, epoch: int) -> float:
        """Average precision on held-out examples; keeps the weights if it is the best so far."""
        if not self.is_patient:
            return math.nan
        logits = np.concatenate([self.predictor.infer(one.cloud).logits for one in self.held_out])
        precision = average_precision(np.concatenate([one.mask for one in self.held_out]), logits)
        if precision > self.best:
            self.best, self.best_epoch = precision, epoch
            self.best_weights = copy.deepcopy(self.network.state_dict())
        return precision

    def _store(self, epochs: int) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        if self.is_patient:
            tensors |= {f"best.{name}": value for name, value in self.best_weights.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        document = {
            "fingerprint": self.fingerprint,
            "epochs": epochs,
            "best": self.best if self.is_patient else None,
            "best_epoch": self.best_epoch,
            "scaler": self.scaler.state_dict(),
        }
        save_checkpoint(self.state, STATE_KIND, tensors, document)

    def _restore(self) -> int:
        """The number of epochs that a stored state of the same run has behind it."""
        try:
            tensors, document = load_checkpoint(self.state, STATE_KIND)
        except CheckpointError:
            return 0
        if document["fingerprint"] != self.fingerprint:
            return 0
        parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "best": {}, "optimizer": {}}
        for key, value in tensors.items():
            part, name = key.split(".", 1)
            parts[part][name] = value
        self.network.load_state_dict(parts["network"])
        if self.is_patient:
            self.best, self.best_epoch = document["best"], document["best_epoch"]
            self.best_weights = parts["best"]
        optimizer: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in parts["optimizer"].items():
            index, name = key.split(".")
            optimizer.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": optimizer})
        self.scaler.load_state_dict(document["scaler"])
        return int(document["epochs"])


def crop(points: FloatArray, mask: BoolArray, count: int, rng: np.random.Generator) -> IntArray:
    """Rows (count,) of the points nearest to a random one, three times of four an anomalous one."""
    wanted = mask if mask.any() and rng.random() < DEFECT_CROPS else np.ones(len(mask), bool)
    center = points[rng.choice(np.flatnonzero(wanted))]
    if len(points) <= count:
        return np.arange(len(points))
    distance = ((points - center) ** 2).sum(axis=1)
    return np.sort(np.argpartition(distance, count)[:count])
