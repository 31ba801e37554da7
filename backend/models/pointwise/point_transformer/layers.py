"""Vector attention over the nearest neighbours (Zhao et al. 2021, "Point Transformer")."""

from __future__ import annotations

import torch
from torch import nn


class VectorAttention(nn.Module):
    """Each point attends to its neighbours, with one weight per group of channels.

    The positional encoding sees pair relations instead of coordinates, so that the network is
    invariant under rotations by construction. Weights per group instead of per channel are
    those of Point Transformer V2 (Wu et al. 2022).
    """

    def __init__(self, channels: int, relations: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.position = nn.Sequential(
            nn.Linear(relations, channels), nn.ReLU(), nn.Linear(channels, channels)
        )
        self.weight = nn.Sequential(nn.LayerNorm(channels), nn.ReLU(), nn.Linear(channels, groups))
        self.out = nn.Linear(channels, channels)

    def forward(
        self, x: torch.Tensor, neighbors: torch.Tensor, relations: torch.Tensor
    ) -> torch.Tensor:
        """``x`` (n, c), ``neighbors`` (n, k), ``relations`` (n, k, r) to (n, c)."""
        count, width = neighbors.shape
        rows = neighbors.reshape(-1)
        key = self.key(x).index_select(0, rows).view(count, width, -1)
        value = self.value(x).index_select(0, rows).view(count, width, -1)
        position = self.position(relations)
        weight = self.weight(self.query(x)[:, None] - key + position).softmax(dim=1)
        grouped = (value + position).view(count, width, self.groups, -1)
        mixed = (weight[..., None] * grouped).sum(dim=1).view(count, -1)
        return self.out(mixed)


class Block(nn.Module):
    """Attention, then a two-layer perceptron, each normalised before and added after."""

    def __init__(self, channels: int, relations: int, groups: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(channels)
        self.attention = VectorAttention(channels, relations, groups)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(
        self, x: torch.Tensor, neighbors: torch.Tensor, relations: torch.Tensor
    ) -> torch.Tensor:
        """As ``VectorAttention``."""
        x = x + self.attention(self.norm_attention(x), neighbors, relations)
        return x + self.mlp(self.norm_mlp(x))


def pool_mean(x: torch.Tensor, parents: torch.Tensor, count: int) -> torch.Tensor:
    """Mean (count, c) of the rows of ``x`` (n, c) that share a parent (n,)."""
    total = x.new_zeros(count, x.shape[1]).index_add(0, parents, x)
    size = x.new_zeros(count).index_add(0, parents, x.new_ones(len(x)))
    return total / size.clamp(min=1.0)[:, None]
