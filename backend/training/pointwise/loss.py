"""What the network is trained for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch.nn import functional

LossName = Literal["balanced", "focal_dice"]

FOCUS = 2.0


class Loss(Protocol):
    """From logits (B,) and the mask (B,) of 0 and 1 of clouds of the given sizes, in order."""

    def __call__(
        self, logits: torch.Tensor, mask: torch.Tensor, sizes: Sequence[int]
    ) -> torch.Tensor: ...


def balanced_cross_entropy(
    logits: torch.Tensor, mask: torch.Tensor, sizes: Sequence[int]
) -> torch.Tensor:
    """Cross entropy in which, within each cloud, the anomalous points weigh as much as the nominal.

    With one weight for all points the few large defects drown the many small ones.
    """
    parts = zip(logits.split(list(sizes)), mask.split(list(sizes)), strict=True)
    return torch.stack([_of_one(*part) for part in parts]).mean()


def _of_one(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    anomalous = (functional.softplus(-logits) * mask).sum() / mask.sum().clamp(min=1.0)
    rest = 1.0 - mask
    nominal = (functional.softplus(logits) * rest).sum() / rest.sum().clamp(min=1.0)
    return anomalous + nominal


def focal_and_dice(logits: torch.Tensor, mask: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """Focal loss (Lin et al. 2017) with a focus of 2, and Dice (Milletari et al. 2016), in sum.

    The loss of the paper and of its predecessors.
    """
    chance = torch.sigmoid(logits)
    wrong = torch.where(mask > 0, 1.0 - chance, chance)
    entropy = functional.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    overlap = 2.0 * (chance * mask).sum() + 1.0
    dice = 1.0 - overlap / (chance.sum() + mask.sum() + 1.0)
    return (wrong**FOCUS * entropy).mean() + dice


LOSSES: dict[LossName, Loss] = {
    "balanced": balanced_cross_entropy,
    "focal_dice": focal_and_dice,
}
