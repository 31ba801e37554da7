"""One labelled sample per file: arrays and the record of its making, as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from backend.cloud import LabeledCloud
from backend.errors import FileFormatError
from backend.io.atomic import write_bytes

FORMAT = "flawsmith-sample-1"
REQUIRED = ("points", "mask", "labels", "weight", "source_index")
DTYPES = {
    "points": np.dtype(np.float64),
    "normals": np.dtype(np.float64),
    "mask": np.dtype(np.bool_),
    "labels": np.dtype(np.int32),
    "weight": np.dtype(np.float64),
    "source_index": np.dtype(np.int64),
}
FIELD_PREFIX = "field."


def write_sample(path: Path | str, labeled: LabeledCloud, record: Mapping[str, Any]) -> Path:
    """Write one sample to ``path``; equal inputs give equal bytes.

    Args:
        path: the file to write, by custom ``*.safetensors``; replaced whole or not at all.
        labeled: the arrays.
        record: how the sample came to be (recipe, seed, source); anything JSON can hold.
    """
    path = Path(path)
    arrays = {name: getattr(labeled, name) for name in DTYPES}
    arrays |= {FIELD_PREFIX + name: values for name, values in labeled.fields.items()}
    tensors = {
        name: np.ascontiguousarray(values, dtype=DTYPES.get(name))
        for name, values in sorted(arrays.items())
        if values is not None
    }
    # One key only: safetensors writes several metadata keys in an order that changes by run.
    document = {"format": FORMAT, "record": dict(record)}
    write_bytes(path, save(tensors, metadata={"flawsmith": json.dumps(document)}))
    return path


def read_sample(path: Path | str) -> tuple[LabeledCloud, dict[str, Any]]:
    """Read a sample that ``write_sample`` wrote: the arrays and the record.

    Raises:
        FileFormatError: the file is damaged, or is no sample of this format.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            document = json.loads((file.metadata() or {}).get("flawsmith", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise FileFormatError(f"{path}: not a readable sample file ({error})") from error
    if document.get("format") != FORMAT:
        found = document.get("format")
        raise FileFormatError(f"{path}: format is {found!r}, expected {FORMAT!r}")
    return _to_labeled(path, tensors), document["record"]


def _to_labeled(path: Path, tensors: dict[str, NDArray[Any]]) -> LabeledCloud:
    missing = [name for name in REQUIRED if name not in tensors]
    if missing:
        raise FileFormatError(f"{path}: the sample lacks {', '.join(missing)}")
    lengths = {name: len(values) for name, values in tensors.items()}
    if len(set(lengths.values())) != 1:
        raise FileFormatError(f"{path}: the arrays have different lengths: {lengths}")
    for name, values in tensors.items():
        if name in DTYPES and values.dtype != DTYPES[name]:
            raise FileFormatError(f"{path}: {name} holds {values.dtype}, not {DTYPES[name]}")
    fields = {
        name.removeprefix(FIELD_PREFIX): values
        for name, values in tensors.items()
        if name.startswith(FIELD_PREFIX)
    }
    return LabeledCloud(
        tensors["points"],
        tensors.get("normals"),
        tensors["mask"],
        tensors["labels"],
        tensors["weight"],
        tensors["source_index"],
        fields,
    )
