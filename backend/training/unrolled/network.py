"""Training the U-Net of unrolled height maps on crops of maps with drawn and labelled defects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional

from backend.arrays import BoolArray, Float32Array, IntArray
from backend.models.kinds import NO_KIND
from backend.models.unrolled.height_map import HeightMap
from backend.models.unrolled.inputs import Compared, NominalSpread, network_inputs
from backend.models.unrolled.network import POOLED, UnrolledNetwork
from backend.training.kinds import KIND_WEIGHT, kind_loss


@dataclass(frozen=True, eq=False)
class UnrolledExample:
    """One map to learn from.

    Attributes:
        inputs: (F, R, C) float16, for there are many.
        mask: (R, C) 1 where most points of the cell are anomalous.
        known: (R, C) 1 where there are points.
        kinds: (R, C) the number of the kind of most of its anomalous points, ``NO_KIND`` for none.
    """

    inputs: NDArray[np.float16]
    mask: Float32Array
    known: Float32Array
    kinds: NDArray[np.int8]


@dataclass(frozen=True)
class UnrolledFittingConfig:
    """How the networks are trained.

    Attributes:
        networks: how many, each from its own start, whose logits are averaged.
        epochs: how often each map is seen, on average.
        batch_size: crops a step.
        crop: edge length of a crop, in cells; a multiple of four.
        mirror: whether half of the crops are mirrored about the axis.
        learning_rate, weight_decay: of AdamW; the rate warms up, then falls along a cosine.
    """

    networks: Annotated[int, Field(ge=0)] = 3
    epochs: Annotated[int, Field(ge=1)] = 12
    batch_size: Annotated[int, Field(ge=1)] = 4
    crop: Annotated[int, Field(ge=POOLED, multiple_of=POOLED)] = 96
    mirror: bool = True
    learning_rate: Annotated[float, Field(gt=0.0)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 1e-3


def example(
    scan: Compared,
    spread: NominalSpread,
    mask: BoolArray | None = None,
    kinds: NDArray[np.integer] | None = None,
) -> UnrolledExample:
    """The network's view of a scan.

    Args:
        scan: with N points.
        spread: of nominal scans.
        mask: (N,) which points are anomalous; None: none is.
        kinds: (N,) numbers of their kinds; None: they are not known.
    """
    height_map = scan.height_map
    count = height_map.counts
    marked = np.zeros(count.shape) if mask is None else height_map.sums(mask.astype(np.float64))
    anomalous = (marked > 0.5 * count) & (count > 0)
    most = np.full(count.shape, NO_KIND, np.int8)
    if kinds is not None:
        most = np.where(anomalous, _most(height_map, kinds), NO_KIND).astype(np.int8)
    return UnrolledExample(
        network_inputs(scan, spread).astype(np.float16),
        anomalous.astype(np.float32),
        (count > 0).astype(np.float32),
        most,
    )


def _most(height_map: HeightMap, kinds: NDArray[np.integer]) -> NDArray[np.integer]:
    """(R, C) the kind of most points of a cell, of those whose kind is known."""
    numbers = np.arange(max(kinds.max() + 1, 1))
    sums = np.array([height_map.sums((kinds == one).astype(np.float64)) for one in numbers])
    return np.where(sums.any(axis=0), sums.argmax(axis=0), NO_KIND)


AT_DEFECTS = 0.7
WARM_UP_STEPS = 50
LARGEST_GRADIENT = 1.0
# A defect weighs a quarter of its crop's rest, however small it is, but a cell no more than 30.
DEFECT_SHARE, LARGEST_WEIGHT, SMALL = 0.25, 30.0, 20.0
DICE = 0.3


def fit_network(
    examples: Sequence[UnrolledExample],
    config: UnrolledFittingConfig,
    seed: Sequence[int],
    kinds: Sequence[str] = (),
) -> Iterator[UnrolledNetwork]:
    """Train one network; yields it once an epoch, the last time when it is done.

    Args:
        examples: to learn from.
        config: see there.
        seed: of the first weights and the crops.
        kinds: of defects that it learns to tell apart.
    """
    rng = np.random.default_rng(list(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        network = UnrolledNetwork(len(examples[0].inputs), kinds=kinds)
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    per_epoch = max(1, len(examples) // config.batch_size)
    for step in range(config.epochs * per_epoch):
        rate = config.learning_rate * _rate(step, config.epochs * per_epoch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = map_loss(network, *_batch(examples, config, rng))
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
    examples: Sequence[UnrolledExample], config: UnrolledFittingConfig, rng: np.random.Generator
) -> list[torch.Tensor]:
    rows = rng.integers(0, len(examples), config.batch_size)
    crops = [_crop(examples[row], config, rng) for row in rows]
    return [torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True)]


def _crop(
    example: UnrolledExample, config: UnrolledFittingConfig, rng: np.random.Generator
) -> tuple[Float32Array, Float32Array, Float32Array, IntArray]:
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
    return inputs, mask, known, example.kinds[down][:, across].astype(np.int64)


def map_loss(
    network: UnrolledNetwork,
    inputs: torch.Tensor,
    mask: torch.Tensor,
    known: torch.Tensor,
    kinds: torch.Tensor,
) -> torch.Tensor:
    """Weighted cross entropy and a part of Dice, where there are points; and that of kinds."""
    found = network(inputs)
    of_mask = mask_loss(found[:, 0], mask, known)
    return of_mask + KIND_WEIGHT * kind_loss(found[:, 1:], kinds)


def mask_loss(logits: torch.Tensor, mask: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Weighted cross entropy and a part of Dice, where there are points."""
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
