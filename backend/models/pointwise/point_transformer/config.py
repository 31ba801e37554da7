"""Shape of the network."""

from __future__ import annotations

from dataclasses import dataclass

from backend.models.pointwise.descriptors import INVARIANTS
from backend.models.pointwise.graphs import RELATIONS


@dataclass(frozen=True)
class PointTransformerConfig:
    """Width and depth of the U-Net.

    Attributes:
        inputs: features per point.
        relations: features per pair of neighbours.
        channels: width per level, fine to coarse; multiples of ``groups``.
        blocks: attention blocks per level, on the way down; one on the way up.
        groups: attention weights are shared by this many channel groups.
        neighbors: points that each point attends to, itself included.
    """

    inputs: int = INVARIANTS
    relations: int = RELATIONS
    channels: tuple[int, ...] = (32, 64, 96)
    blocks: int = 1
    groups: int = 8
    neighbors: int = 8
