"""NumPy files: one array (npy), or named arrays (npz). Nothing is ever unpickled."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.limits import ReadLimits, check_columns

# Kinds of real numbers.
NUMBERS = "biuf"
# An archive may unpack to this much, or to as many times its own size if that is more. Points of a
# part hardly shrink by more than ten.
SMALL_ARCHIVE, MAX_RATIO = 64 * 1024**2, 100
POINT_NAMES = ("points", "xyz", "arr_0")
HEADER_READERS: dict[tuple[int, int], Callable] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}


def parse_npy(data: bytes, limits: ReadLimits) -> PointCloud:
    """An array (N, 3), (N, 6) with normals, or a structured one with x, y and z."""
    return _cloud(_array(data), {}, limits)


def parse_npz(data: bytes, limits: ReadLimits) -> PointCloud:
    """``points`` (N, 3), and if there ``normals``, ``faces`` and further arrays of N rows."""
    arrays = _unpack(data, limits)
    name = next((name for name in POINT_NAMES if name in arrays), None)
    if name is None:
        raise FileFormatError(
            f"the archive holds {', '.join(arrays) or 'nothing'}; name the (N, 3) array 'points'"
        )
    points = arrays.pop(name)
    return _cloud(points, arrays, limits)


def _cloud(points: NDArray, others: dict[str, NDArray], limits: ReadLimits) -> PointCloud:
    limits.check_points(len(points) if points.ndim else 0)
    if points.dtype.names:
        check_columns(len(points.dtype.names))
        return cloud_from_columns({name: points[name] for name in points.dtype.names})
    normals, faces = others.pop("normals", None), others.pop("faces", None)
    if points.ndim == 2 and points.shape[1] == 6:
        points, normals = points[:, :3], points[:, 3:]
    if points.dtype.kind not in NUMBERS:
        raise FileFormatError(f"the points are of type {points.dtype}, not real numbers")
    limits.check_faces(0 if faces is None else len(faces))
    fields = {
        name: values
        for name, values in others.items()
        if values.ndim and len(values) == len(points) and values.dtype.kind in NUMBERS
    }
    return PointCloud(points, normals, faces, fields)


def _unpack(data: bytes, limits: ReadLimits) -> dict[str, NDArray]:
    """The arrays of an archive, after its directory promised that they are not too large."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        unpacked = sum(info.file_size for info in members)
        limit = min(limits.max_bytes, max(SMALL_ARCHIVE, MAX_RATIO * len(data)))
        if unpacked > limit:
            raise FileFormatError(
                f"the archive of {len(data)} bytes unpacks to {unpacked}, "
                f"more than the limit of {limit}; save it without compression"
            )
        # A directory that lies is no help: a member is never read beyond its promised size.
        return {info.filename.removesuffix(".npy"): _array(archive.read(info)) for info in members}


def _array(data: bytes) -> NDArray:
    """The array in the bytes of an npy file.

    Raises:
        FileFormatError: Python objects, or another size than the header promises.
    """
    stream = io.BytesIO(data)
    version = npy_format.read_magic(stream)
    if version not in HEADER_READERS:
        raise FileFormatError(f"npy version {version} is none of {list(HEADER_READERS)}")
    shape, fortran, dtype = HEADER_READERS[version](stream)
    if dtype.hasobject:
        raise FileFormatError(
            "the array holds Python objects, which are never loaded; save an array of numbers"
        )
    if dtype.itemsize == 0:
        raise FileFormatError(f"the array is of type {dtype}, which holds nothing")
    promised, available = math.prod(shape) * dtype.itemsize, len(data) - stream.tell()
    if promised != available:
        raise FileFormatError(
            f"an array {shape} of {dtype} has {promised} bytes, but {available} follow; "
            "the file is cut off"
        )
    array = np.frombuffer(data, dtype, offset=stream.tell())
    return array.reshape(shape, order="F" if fortran else "C")


def format_npy(cloud: PointCloud) -> bytes:
    """An array of doubles: (N, 3), or (N, 6) with normals; with fields a structured one.

    A structured array has the columns x, y, z, then nx, ny, nz if known, and the fields by name,
    each of its own type. Faces are left out.
    """
    if cloud.fields:
        return _npy(as_table(columns_from_cloud(cloud), {}))
    parts = [cloud.points] if cloud.normals is None else [cloud.points, cloud.normals]
    return _npy(np.hstack(parts))


def _npy(array: NDArray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def format_npz(cloud: PointCloud) -> bytes:
    """Everything: ``points``, ``normals``, ``faces``, and each field under its name."""
    known = {"points": cloud.points, "normals": cloud.normals, "faces": cloud.faces}
    arrays = {name: array for name, array in known.items() if array is not None}
    stream = io.BytesIO()
    np.savez(stream, **dict(cloud.fields), **arrays)
    return stream.getvalue()
