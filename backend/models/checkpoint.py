"""Model files: tensors and one JSON document in a safetensors file, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from backend.errors import CheckpointError, FileFormatError
from backend.io.arrays import read_arrays, write_arrays
from shared_schema.constants import SCHEMA_VERSION

FORMAT = 6
Tensors = Mapping[str, torch.Tensor]


def save_checkpoint(
    path: Path | str, kind: str, tensors: Tensors, document: Mapping[str, Any]
) -> Path:
    """Write ``tensors`` and ``document`` (JSON) to ``path``, whole or not at all.

    Args:
        path: by custom ``*.safetensors``.
        kind: what the file is for, such as ``"detector"``; asked for again when loading.
    """
    path = Path(path)
    header = {
        "format": FORMAT,
        "kind": kind,
        "schema_version": SCHEMA_VERSION,
        "document": dict(document),
    }
    write_arrays(path, {name: tensor.detach().numpy() for name, tensor in tensors.items()}, header)
    return path


def load_checkpoint(path: Path | str, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what ``save_checkpoint`` wrote.

    Raises:
        CheckpointError: the file is missing, damaged, of another kind, or of another version.
    """
    path = Path(path)
    try:
        arrays, header = read_arrays(path)
    except FileFormatError as error:
        raise CheckpointError(f"{error}; give a model file that flawsmith train wrote") from error
    if "kind" not in header:
        raise CheckpointError(
            f"{path}: the file holds no model; give a model file that flawsmith train wrote"
        )
    expected = {"format": FORMAT, "kind": kind, "schema_version": SCHEMA_VERSION}
    for name, value in expected.items():
        if header.get(name) != value:
            raise CheckpointError(
                f"{path}: {name} is {header.get(name)!r}, but this version needs {value!r}; "
                "train the model again"
            )
    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    return tensors, header["document"]
