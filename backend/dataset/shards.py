"""One cloud per file, with the record of its making, as safetensors: samples and nominal scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import FileFormatError
from backend.io.arrays import read_arrays, read_document, write_arrays

SUFFIX = ".safetensors"
FORMAT = "flawsmith-sample-1"
SCAN_FORMAT = "flawsmith-scan-1"
REQUIRED = ("points", "mask", "labels", "weight", "source_index")
DTYPES = {
    "points": np.dtype(np.float64),
    "normals": np.dtype(np.float64),
    "mask": np.dtype(np.bool_),
    "labels": np.dtype(np.int32),
    "weight": np.dtype(np.float64),
    "source_index": np.dtype(np.int64),
}
SCAN_DTYPES = {
    "points": np.dtype(np.float64),
    "normals": np.dtype(np.float64),
    "faces": np.dtype(np.int64),
    "rows": np.dtype(np.int64),
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
    _write(path, FORMAT, {name: getattr(labeled, name) for name in DTYPES}, labeled.fields, record)
    return path


def write_scan(path: Path | str, cloud: PointCloud, record: Mapping[str, Any]) -> Path:
    """Write a scan without a defect, else as ``write_sample``; its unit is for the record to say.

    Args:
        path: the file to write, by custom ``*.safetensors``; replaced whole or not at all.
        cloud: points, and normals and faces where it has them.
        record: where the scan is from; anything JSON can hold.
    """
    path = Path(path)
    arrays = {name: getattr(cloud, name) for name in SCAN_DTYPES}
    _write(path, SCAN_FORMAT, arrays, cloud.fields, record)
    return path


def _write(
    path: Path,
    kind: str,
    arrays: Mapping[str, NDArray[Any] | None],
    fields: Mapping[str, NDArray[Any]],
    record: Mapping[str, Any],
) -> None:
    named = {**arrays, **{FIELD_PREFIX + name: values for name, values in fields.items()}}
    tensors = {
        name: np.asarray(values, dtype=(DTYPES | SCAN_DTYPES).get(name))
        for name, values in named.items()
        if values is not None
    }
    write_arrays(path, tensors, {"format": kind, "record": dict(record)})


def read_sample(path: Path | str) -> tuple[LabeledCloud, dict[str, Any]]:
    """Read a sample that ``write_sample`` wrote: the arrays and the record.

    Raises:
        FileFormatError: the file is damaged, or is no sample of this format.
    """
    path = Path(path)
    tensors, record = _read(path, FORMAT)
    _check(path, tensors, REQUIRED, DTYPES)
    return LabeledCloud(
        tensors["points"],
        tensors.get("normals"),
        tensors["mask"],
        tensors["labels"],
        tensors["weight"],
        tensors["source_index"],
        _fields(tensors),
    ), record


def read_scan(path: Path | str) -> tuple[PointCloud, dict[str, Any]]:
    """Read a scan that ``write_scan`` wrote: the cloud, without a unit, and the record.

    Raises:
        FileFormatError: the file is damaged, or is no scan of this format.
    """
    path = Path(path)
    tensors, record = _read(path, SCAN_FORMAT)
    faces = tensors.pop("faces", None)
    _check(path, tensors, ("points",), SCAN_DTYPES)
    cloud = PointCloud(
        tensors["points"],
        tensors.get("normals"),
        faces,
        _fields(tensors),
        rows=tensors.get("rows"),
    )
    return cloud, record


def read_record(path: Path | str) -> dict[str, Any]:
    """The record alone of a sample or of a scan.

    Raises:
        FileFormatError: the file is damaged, or is neither.
    """
    path = Path(path)
    return _record(path, read_document(path), FORMAT, SCAN_FORMAT)


def _read(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    tensors, document = read_arrays(path)
    return tensors, _record(path, document, kind)


def _record(path: Path, document: Mapping[str, Any], *kinds: str) -> dict[str, Any]:
    if document.get("format") not in kinds:
        found, wanted = document.get("format"), " or ".join(map(repr, kinds))
        raise FileFormatError(
            f"{path}: the format is {found!r}, not {wanted}; give files of flawsmith synthesize"
        )
    record: dict[str, Any] = document["record"]
    return record


def _check(
    path: Path,
    tensors: Mapping[str, NDArray[Any]],
    required: tuple[str, ...],
    dtypes: Mapping[str, np.dtype[Any]],
) -> None:
    missing = [name for name in required if name not in tensors]
    if missing:
        raise FileFormatError(
            f"{path}: the sample lacks {', '.join(missing)}; make the data set again"
        )
    lengths = {name: len(values) for name, values in tensors.items()}
    if len(set(lengths.values())) != 1:
        raise FileFormatError(
            f"{path}: the arrays have different lengths: {lengths}; make the data set again"
        )
    for name, values in tensors.items():
        if name in dtypes and values.dtype != dtypes[name]:
            raise FileFormatError(f"{path}: {name} holds {values.dtype}, not {dtypes[name]}")


def _fields(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(FIELD_PREFIX): values
        for name, values in tensors.items()
        if name.startswith(FIELD_PREFIX)
    }
