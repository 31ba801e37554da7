"""Prototypes of nominal features and the distance of new features from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from backend.arrays import Float32Array, IntArray

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class MemoryBank:
    """Nominal prototypes (K, F) float32."""

    prototypes: Float32Array

    @classmethod
    def fit(
        cls, features: Float32Array, size: int, pool: int, rng: np.random.Generator
    ) -> MemoryBank:
        """Choose ``size`` of the nominal ``features`` (N, F), out of a random ``pool`` of them."""
        if len(features) > pool:
            features = features[np.sort(rng.choice(len(features), pool, replace=False))]
        return cls(np.ascontiguousarray(features[coreset(features, size)]))

    def distance(self, features: Float32Array) -> Float32Array:
        """Euclidean distance (N,) of each row of ``features`` (N, F) to its nearest prototype."""
        prototypes = torch.from_numpy(self.prototypes)
        chunks = torch.from_numpy(np.ascontiguousarray(features)).split(ROWS_AT_ONCE)
        nearest = [torch.cdist(chunk, prototypes).min(dim=1).values for chunk in chunks]
        return torch.cat(nearest).numpy()


def coreset(features: Float32Array, size: int) -> IntArray:
    """Greedy k-centre choice (Sener & Savarese 2018): rows that cover ``features`` (N, F) best.

    Starts at the row nearest to the mean, then takes the row farthest from all chosen so far.
    All rows when there are no more than ``size``.
    """
    if len(features) <= size:
        return np.arange(len(features))
    squared = np.einsum("nf,nf->n", features, features)

    def distance_to(row: int) -> Float32Array:
        return squared - 2.0 * (features @ features[row]) + squared[row]

    to_mean = np.linalg.norm(features - features.mean(axis=0), axis=1)
    chosen = [int(np.argmin(to_mean))]
    nearest = distance_to(chosen[0])
    while len(chosen) < size:
        chosen.append(int(np.argmax(nearest)))
        np.minimum(nearest, distance_to(chosen[-1]), out=nearest)
    return np.sort(np.array(chosen, dtype=np.int64))
