"""The network behind a numpy border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from backend.arrays import BoolArray, Float32Array, IntArray
from backend.errors import CheckpointError
from backend.models.kinds import NO_KIND
from backend.models.pointwise.graphs import PointGraph, build_levels, collate
from backend.models.pointwise.point_transformer import (
    PointOutput,
    PointTransformer,
    PointTransformerConfig,
)
from backend.models.pointwise.preparation import PreparedCloud

STANDARD_LIMIT = 6.0


@dataclass(frozen=True, eq=False)
class Standardization:
    """Brings each feature to mean 0 and standard deviation 1 on nominal points.

    Attributes:
        center, spread: (F,) float32.
    """

    center: Float32Array
    spread: Float32Array

    @classmethod
    def fit(cls, features: Sequence[Float32Array]) -> Standardization:
        """From features (N, F) of nominal clouds."""
        pooled = np.concatenate(features).astype(np.float64)
        spread = np.maximum(pooled.std(axis=0), 1e-6)
        return cls(pooled.mean(axis=0).astype(np.float32), spread.astype(np.float32))

    def apply(self, features: Float32Array) -> Float32Array:
        """(N, F) standardised, limited to six spreads."""
        standard = (features - self.center) / self.spread
        return np.clip(standard, -STANDARD_LIMIT, STANDARD_LIMIT).astype(np.float32)


class Inferred(NamedTuple):
    """What the network says of M points.

    Attributes:
        logits: (M,) of being anomalous.
        features: (M, C), learned.
        kinds: (M, K) logits of the kinds of defects, given that a point is anomalous.
    """

    logits: Float32Array
    features: Float32Array
    kinds: Float32Array


class Predictor:
    """A trained network with the standardisation of its inputs."""

    def __init__(self, network: PointTransformer, standardization: Standardization) -> None:
        self.network = network.eval()
        self.standardization = standardization

    def graph(
        self,
        cloud: PreparedCloud,
        mask: BoolArray | None = None,
        kinds: IntArray | None = None,
        rows: IntArray | None = None,
    ) -> PointGraph:
        """The network's view of a cloud, or of a crop.

        Args:
            cloud: M points.
            mask, kinds: (M,), for training; see ``PointGraph``.
            rows: of the crop; all where not given.
        """
        chosen = slice(None) if rows is None else rows
        points = cloud.points[chosen]
        config = self.network.config
        levels = build_levels(
            points, cloud.normals[chosen], cloud.apart, len(config.channels), config.neighbors
        )
        truth = np.zeros(len(points), dtype=bool) if mask is None else mask[chosen]
        unknown = np.full(len(points), NO_KIND, np.int64)
        numbers = unknown if kinds is None else kinds[chosen]
        features = self.standardization.apply(cloud.invariants[chosen])
        return PointGraph(features, truth, numbers, levels)

    def infer(self, cloud: PreparedCloud) -> Inferred:
        """What the network says of a prepared cloud."""
        batch = collate([self.graph(cloud)]).to(next(self.network.parameters()).device)
        with torch.inference_mode():
            found: PointOutput = self.network(batch)
        return Inferred(*(part.cpu().numpy() for part in found))

    def to_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and a JSON document."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors["standardization.center"] = torch.from_numpy(self.standardization.center)
        tensors["standardization.spread"] = torch.from_numpy(self.standardization.spread)
        return tensors, {
            "model": "point_transformer",
            "config": asdict(self.network.config),
            "kinds": list(self.network.kinds),
        }

    @classmethod
    def from_checkpoint(
        cls, tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]
    ) -> Predictor:
        """The inverse of ``to_checkpoint``.

        Raises:
            CheckpointError: the tensors do not fit the configuration.
        """
        try:
            config = dict(document["config"])
            config["channels"] = tuple(config["channels"])
            # Models of earlier versions know no kinds.
            network = PointTransformer(PointTransformerConfig(**config), document.get("kinds", ()))
            prefix = "network."
            network.load_state_dict(
                {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            )
            standardization = Standardization(
                tensors["standardization.center"].numpy(),
                tensors["standardization.spread"].numpy(),
            )
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"the network does not fit its configuration: {error}") from error
        return cls(network, standardization)
