"""The likely kind of the defect in a region, by what the region is like as a whole.

A network tells what kind of defect each point looks like; a region has a shape and a relief
besides. A multinomial logistic model makes probabilities of all this. A detector has one such model
for all of its categories, since what it looks at depends on neither pose nor unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import softmax

from backend.arrays import FloatArray, IntArray
from backend.models.family import Heights, LikelyKinds, Tensors
from backend.scoring.regions import Region, ThinSurface

# Number of nearest points that roughness is measured on, and of those next to a point.
AROUND, NEXT = 16, 8
# A spread below this share of the usual distance of points is noise.
LEAST_SPREAD = 0.05
# What is added before a logarithm is taken, so that it has an end.
LEAST_ROUGHNESS, LEAST_STEEPNESS, LEAST_PROBABILITY = 1e-4, 1e-3, 0.02
# Heights are told in units of a share of the part's size; nominal scans differ by some of it.
HEIGHT_UNIT, LEAST_HEIGHT = 0.01, 1e-9
# Numbers that describe a region, but for the probabilities of kinds.
DESCRIBED = 17


@dataclass(frozen=True, eq=False)
class ScoredSurface:
    """M thinned points of a scan, and what is known of each.

    Attributes:
        surface: the points.
        excess: (M,) their scores over the point threshold.
        heights: over the nominal surface, where there is one.
        kinds: what a network takes each point for, where it has learned that.
    """

    surface: ThinSurface
    excess: FloatArray
    heights: Heights | None
    kinds: LikelyKinds | None

    def features(self, region: Region, kinds: int) -> FloatArray:
        """(17 + K,) what a region of this surface is like.

        A region reaches beyond its defect, so points weigh by how far they exceed the threshold.

        Args:
            region: of this surface.
            kinds: K, the number of kinds that are learned.
        """
        excess = np.maximum(self.excess[region.rows], 1e-9)
        weights = excess / excess.sum()
        spreads, places = self._spread(region.rows, weights)
        shape = [
            np.log(spreads[0] / self._size),
            np.log(spreads[1] / spreads[0]),
            np.log(spreads[2] / spreads[1]),
            np.log(spreads[0] / region.extent),
            np.log(region.area / (region.extent * region.width)),
            np.log(excess.mean()),
            np.log(excess.max() / excess.mean()),
        ]
        rough = self._roughness(region.rows, weights)
        relief = self._relief(region, weights, places)
        return np.concatenate([shape, rough, relief, self._told(region.rows, weights, kinds)])

    @cached_property
    def _size(self) -> float:
        return size_of(self.surface.points)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.surface.points)

    def _spread(self, rows: IntArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standard deviations (3,) along the principal axes, the largest first.

        And the places (R, 2) of the points along the first two axes, in units of those.
        """
        points = self.surface.points[rows]
        aside = points - weights @ points
        variances, axes = np.linalg.eigh((weights[:, None] * aside).T @ aside)
        least = LEAST_SPREAD * self.surface.apart
        spreads = np.sqrt(np.maximum(variances[::-1], 0.0)) + least
        return spreads, aside @ axes[:, :0:-1] / spreads[:2]

    def _roughness(self, rows: IntArray, weights: FloatArray) -> FloatArray:
        """(2,) how far points are from the middle of their neighbours, and those from a plane.

        The first is large at borders and holes, the second at edges and walls.
        """
        points = self.surface.points
        _, near = self._tree.query(points[rows], k=min(AROUND + 1, len(points)))
        around = points[near]
        off = np.linalg.norm(around[:, : NEXT + 1].mean(axis=1) - points[rows], axis=1)
        around = around - around.mean(axis=1, keepdims=True)
        variances = np.linalg.eigvalsh(around.transpose(0, 2, 1) @ around)
        rough = weights @ (variances[:, 0] / variances.sum(axis=1))
        return np.array([weights @ off / self.surface.apart, np.log(rough + LEAST_ROUGHNESS)])

    def _relief(self, region: Region, weights: FloatArray, places: FloatArray) -> FloatArray:
        """(8,) of the heights, with ``places`` of ``_spread``; 0 without a nominal surface."""
        if self.heights is None:
            return np.zeros(8)
        heights = self.heights.signed[region.rows]
        extremes = np.array([heights.min(), heights.max(), weights @ heights])
        spread = np.maximum(self.heights.spread[region.rows], LEAST_HEIGHT * self._size)
        ratios = np.abs(heights) / spread
        others = [
            weights @ (heights > 0.0),
            np.log1p(weights @ ratios),
            _unevenness(heights, weights, places),
            np.log(np.abs(heights).max() / region.width + LEAST_STEEPNESS),
        ]
        return np.array([1.0, *_compressed(extremes / (HEIGHT_UNIT * self._size)), *others])

    def _told(self, rows: IntArray, weights: FloatArray, kinds: int) -> FloatArray:
        """(K,) logarithms of the probabilities by the network; alike where there is none."""
        if self.kinds is None:
            return np.full(kinds, np.log(1.0 / kinds + LEAST_PROBABILITY))
        return np.log(weights @ self.kinds.probabilities[rows] + LEAST_PROBABILITY)


def size_of(points: FloatArray) -> float:
    """Root mean square distance of ``points`` (M, 3) from their middle: a size in any pose."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _compressed(values: FloatArray) -> FloatArray:
    """The logarithm of large values, with their sign; small values stay."""
    return np.sign(values) * np.log1p(np.abs(values))


def _unevenness(heights: FloatArray, weights: FloatArray, places: FloatArray) -> float:
    """Share of the variance of ``heights`` that a second-order surface over ``places`` leaves."""
    u, v = places.T
    terms = np.column_stack([np.ones(len(u)), u, v, u**2, v**2, u * v])
    root = np.sqrt(weights)
    fitted = terms @ np.linalg.lstsq(terms * root[:, None], heights * root, rcond=None)[0]
    variance = weights @ (heights - weights @ heights) ** 2
    return float(weights @ (heights - fitted) ** 2 / max(variance, 1e-30))


@dataclass(frozen=True, eq=False)
class RegionKinds:
    """A multinomial logistic model of the kind of a region.

    Attributes:
        names: of the L kinds that it tells apart, at least two.
        coefficients: (L, 17 + K) of the features of a region, where networks know K kinds.
        intercepts: (L,) of the logits.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    intercepts: FloatArray

    def probabilities(self, scored: ScoredSurface, region: Region) -> dict[str, float]:
        """Of each kind, the likeliest first."""
        features = scored.features(region, self.coefficients.shape[1] - DESCRIBED)
        found = softmax(self.coefficients @ features + self.intercepts)
        return {self.names[one]: float(found[one]) for one in np.argsort(-found, kind="stable")}

    def told(self, scored: ScoredSurface, regions: Sequence[Region]) -> list[Region]:
        """The ``regions`` of a surface with their likely kinds."""
        return [replace(one, kinds=self.probabilities(scored, one)) for one in regions]

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """For a model file; the names are kept apart."""
        arrays = {"coefficients": self.coefficients, "intercepts": self.intercepts}
        return {name: torch.from_numpy(values) for name, values in arrays.items()}

    @classmethod
    def from_tensors(cls, names: Sequence[str], tensors: Tensors) -> RegionKinds:
        """The inverse of ``to_tensors``."""
        arrays: Mapping[str, FloatArray] = {n: tensor.numpy() for n, tensor in tensors.items()}
        return cls(tuple(names), arrays["coefficients"], arrays["intercepts"])
