"""The network's training loop: deterministic, and able to go on where it was interrupted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from backend.dataset.collate import Batch, collate
from backend.errors import CheckpointError
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.loss import balanced_cross_entropy
from backend.models.point_transformer import PointTransformer, PointTransformerConfig
from backend.models.predictor import Predictor, Standardization
from backend.models.preparation import PreparedCloud

STATE_KIND = "training state"
DEFECT_CROPS = 0.75
WARM_UP = 0.1
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class FittingConfig:
    """How the network is trained.

    Attributes:
        epochs, steps_per_epoch, batch_size: their product is the number of crops seen; a run can
            be interrupted between epochs.
        crop_points: points of one crop.
        learning_rate, weight_decay: of AdamW; the rate warms up, then falls along a cosine.
    """

    epochs: int = 16
    steps_per_epoch: int = 50
    batch_size: int = 8
    crop_points: int = 400
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True, eq=False)
class Example:
    """A prepared cloud of M points and its ground truth ``mask`` (M,) bool."""

    cloud: PreparedCloud
    mask: NDArray[np.bool_]


class NetworkFitter:
    """Trains one network on given examples; iterate over it, then take ``predictor``."""

    def __init__(
        self,
        examples: Sequence[Example],
        standardization: Standardization,
        network: PointTransformerConfig,
        config: FittingConfig,
        *,
        seed: int,
        state: Path,
        fingerprint: str,
    ) -> None:
        """Start, or go on from the file ``state`` if it was written by a run with the same
        ``fingerprint``.
        """
        torch.manual_seed(seed)
        self.examples, self.config, self.seed = examples, config, seed
        self.state, self.fingerprint = state, fingerprint
        self.network = PointTransformer(network)
        self.predictor = Predictor(self.network, standardization)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.done = self._restore()

    def __len__(self) -> int:
        return self.config.epochs

    def run(self) -> Iterable[int]:
        """Train epoch by epoch; yields each epoch's number once its state is on disk."""
        for epoch in range(self.done, self.config.epochs):
            self.network.train()
            self._run_epoch(epoch)
            self.network.eval()
            self._store(epoch + 1)
            yield epoch

    def _run_epoch(self, epoch: int) -> None:
        rng = np.random.default_rng([self.seed, epoch])
        steps = self.config.steps_per_epoch
        for step in range(epoch * steps, (epoch + 1) * steps):
            self._set_rate(step / (steps * self.config.epochs))
            batch = self._draw_batch(rng)
            logits, _ = self.network(batch)
            loss = balanced_cross_entropy(logits, batch.mask, batch.sizes)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
            self.optimizer.step()

    def _draw_batch(self, rng: np.random.Generator) -> Batch:
        graphs = []
        for index in rng.integers(0, len(self.examples), self.config.batch_size):
            example = self.examples[index]
            rows = crop(example.cloud.points, example.mask, self.config.crop_points, rng)
            graphs.append(self.predictor.graph(example.cloud, example.mask, rows))
        return collate(graphs)

    def _set_rate(self, done: float) -> None:
        """One tenth of warming up, then a cosine down to zero; ``done`` in [0, 1)."""
        warm = min(1.0, (done + 1e-3) / WARM_UP)
        rest = max(0.0, (done - WARM_UP) / (1.0 - WARM_UP))
        rate = self.config.learning_rate * warm * 0.5 * (1.0 + np.cos(np.pi * rest))
        for group in self.optimizer.param_groups:
            group["lr"] = float(rate)

    def _store(self, epochs: int) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        document = {"fingerprint": self.fingerprint, "epochs": epochs}
        save_checkpoint(self.state, STATE_KIND, tensors, document)

    def _restore(self) -> int:
        """The number of epochs that a stored state of the same run has behind it."""
        try:
            tensors, document = load_checkpoint(self.state, STATE_KIND)
        except CheckpointError:
            return 0
        if document["fingerprint"] != self.fingerprint:
            return 0
        network: dict[str, torch.Tensor] = {}
        optimizer: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            part, name = key.split(".", 1)
            if part == "network":
                network[name] = value
            else:
                index, field = name.split(".")
                optimizer.setdefault(int(index), {})[field] = value
        self.network.load_state_dict(network)
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": optimizer})
        return int(document["epochs"])


def crop(
    points: NDArray[np.float64], mask: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows (count,) of the points nearest to a random one, three times of four an anomalous one."""
    wanted = mask if mask.any() and rng.random() < DEFECT_CROPS else np.ones(len(mask), bool)
    center = points[rng.choice(np.flatnonzero(wanted))]
    if len(points) <= count:
        return np.arange(len(points))
    distance = ((points - center) ** 2).sum(axis=1)
    return np.sort(np.argpartition(distance, count)[:count])
