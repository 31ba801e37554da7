"""A small U-Net that knows what a defect looks like in a map of deviations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from backend.models.unrolled.height_map import MapArray

# Columns beyond what is seen, on both sides; more where the ring is closed, and what is beyond one
# side is seen on the other.
CONTEXT, RING_CONTEXT = 8, 24
POOLED = 4


class ReliefNetwork(nn.Module):
    """U-Net (Ronneberger et al. 2015) of three levels on (B, inputs, R, C) maps."""

    def __init__(self, inputs: int, width: int = 16) -> None:
        super().__init__()
        self.inputs, self.width = inputs, width
        self.fine = _stage(inputs, width)
        self.middle = _stage(width, 2 * width)
        self.coarse = _stage(2 * width, 3 * width)
        self.up_middle = _stage(5 * width, 2 * width)
        self.up_fine = _stage(3 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Logits (B, R, C); R and C are multiples of four."""
        fine = self.fine(maps)
        middle = self.middle(functional.avg_pool2d(fine, 2))
        coarse = self.coarse(functional.avg_pool2d(middle, 2))
        middle = self.up_middle(torch.cat([_doubled(coarse), middle], 1))
        return self.head(self.up_fine(torch.cat([_doubled(middle), fine], 1)))[:, 0]


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source in (inputs, outputs):
        layers += [nn.Conv2d(source, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def _doubled(maps: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(maps, scale_factor=2)


def infer(networks: Sequence[ReliefNetwork], inputs: MapArray, seen: MapArray) -> MapArray:
    """Logits (R, C) of maps (F, R, C): the mean over networks and over the map and its mirror.

    Only the columns with surface, ``seen`` (R, C), are looked at; in the others the logit is the
    smallest of these.
    """
    rows = inputs.shape[1]
    columns, inside = seen_columns(seen)
    padded = np.pad(inputs[..., columns], ((0, 0), (0, -rows % POOLED), (0, 0)))
    both = torch.from_numpy(np.stack([padded, padded[..., ::-1]]))
    with torch.inference_mode():
        total = torch.stack([network(both) for network in networks]).mean(0).numpy()
    mean = 0.5 * (total[0] + total[1][:, ::-1])[:rows]
    logits = np.full(inputs.shape[1:], mean.min(), np.float32)
    logits[:, columns[inside]] = mean[:, inside]
    return logits


def seen_columns(seen: MapArray) -> tuple[NDArray[np.int64], slice]:
    """The shortest arc of columns, in order, with all that are ``seen`` (R, C), and some beyond.

    Returns:
        Their numbers, a multiple of four of them; those of a closed ring begin again. And which of
        them are those with all that are seen, each once.
    """
    columns = seen.shape[1]
    used = np.flatnonzero(seen.any(axis=0))
    gaps = np.diff(np.append(used, used[0] + columns)) if len(used) else np.array([1])
    first = int(used[(np.argmax(gaps) + 1) % len(used)]) if len(used) else 0
    count = columns - int(gaps.max()) + 1
    context = RING_CONTEXT if gaps.max() <= 2 * CONTEXT else CONTEXT
    length = count + 2 * context
    length += -length % POOLED
    numbers = (first - context + np.arange(length)) % columns
    return numbers, slice(context, context + count)


@dataclass(frozen=True, eq=False)
class ReliefExample:
    """One map to learn from.

    Attributes:
        inputs: (F, R, C) float16, for there are many.
        mask: (R, C) 1 where most points of the cell are anomalous.
        known: (R, C) 1 where there are points.
    """

    inputs: NDArray[np.float16]
    mask: MapArray
    known: MapArray


@dataclass(frozen=True)
class ReliefFittingConfig:
    """How the networks are trained.

    Attributes:
        networks: how many, each from its own start, whose logits are averaged.
        epochs: how often each map is seen, on average.
        batch_size: crops a step.
        crop: edge length of a crop, in cells; a multiple of four.
        mirror: whether half of the crops are mirrored about the axis.
        learning_rate, weight_decay: of AdamW; the rate warms up, then falls along a cosine.
    """

    networks: int = 3
    epochs: int = 12
    batch_size: int = 4
    crop: int = 96
    mirror: bool = True
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3


AT_DEFECTS = 0.7
WARM_UP_STEPS = 50
LARGEST_GRADIENT = 1.0
# A defect weighs a quarter of its crop's rest, however small it is, but a cell no more than 30.
DEFECT_SHARE, LARGEST_WEIGHT, SMALL = 0.25, 30.0, 20.0
DICE = 0.3


def fit_network(
    examples: Sequence[ReliefExample], config: ReliefFittingConfig, seed: Sequence[int]
) -> Iterator[ReliefNetwork]:
    """Train one network; yields it once an epoch, the last time when it is done."""
    rng = np.random.default_rng(list(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        network = ReliefNetwork(len(examples[0].inputs))
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    per_epoch = max(1, len(examples) // config.batch_size)
    for step in range(config.epochs * per_epoch):
        rate = config.learning_rate * _rate(step, config.epochs * per_epoch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = relief_loss(network, *_batch(examples, config, rng))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        if (step + 1) % per_epoch == 0:
            yield network.eval()
            network.train()
    network.eval()


def _rate(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / WARM_UP_STEPS) * 0.5 * float(1.0 + np.cos(np.pi * step / steps))


def _batch(
    examples: Sequence[ReliefExample], config: ReliefFittingConfig, rng: np.random.Generator
) -> list[torch.Tensor]:
    rows = rng.integers(0, len(examples), config.batch_size)
    crops = [_crop(examples[row], config, rng) for row in rows]
    return [torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)]


def _crop(
    example: ReliefExample, config: ReliefFittingConfig, rng: np.random.Generator
) -> tuple[MapArray, MapArray, MapArray]:
    """A crop somewhere about a defect, or about any surface."""
    size = config.crop
    anomalous = example.mask.any() and rng.random() < AT_DEFECTS
    rows, columns = np.nonzero(example.mask if anomalous else example.known)
    center = rng.integers(len(rows))
    aside = rng.integers(size // 6, size - size // 6, 2)
    height, width = example.mask.shape
    size_down = min(size, height - height % POOLED)
    first = int(np.clip(rows[center] - aside[0], 0, height - size_down))
    across = (columns[center] - aside[1] + np.arange(min(size, width))) % width
    if rng.random() < 0.5 * config.mirror:
        across = across[::-1]
    down = slice(first, first + size_down)
    parts = (example.inputs[:, down], example.mask[down], example.known[down])
    inputs, mask, known = (part[..., across].astype(np.float32) for part in parts)
    return inputs, mask, known


def relief_loss(
    network: ReliefNetwork, inputs: torch.Tensor, mask: torch.Tensor, known: torch.Tensor
) -> torch.Tensor:
    """Weighted cross entropy and a part of Dice, where there are points."""
    logits = network(inputs)
    anomalous, nominal = (known * mask).sum((1, 2)), (known * (1 - mask)).sum((1, 2))
    weight = (DEFECT_SHARE * nominal / (anomalous + SMALL)).clamp(1.0, LARGEST_WEIGHT)
    weights = known * (mask * weight[:, None, None] + 1.0 - mask)
    entropy = functional.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    loss = (entropy * weights).sum() / weights.sum()
    with_defect = anomalous > 0
    if not with_defect.any():
        return loss
    chance = torch.sigmoid(logits) * known
    overlap = 2 * (chance * mask).sum((1, 2)) + 1
    dice = 1 - overlap / (chance.sum((1, 2)) + anomalous + 1)
    return loss + DICE * dice[with_defect].mean()
