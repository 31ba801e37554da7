"""Model files: tensors and one JSON document in a safetensors file, never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from backend.errors import CheckpointError
from backend.file_names import utf8_path
from backend.io.atomic import write_bytes
from shared_schema.constants import SCHEMA_VERSION

FORMAT = 4
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
    contiguous = {name: tensor.detach().contiguous() for name, tensor in sorted(tensors.items())}
    write_bytes(path, save(contiguous, metadata={"flawsmith": json.dumps(header)}))
    return path


def load_checkpoint(path: Path | str, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what ``save_checkpoint`` wrote.

    Raises:
        CheckpointError: the file is missing, damaged, of another kind, or of another version.
    """
    path = Path(path)
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("flawsmith", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: not a readable model file ({error})") from error
    expected = {"format": FORMAT, "kind": kind, "schema_version": SCHEMA_VERSION}
    for name, value in expected.items():
        if header.get(name) != value:
            raise CheckpointError(
                f"{path}: {name} is {header.get(name)!r}, this version needs {value!r}; "
                "train the model again"
            )
    return tensors, header["document"]
