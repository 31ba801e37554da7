"""What the network is trained for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional


def balanced_cross_entropy(
    logits: torch.Tensor, mask: torch.Tensor, sizes: Sequence[int]
) -> torch.Tensor:
    """Cross entropy in which, within each cloud, the anomalous points weigh as much as the nominal.

    With one weight for all points the few large defects drown the many small ones.

    Args:
        logits, mask: (B,), mask of 0 and 1.
        sizes: points of each cloud of the batch, in order.
    """
    parts = zip(logits.split(list(sizes)), mask.split(list(sizes)), strict=True)
    return torch.stack([_of_one(*part) for part in parts]).mean()


def _of_one(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    anomalous = (functional.softplus(-logits) * mask).sum() / mask.sum().clamp(min=1.0)
    rest = 1.0 - mask
    nominal = (functional.softplus(logits) * rest).sum() / rest.sum().clamp(min=1.0)
    return anomalous + nominal
