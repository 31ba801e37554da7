"""Between named columns, as PLY and PCD hold them, and a point cloud's arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray, IntArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError

POSITION = ("x", "y", "z")
NORMAL = ("nx", "ny", "nz")
# PCL's names for the same.
PCL_NORMAL = ("normal_x", "normal_y", "normal_z")
# Known in any case; of fields, names differ by their case.
KNOWN = (*POSITION, *NORMAL, *PCL_NORMAL)


def cloud_from_columns(columns: Mapping[str, NDArray], faces: IntArray | None = None) -> PointCloud:
    """Positions and normals by their names in any case; every other column becomes a field.

    Raises:
        FileFormatError: there is no x, y or z.
    """
    columns = _with_known_names(columns)
    missing = [name for name in POSITION if name not in columns]
    if missing:
        raise FileFormatError(
            f"the points have {', '.join(columns) or 'no columns'} but no {', '.join(missing)}; "
            "export positions as x, y, z"
        )
    normals = None
    taken = set(POSITION)
    for names in (NORMAL, PCL_NORMAL):
        if all(name in columns for name in names):
            normals = _stack(columns, names)
            taken |= set(names)
    fields = {name: np.array(column) for name, column in columns.items() if name not in taken}
    return PointCloud(_stack(columns, POSITION), normals, faces, fields)


def _with_known_names(columns: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Known names in lower case, unless that would make two columns one."""
    return {
        name.lower() if name.lower() in KNOWN and name.lower() not in columns else name: column
        for name, column in columns.items()
    }


def columns_from_cloud(cloud: PointCloud) -> dict[str, NDArray]:
    """One-dimensional columns: positions, normals if known, then the fields.

    A field (N, C) is split into ``name_0`` … ``name_{C-1}``.
    """
    columns = dict(zip(POSITION, cloud.points.T, strict=True))
    if cloud.normals is not None:
        columns |= zip(NORMAL, cloud.normals.T, strict=True)
    for name, values in cloud.fields.items():
        if values.ndim == 1:
            columns[name] = values
        else:
            flat = values.reshape(len(values), -1)
            columns |= {f"{name}_{index}": flat[:, index] for index in range(flat.shape[1])}
    return columns


def as_table(columns: Mapping[str, NDArray], replaced: Mapping[str, str]) -> NDArray[np.void]:
    """The columns (N,) as one structured little-endian array (N,).

    Args:
        columns: by name.
        replaced: numpy type codes that the format lacks, and what stands in for them.

    Raises:
        FileFormatError: a column is not of numbers, or has a value that its stand-in cannot hold.
    """
    types = {name: _type_code(column, replaced) for name, column in columns.items()}
    table = np.empty(len(columns["x"]), dtype=[(name, f"<{types[name]}") for name in columns])
    for name, column in columns.items():
        if column.dtype.kind not in "biuf" or column.dtype.itemsize > 8:
            raise FileFormatError(f"field {name!r} has type {column.dtype}, not numbers")
        if not name.isascii() or len(name.split()) != 1:
            raise FileFormatError(f"a field's name must be one ascii word to be written: {name!r}")
        table[name] = column
        if column.dtype.kind in "iu" and not _held(table[name], column):
            raise FileFormatError(f"field {name!r} has values beyond the type {types[name]!r}")
    return table


def _held(written: NDArray, column: NDArray) -> bool:
    """Whether whole numbers are the same after they took another type."""
    with np.errstate(invalid="ignore"):
        return np.array_equal(written.astype(column.dtype), column)


def _type_code(column: NDArray, replaced: Mapping[str, str]) -> str:
    code = column.dtype.str[1:]
    return replaced.get(code, code)


def _stack(columns: Mapping[str, NDArray], names: tuple[str, str, str]) -> FloatArray:
    # Signalling NaN, which damage makes, is no reason to warn.
    with np.errstate(invalid="ignore"):
        return np.stack([np.asarray(columns[name], dtype=np.float64) for name in names], axis=1)
