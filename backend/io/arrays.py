"""Named arrays and one JSON document in a file: safetensors, the one such format, never pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from backend.errors import FileFormatError
from backend.file_names import utf8_path
from backend.io.atomic import write_bytes

# One key only: safetensors writes several metadata keys in an order that changes by run.
KEY = "flawsmith"


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray], document: Mapping[str, Any] | None = None
) -> None:
    """Write ``arrays`` and ``document`` to ``path``, whole or not at all.

    Equal inputs give equal bytes, in whatever order the arrays come.
    """
    contiguous = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    metadata = None if document is None else {KEY: json.dumps(dict(document))}
    write_bytes(path, save(contiguous, metadata=metadata))


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and the document that ``write_arrays`` wrote; without one it is empty.

    Raises:
        FileFormatError: the file is missing or damaged.
    """
    with _opened(path) as (file, document):
        return {name: file.get_tensor(name) for name in file.keys()}, document  # noqa: SIM118


def read_document(path: Path) -> dict[str, Any]:
    """The document alone; raises as ``read_arrays``.

    Opening the file checks that it is as long as its header says, so that it is whole.
    """
    with _opened(path) as (_, document):
        return document


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    try:
        with utf8_path(path) as readable, safe_open(readable, framework="numpy") as file:
            yield file, json.loads((file.metadata() or {}).get(KEY, "{}"))
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: there is no such file") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise FileFormatError(f"{path}: the file cannot be read as safetensors: {error}") from error
