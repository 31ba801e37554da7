"""What is nominal in one category, point by point.

Up to four channels look at each point and its surroundings: the network's logit, the distance of
its learned features from nominal prototypes, the distance of its histogram descriptors from nominal
prototypes and, where there is a nominal model, the distance of the point from its surface.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from backend.arrays import Float32Array
from backend.cloud import PointCloud
from backend.models.family import Deviations, Heights, Tensors, below, with_prefix
from backend.models.kinds import likely_kinds
from backend.models.normalization import Normalization
from backend.models.pointwise.memory_bank import MemoryBank
from backend.models.pointwise.nominal_surface import NominalSurface
from backend.models.pointwise.predictor import Predictor
from backend.models.pointwise.preparation import PreparedCloud, prepare
from backend.registration.part_finder import PartFinder

HISTOGRAMS = "histograms"
LEARNED = "learned"
NETWORK = "network"
SURFACE = "surface"
SMOOTHING = 32


@dataclass(frozen=True, eq=False)
class PointwiseModel:
    """One category.

    Attributes:
        category: its name.
        normalization: of all categories.
        predictor: the network, one for all categories; None where no channel needs it.
        banks: nominal prototypes by channel.
        surface: of the nominal model, where there is one.
        channels: what scores the points.
        test_time_offsets: the cloud is thinned and scored this many times.
    """

    category: str
    normalization: Normalization
    predictor: Predictor | None
    banks: Mapping[str, MemoryBank]
    surface: NominalSurface | None
    channels: tuple[str, ...]
    test_time_offsets: int = 1

    top_fraction: ClassVar[float] = 0.005

    @property
    def finder(self) -> PartFinder | None:
        """See ``CategoryModel``."""
        return None if self.surface is None else self.surface.finder

    def deviations(self, cloud: PointCloud) -> Iterator[Deviations]:
        """See ``CategoryModel``."""
        outward = None if self.surface is None else self.surface.outward
        for number in range(self.test_time_offsets):
            offset = number / self.test_time_offsets
            yield self.compare(prepare(cloud, self.normalization, self.category, offset, outward))

    def compare(self, cloud: PreparedCloud) -> Deviations:
        """Deviations of each point and its surroundings from nominal ones."""
        near = cloud.neighbors[:, : SMOOTHING // 2]
        deviations, kinds = {}, None
        if HISTOGRAMS in self.channels:
            histograms = smooth_features(cloud.histograms, cloud.neighbors)
            deviations[HISTOGRAMS] = self.banks[HISTOGRAMS].distance(histograms).astype(np.float64)
        if self.predictor is not None:
            found = self.predictor.infer(cloud)
            kinds = likely_kinds(self.predictor.network.kinds, found.kinds)
            if NETWORK in self.channels:
                deviations[NETWORK] = found.logits.astype(np.float64)
            if LEARNED in self.channels:
                distance = self.banks[LEARNED].distance(found.features).astype(np.float64)
                deviations[LEARNED] = distance[near].mean(axis=1)
        if self.surface is None or SURFACE not in self.channels:
            return Deviations(cloud.rows, deviations, cloud.stray, kinds=kinds)
        placed = self.surface.compare(cloud)
        deviations[SURFACE] = placed.deviations
        scale = self.normalization.scale(self.category)
        heights = Heights(scale * placed.heights, scale * placed.spread)
        there = placed.placement
        placement = replace(there, points=scale * there.points)
        return Deviations(cloud.rows, deviations, cloud.stray, heights, placement, kinds)


def bank_features(
    cloud: PreparedCloud, predictor: Predictor | None, channels: Collection[str]
) -> dict[str, Float32Array]:
    """Per prototype channel the features (M, F) that its memory bank holds."""
    features = {}
    if HISTOGRAMS in channels:
        features[HISTOGRAMS] = smooth_features(cloud.histograms, cloud.neighbors)
    if LEARNED in channels and predictor is not None:
        features[LEARNED] = predictor.infer(cloud).features
    return features


def smooth_features(features: Float32Array, neighbors: NDArray[np.integer]) -> Float32Array:
    """Mean (M, F) of the features over the nearest 32 points."""
    total = features[neighbors[:, 0]].copy()
    for column in range(1, SMOOTHING):
        total += features[neighbors[:, column]]
    return total / np.float32(SMOOTHING)


def to_checkpoint(
    models: Mapping[str, PointwiseModel],
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and a JSON document of all categories; the network, which they share, is in it once.

    Args:
        models: by category, at least one.
    """
    first = next(iter(models.values()))
    categories: dict[str, Any] = {}
    document: dict[str, Any] = {
        "network": None,
        "test_time_offsets": first.test_time_offsets,
        "categories": categories,
    }
    tensors: dict[str, torch.Tensor] = {}
    if first.predictor is not None:
        tensors, document["network"] = first.predictor.to_checkpoint()
    for name, model in models.items():
        parts, categories[name] = _category_to_checkpoint(model)
        tensors |= with_prefix(f"{name}/", parts)
    return tensors, document


def from_checkpoint(
    tensors: Tensors, document: Mapping[str, Any], normalization: Normalization
) -> dict[str, PointwiseModel]:
    """The inverse of ``to_checkpoint``.

    Raises:
        KeyError: something is missing.
        CheckpointError: the network's tensors do not fit its configuration.
    """
    network = document["network"]
    predictor = None if network is None else Predictor.from_checkpoint(tensors, network)
    models = {}
    for name, record in document["categories"].items():
        parts, surface = below(f"{name}/", tensors), record["surface"]
        models[name] = PointwiseModel(
            name,
            normalization,
            predictor,
            {channel: MemoryBank(parts[f"bank.{channel}"].numpy()) for channel in record["banks"]},
            None
            if surface is None
            else NominalSurface.from_checkpoint(below("surface.", parts), surface),
            tuple(record["channels"]),
            document["test_time_offsets"],
        )
    return models


def _category_to_checkpoint(
    model: PointwiseModel,
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    record: dict[str, Any] = {
        "channels": list(model.channels),
        "banks": sorted(model.banks),
        "surface": None,
    }
    tensors = {
        f"bank.{channel}": torch.from_numpy(bank.prototypes)
        for channel, bank in model.banks.items()
    }
    if model.surface is not None:
        parts, record["surface"] = model.surface.to_checkpoint()
        tensors |= with_prefix("surface.", parts)
    return tensors, record
