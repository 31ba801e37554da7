"""The U-Net: attention at ever coarser levels, and back, with skip connections."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

from backend.models.pointwise.graphs import Batch
from backend.models.pointwise.point_transformer.config import PointTransformerConfig
from backend.models.pointwise.point_transformer.layers import Block, pool_mean


class PointOutput(NamedTuple):
    """What the network says of B points.

    Attributes:
        logits: (B,) of being anomalous.
        features: (B, channels[0]) of the finest level.
        kinds: (B, K) logits of the kinds of defects, given that a point is anomalous.
    """

    logits: torch.Tensor
    features: torch.Tensor
    kinds: torch.Tensor


class PointTransformer(nn.Module):
    """Anomaly logit, feature vector and logits of ``kinds`` for every point of a batch."""

    def __init__(self, config: PointTransformerConfig, kinds: Sequence[str] = ()) -> None:
        super().__init__()
        self.config, self.kinds = config, tuple(kinds)
        widths = config.channels
        self.stem = nn.Linear(config.inputs, widths[0])
        self.down = nn.ModuleList(
            nn.ModuleList(self._block(width) for _ in range(config.blocks)) for width in widths
        )
        pairs = list(pairwise(widths))
        self.widen = nn.ModuleList(nn.Linear(fine, coarse) for fine, coarse in pairs)
        self.narrow = nn.ModuleList(nn.Linear(coarse, fine) for fine, coarse in pairs)
        self.up = nn.ModuleList(self._block(fine) for fine, _ in pairs)
        self.norm = nn.LayerNorm(widths[0])
        self.head = nn.Sequential(
            nn.Linear(widths[0], widths[0]), nn.GELU(), nn.Linear(widths[0], 1 + len(kinds))
        )

    def _block(self, width: int) -> Block:
        return Block(width, self.config.relations, self.config.groups)

    def forward(self, batch: Batch) -> PointOutput:
        """Look at the B points of a batch."""
        x = self.stem(batch.features)
        skips = []
        for level, blocks in enumerate(self.down):
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, batch.neighbors[level], batch.relations[level])
            skips.append(x)
            if level < len(self.widen):
                count = len(batch.neighbors[level + 1])
                x = pool_mean(self.widen[level](x), batch.parents[level], count)
        for level in reversed(range(len(self.narrow))):
            coarse = self.narrow[level](x).index_select(0, batch.parents[level])
            x = self.up[level](
                skips[level] + coarse, batch.neighbors[level], batch.relations[level]
            )
        features = self.norm(x)
        found = self.head(features)
        return PointOutput(found[:, 0], features, found[:, 1:])
