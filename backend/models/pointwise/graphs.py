"""Clouds as graphs of several levels, and several graphs as one batch of tensors.

Everything the network sees is invariant under rotations: features of points, and relations of
point pairs (Drost et al. 2010, "Model globally, match locally": distance and angles between the
two normals and the line that joins them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, Float32Array, FloatArray, IntArray
from backend.children import threads

RELATIONS = 4
COARSENING = 4
MORTON_BITS = 10


@dataclass(frozen=True, eq=False)
class GraphLevel:
    """One resolution of a cloud.

    Attributes:
        neighbors: (n, k) int64, the nearest points of the same level, itself first.
        relations: (n, k, 4) float32, see ``pair_relations``.
        parent: (n,) int64, the nearest point of the next coarser level; empty on the last.
    """

    neighbors: IntArray
    relations: Float32Array
    parent: IntArray


@dataclass(frozen=True, eq=False)
class PointGraph:
    """A thinned cloud of M points for the network.

    Attributes:
        features: (M, F) float32, standardised.
        mask: (M,) bool, anomalous points.
        kinds: (M,) int64, the number of each anomalous point's kind; ``NO_KIND`` where it is not
            known.
        levels: fine to coarse.
    """

    features: Float32Array
    mask: BoolArray
    kinds: IntArray
    levels: tuple[GraphLevel, ...]


@dataclass(frozen=True, eq=False)
class Batch:
    """Several graphs side by side; the same arrays as tensors.

    Attributes:
        features: (B, F) float32; mask: (B,) float32 of 0 and 1; kinds: (B,) int64.
        neighbors, relations, parents: per level.
        sizes: points of each cloud on the finest level.
    """

    features: torch.Tensor
    mask: torch.Tensor
    kinds: torch.Tensor
    neighbors: tuple[torch.Tensor, ...]
    relations: tuple[torch.Tensor, ...]
    parents: tuple[torch.Tensor, ...]
    sizes: tuple[int, ...]

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``."""
        return Batch(
            self.features.to(device),
            self.mask.to(device),
            self.kinds.to(device),
            tuple(part.to(device) for part in self.neighbors),
            tuple(part.to(device) for part in self.relations),
            tuple(part.to(device) for part in self.parents),
            self.sizes,
        )


def build_levels(
    points: FloatArray, normals: FloatArray, apart: float, levels: int, neighbors: int
) -> tuple[GraphLevel, ...]:
    """Neighbourhoods of a thinned cloud (M, 3) and of ever coarser quarters of it.

    The sizes depend on M alone: buffers of training steps then fit where the last ones were.
    """
    built = []
    for level in range(levels):
        tree = cKDTree(points)
        near = nearest(tree, points, neighbors)
        # A quarter of the points of a surface lie twice as far apart.
        relations = pair_relations(points, normals, near, apart * 2.0**level)
        if level == levels - 1:
            built.append(GraphLevel(near, relations, np.empty(0, dtype=np.int64)))
            break
        coarse = np.sort(morton_order(points)[::COARSENING])
        parent = cKDTree(points[coarse]).query(points)[1].astype(np.int64)
        built.append(GraphLevel(near, relations, parent))
        points, normals = points[coarse], normals[coarse]
    return tuple(built)


def morton_order(points: FloatArray) -> IntArray:
    """Rows (N,) along a Z-shaped curve through space (Morton 1966); equal steps thin evenly."""
    low = points.min(axis=0)
    size = max(float(np.ptp(points, axis=0).max()), 1e-300)
    grid = ((points - low) / size * (2**MORTON_BITS - 1)).astype(np.int64)
    key = np.zeros(len(points), dtype=np.int64)
    for bit in range(MORTON_BITS):
        for axis in range(3):
            key |= ((grid[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(key, kind="stable")


def nearest(tree: cKDTree, points: FloatArray, neighbors: int) -> IntArray:
    """(n, k) rows of the nearest points in ``tree``; small clouds repeat their last neighbour."""
    count = min(neighbors, tree.n)
    _, rows = tree.query(points, k=count, workers=threads())
    rows = rows.reshape(len(points), count).astype(np.int64)
    return np.pad(rows, ((0, 0), (0, neighbors - count)), mode="edge")


def pair_relations(
    points: FloatArray, normals: FloatArray, neighbors: IntArray, length: float
) -> Float32Array:
    """(n, k, 4) of each point with its neighbours: in units of ``length``, the distance and how
    high the neighbour lies over the point's tangent plane and the point over the neighbour's;
    and one minus the cosine between the normals.
    """
    offset = (points[neighbors] - points[:, None]) / length
    other = normals[neighbors]
    distance = np.linalg.norm(offset, axis=2)
    above = np.einsum("nki,ni->nk", offset, normals)
    below = -np.einsum("nki,nki->nk", offset, other)
    turn = 1.0 - np.einsum("nki,ni->nk", other, normals)
    return np.stack([distance, above, below, turn], axis=2).astype(np.float32)


def collate(graphs: Sequence[PointGraph]) -> Batch:
    """Put graphs with the same number of levels side by side, indices shifted."""
    depth = len(graphs[0].levels)
    columns = [[graph.levels[level] for graph in graphs] for level in range(depth)]
    offsets = [_offsets([len(part.neighbors) for part in column]) for column in columns]
    return Batch(
        features=torch.from_numpy(np.concatenate([graph.features for graph in graphs])),
        mask=torch.from_numpy(np.concatenate([graph.mask for graph in graphs])).float(),
        kinds=torch.from_numpy(np.concatenate([graph.kinds for graph in graphs])),
        neighbors=tuple(
            _join([part.neighbors for part in column], offsets[level])
            for level, column in enumerate(columns)
        ),
        relations=tuple(
            torch.from_numpy(np.concatenate([part.relations for part in column]))
            for column in columns
        ),
        parents=tuple(
            _join([part.parent for part in columns[level]], offsets[level + 1])
            for level in range(depth - 1)
        ),
        sizes=tuple(len(graph.features) for graph in graphs),
    )


def _offsets(sizes: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(sizes)[:-1].tolist()]


def _join(parts: Sequence[IntArray], offsets: Sequence[int]) -> torch.Tensor:
    shifted = [part + offset for part, offset in zip(parts, offsets, strict=True)]
    return torch.from_numpy(np.concatenate(shifted))
