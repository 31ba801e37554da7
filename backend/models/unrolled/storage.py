"""Unrolled models as tensors and a JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.errors import CheckpointError
from backend.models.family import below, with_prefix
from backend.models.normalization import Normalization
from backend.models.unrolled.height_map import HeightGrid
from backend.models.unrolled.inputs import NominalSpread
from backend.models.unrolled.matching import MapBank
from backend.models.unrolled.model import UnrolledConfig, UnrolledModel
from backend.models.unrolled.network import UnrolledNetwork
from backend.models.unrolled.outline import Outline, Profile
from backend.models.unrolled.spread import Spread

Tensors = dict[str, torch.Tensor]

SPREADS = ("magnitude", "missing")
PEERS = "peers."


def to_checkpoint(models: Mapping[str, UnrolledModel]) -> tuple[Tensors, dict[str, Any]]:
    """Tensors and a JSON document of the models by category."""
    tensors: Tensors = {}
    document: dict[str, Any] = {}
    for name, model in models.items():
        parts, document[name] = _model_to_checkpoint(model)
        tensors |= with_prefix(f"{name}/", parts)
    return tensors, document


def from_checkpoint(
    tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any], _: Normalization
) -> dict[str, UnrolledModel]:
    """The inverse of ``to_checkpoint``; the maps have a scale of their own.

    Raises:
        CheckpointError: something is missing, or does not fit.
    """
    return {
        name: _model_from_checkpoint(below(f"{name}/", tensors), record)
        for name, record in document.items()
    }


def _model_to_checkpoint(model: UnrolledModel) -> tuple[Tensors, dict[str, Any]]:
    """Tensors by name and what else there is to know."""
    profile = model.grid.outline.profile
    arrays: dict[str, NDArray[Any]] = {
        "profile": profile.radii,
        "corners": model.grid.outline.corners,
        "bank.height": model.bank.height.astype(np.float16),
        "bank.seen": np.packbits(model.bank.seen.astype(bool), axis=-1),
        "bank.tilt": model.bank.tilt,
    }
    arrays |= _spread_to_arrays("", model.spread)
    if model.peer_spread is not None:
        arrays |= _spread_to_arrays(PEERS, model.peer_spread)
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    for number, network in enumerate(model.networks):
        weights = network.state_dict()
        tensors |= {f"network.{number}.{name}": value for name, value in weights.items()}
    document = {
        "config": asdict(model.config),
        "cell": model.grid.outline.cell,
        "first": profile.first,
        "width": profile.width,
        "rows": model.grid.rows,
        "columns": model.grid.columns,
        "networks": [
            {"inputs": n.inputs, "width": n.width, "kinds": list(n.kinds)} for n in model.networks
        ],
    }
    return tensors, document


def _model_from_checkpoint(
    tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]
) -> UnrolledModel:
    """The inverse of ``_model_to_checkpoint``.

    Raises:
        CheckpointError: something is missing, or does not fit.
    """
    try:
        arrays = {name: t.numpy() for name, t in tensors.items() if not name.startswith("network.")}
        profile = Profile(arrays["profile"], document["first"], document["width"])
        outline = Outline(profile, arrays["corners"], document["cell"])
        grid = HeightGrid(outline, document["rows"], document["columns"])
        seen = np.unpackbits(arrays["bank.seen"], axis=-1, count=grid.columns).astype(np.float32)
        bank = MapBank(arrays["bank.height"].astype(np.float32), seen, arrays["bank.tilt"])
        spread = _spread_from_arrays("", arrays)
        has_peers = any(name.startswith(PEERS) for name in arrays)
        peer_spread = _spread_from_arrays(PEERS, arrays) if has_peers else None
        networks = [
            _network(shape, tensors, f"network.{number}.")
            for number, shape in enumerate(document["networks"])
        ]
        config = UnrolledConfig.from_record(document["config"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"the unrolled model is incomplete: {error}") from error
    return UnrolledModel(grid, bank, spread, networks, config, peer_spread)


def _spread_to_arrays(prefix: str, spread: NominalSpread) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name in SPREADS:
        part: Spread = getattr(spread, name)
        arrays[f"{prefix}{name}.tilts"] = part.tilts
        arrays[f"{prefix}{name}.values"] = part.values.astype(np.float16)
    return arrays


def _spread_from_arrays(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> NominalSpread:
    """The inverse of ``_spread_to_arrays``."""
    parts = {
        name: Spread(
            arrays[f"{prefix}{name}.tilts"], arrays[f"{prefix}{name}.values"].astype(np.float32)
        )
        for name in SPREADS
    }
    return NominalSpread(**parts)


def _network(
    shape: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], prefix: str
) -> UnrolledNetwork:
    network = UnrolledNetwork(**shape)  # those of earlier versions know no kinds
    weights = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    network.load_state_dict(weights)
    return network.eval()
