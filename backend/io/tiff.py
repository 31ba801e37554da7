"""Organised TIFF: an image whose three samples are x, y, z, as MVTec 3D-AD has its scans.

A pixel (0, 0, 0) or NaN has no depth and becomes no point. Each point keeps its place in the image
in four fields, so that it can be written back into the same image: ``row`` and ``column`` of its
pixel, and ``image_rows`` and ``image_columns``, the same for all. Other fields, normals and faces
are left out: an image of positions has no place for them.

MVTec 3D-AD (Bergmann et al., VISAPP 2022) has (H, W, 3) float32 in metres.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import FileFormatError, MissingDependencyError
from backend.io.isolation import parse_isolated
from backend.io.limits import ReadLimits
from backend.io.tiff_header import read_header

PIXEL = ("row", "column")
IMAGE = ("image_rows", "image_columns")


def parse_tiff(data: bytes, limits: ReadLimits) -> PointCloud:
    """All pixels, row by row; see the module for the fields.

    Raises:
        FileFormatError: not one image of three samples, or damaged.
        MissingDependencyError: tifffile is not installed.
    """
    _tifffile()
    header = read_header(data)
    limits.check_points(header.rows * header.columns)
    limits.check_bytes(header.unpacked)
    return parse_isolated(decode_tiff, data, replace(limits, max_bytes=header.unpacked))


def decode_tiff(data: bytes, limits: ReadLimits) -> PointCloud:
    """As ``parse_tiff``, of a file whose header is known to be honest; runs in a worker."""
    with _tifffile().TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        image = page.asarray(maxworkers=1)
        if page.planarconfig == 2:
            image = np.moveaxis(image, 0, -1)
    header = read_header(data)
    if image.shape != (header.rows, header.columns, 3) or image.dtype.kind != "f":
        raise FileFormatError(
            f"the image has shape {image.shape} of {image.dtype}; x, y, z of each pixel must be "
            f"{(header.rows, header.columns, 3)} of floats"
        )
    return cloud_from_image(image)


def cloud_from_image(image: NDArray) -> PointCloud:
    """All pixels of ``image`` (H, W, 3), row by row, with the fields that keep their places."""
    rows, columns, _ = image.shape
    row, column = np.divmod(np.arange(rows * columns, dtype=np.int32), np.int32(columns))
    size = (np.full_like(row, length) for length in (rows, columns))
    fields = dict(zip((*PIXEL, *IMAGE), (row, column, *size), strict=True))
    return PointCloud(image.reshape(-1, 3).astype(np.float64), fields=fields)


def format_tiff(cloud: PointCloud) -> bytes:
    """The points in their pixels, as one uncompressed (H, W, 3) float32 image.

    The image is as large as the fields ``image_rows`` and ``image_columns`` say, or without them
    just large enough.

    Raises:
        FileFormatError: the points have no ``row`` and ``column``, two share a pixel, or one cannot
            be told from a pixel without depth.
        MissingDependencyError: tifffile is not installed.
    """
    row, column = (_whole(cloud, name) for name in PIXEL)
    rows, columns = _image_size(cloud, row, column)
    _check_pixels(row, column, columns)
    image = np.zeros((rows, columns, 3), np.float32)
    image[row, column] = cloud.points
    lost = ~(image[row, column] != 0).any(axis=1)
    if lost.any():
        raise FileFormatError(
            f"point {int(np.argmax(lost))} is at (0, 0, 0), which means no depth in a TIFF; move "
            "the cloud or write PLY"
        )
    stream = io.BytesIO()
    _tifffile().imwrite(
        stream, image, photometric="rgb", planarconfig="contig", metadata=None, software="flawsmith"
    )
    return stream.getvalue()


def _whole(cloud: PointCloud, name: str) -> NDArray[np.int64]:
    """A field (N,) of whole numbers of 0 or more."""
    if name not in cloud.fields:
        raise FileFormatError(
            "TIFF needs each point's pixel in fields 'row' and 'column', as a scan that was read "
            f"from a TIFF has; the points have {', '.join(cloud.fields) or 'no fields'}; write PLY"
        )
    values = np.asarray(cloud.fields[name])
    whole = values.astype(np.int64)
    if values.shape != (len(cloud),) or (whole != values).any() or (whole < 0).any():
        raise FileFormatError(f"field {name!r} must hold whole numbers of 0 or more, one a point")
    return whole


def _image_size(
    cloud: PointCloud, row: NDArray[np.int64], column: NDArray[np.int64]
) -> tuple[int, int]:
    """Rows and columns of the image.

    Raises:
        FileFormatError: a pixel outside, or an image too large to be read back.
    """
    sizes = []
    for name, index in zip(IMAGE, (row, column), strict=True):
        needed = int(index.max()) + 1
        size = int(_whole(cloud, name).max()) if name in cloud.fields else needed
        if size < needed:
            raise FileFormatError(f"a point is in {name[6:-1]} {needed - 1} of {size}")
        sizes.append(size)
    ReadLimits().check_points(sizes[0] * sizes[1])
    return sizes[0], sizes[1]


def _check_pixels(row: NDArray[np.int64], column: NDArray[np.int64], columns: int) -> None:
    pixels, counts = np.unique(row * columns + column, return_counts=True)
    if (counts > 1).any():
        at = divmod(int(pixels[np.argmax(counts)]), columns)
        raise FileFormatError(
            f"{counts.max()} points share the pixel {at}, which holds one; write PLY"
        )


def _tifffile() -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise MissingDependencyError(
            "TIFF files need tifffile; install it by: pip install 'flawsmith[formats]'"
        ) from error
    return tifffile
