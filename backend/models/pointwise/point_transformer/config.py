"""Shape of the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from backend.models.pointwise.descriptors import INVARIANTS
from backend.models.pointwise.graphs import RELATIONS

Positive = Annotated[int, Field(ge=1)]


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
    channels: Annotated[tuple[Positive, ...], Field(min_length=1)] = (32, 64, 96)
    blocks: Positive = 1
    groups: Positive = 8
    neighbors: Positive = 8
