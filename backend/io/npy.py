"""NumPy files: one array (npy), or named arrays (npz). Nothing is ever unpickled."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import as_table, cloud_from_columns, columns_from_cloud
from backend.io.limits import ReadLimits, check_columns
from backend.io.organised import in_image, is_organised, pixel_fields, without_pixels

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
    """An array (N, 3), (N, 6) with normals, or a structured one with x, y and z.

    One with two axes in place of the first is organised.
    """
    return _cloud(_array(data), {}, limits)


def parse_npz(data: bytes, limits: ReadLimits) -> PointCloud:
    """``points`` (N, 3), and if there ``normals``, ``faces`` and further arrays of N rows.

    ``points`` (rows, columns, 3) are organised, and the further arrays may be so too.
    """
    arrays = _unpack(data, limits)
    name = next((name for name in POINT_NAMES if name in arrays), None)
    if name is None:
        raise FileFormatError(
            f"the archive holds {', '.join(arrays) or 'nothing'}; name the (N, 3) array 'points'"
        )
    points = arrays.pop(name)
    return _cloud(points, arrays, limits)


def _cloud(points: NDArray, others: dict[str, NDArray], limits: ReadLimits) -> PointCloud:
    """The cloud of an array of points, organised if it is an image, and of further arrays."""
    image = points.shape[:2] if points.ndim == (2 if points.dtype.names else 3) else None
    count = math.prod(image or points.shape[:1])
    limits.check_points(count)
    if points.dtype.names:
        check_columns(len(points.dtype.names))
        flat = points.reshape(count)
        cloud = cloud_from_columns({name: flat[name] for name in points.dtype.names})
    else:
        cloud = _plain_cloud(points.reshape(count, -1) if image else points, others, image, limits)
    if image is None:
        return cloud
    return replace(cloud, fields={**cloud.fields, **pixel_fields(*image)})


def _plain_cloud(
    points: NDArray,
    others: dict[str, NDArray],
    image: tuple[int, ...] | None,
    limits: ReadLimits,
) -> PointCloud:
    if image is not None:
        # What has a place in the image is in its order.
        others = {
            name: values.reshape(len(points), *values.shape[2:])
            if values.shape[:2] == image
            else values
            for name, values in others.items()
        }
    normals, faces = others.pop("normals", None), others.pop("faces", None)
    if points.ndim == 2 and points.shape[1] == 6:
        points, normals = points[:, :3], points[:, 3:]
    if points.ndim != 2 or points.shape[1] != 3:
        raise FileFormatError(
            f"an array of shape {points.shape} holds no points; save x, y, z as (N, 3) or as "
            "(rows, columns, 3), with normals (N, 6)"
        )
    if points.dtype.kind not in NUMBERS:
        raise FileFormatError(f"the points are of type {points.dtype}, not real numbers")
    limits.check_faces(0 if faces is None or faces.ndim == 0 else len(faces))
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
        raise FileFormatError(f"unknown npy version {version}; known are {list(HEADER_READERS)}")
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
    each of its own type. A cloud whose points have pixels of their own becomes an image of the
    same: (rows, columns, 3) and so on, with NaN where there is no point. Faces are left out.
    """
    image = is_organised(cloud)
    fields = without_pixels(cloud) if image else cloud.fields
    table = as_table(columns_from_cloud(replace(cloud, fields=fields)), {})
    shape: tuple[int, ...] = (len(table),)
    if image:
        table, rows = in_image(cloud, table)
        shape = (rows, len(table) // rows)
    if fields:
        return _npy(table.reshape(shape))
    return _npy(table.view(np.float64).reshape(*shape, -1))


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
