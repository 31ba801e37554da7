"""A small U-Net that knows what a defect looks like in a map of deviations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from backend.arrays import Float32Array, IntArray
from backend.models.side_by_side import side_by_side

# Columns beyond what is seen, on both sides; more where the ring is closed, and what is beyond one
# side is seen on the other.
CONTEXT, RING_CONTEXT = 8, 24
POOLED = 4


class UnrolledNetwork(nn.Module):
    """U-Net (Ronneberger et al. 2015) of three levels on (B, inputs, R, C) maps.

    It tells what is anomalous, and which of its K ``kinds`` of defects that would be.
    """

    def __init__(self, inputs: int, width: int = 16, kinds: Sequence[str] = ()) -> None:
        super().__init__()
        self.inputs, self.width, self.kinds = inputs, width, tuple(kinds)
        self.fine = _stage(inputs, width)
        self.middle = _stage(width, 2 * width)
        self.coarse = _stage(2 * width, 3 * width)
        self.up_middle = _stage(5 * width, 2 * width)
        self.up_fine = _stage(3 * width, width)
        self.head = nn.Conv2d(width, 1 + len(kinds), 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Logits (B, 1 + K, R, C): of being anomalous, and of the kinds.

        R and C are multiples of four.
        """
        fine = self.fine(maps)
        middle = self.middle(functional.avg_pool2d(fine, 2))
        coarse = self.coarse(functional.avg_pool2d(middle, 2))
        middle = self.up_middle(torch.cat([_doubled(coarse), middle], 1))
        return self.head(self.up_fine(torch.cat([_doubled(middle), fine], 1)))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source in (inputs, outputs):
        layers += [nn.Conv2d(source, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def _doubled(maps: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(maps, scale_factor=2)


def infer(
    networks: Sequence[UnrolledNetwork], inputs: Float32Array, seen: Float32Array
) -> Float32Array:
    """Logits (1 + K, R, C) of maps (F, R, C): the mean over networks, the map and its mirror.

    Only the columns with surface, ``seen`` (R, C), are looked at; in the others each logit is the
    smallest of these.
    """
    rows = inputs.shape[1]
    columns, inside = seen_columns(seen)
    padded = np.pad(inputs[..., columns], ((0, 0), (0, -rows % POOLED), (0, 0)))
    both = torch.from_numpy(np.stack([padded, padded[..., ::-1]]))

    def logits_of(network: UnrolledNetwork) -> torch.Tensor:
        with torch.inference_mode():
            return network(both)

    total = torch.stack(list(side_by_side(logits_of, networks))).mean(0).numpy()
    mean = 0.5 * (total[0] + total[1][..., ::-1])[:, :rows]
    logits = np.empty((len(mean), *inputs.shape[1:]), np.float32)
    logits[:] = mean.min(axis=(1, 2), keepdims=True)
    logits[..., columns[inside]] = mean[..., inside]
    return logits


def seen_columns(seen: Float32Array) -> tuple[IntArray, slice]:
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
