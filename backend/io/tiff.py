"""Organised TIFF: an image whose three samples are x, y, z, as MVTec 3D-AD has its scans.

A pixel (0, 0, 0) or NaN has no depth and becomes no point; see ``organised`` for how points keep
their pixels. Other fields, normals and faces are left out: an image of positions has no place for
them.

MVTec 3D-AD (Bergmann et al., VISAPP 2022) has (H, W, 3) float32 in metres.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.extras import missing_extra
from backend.io.isolation import parse_isolated
from backend.io.limits import ReadLimits
from backend.io.organised import cloud_from_image, pixels_of
from backend.io.tiff_header import read_header


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


def format_tiff(cloud: PointCloud) -> bytes:
    """The points in their pixels, as one uncompressed (H, W, 3) float32 image.

    Pixels without a point are (0, 0, 0), or NaN where a point is there.

    Raises:
        FileFormatError: the points have no pixels, see ``pixels_of``, or one at (0, 0, 0) cannot be
            told from a pixel without depth, as there is none.
        MissingDependencyError: tifffile is not installed.
    """
    pixel, (rows, columns) = pixels_of(cloud)
    positions = cloud.points.astype(np.float32)
    zero = (positions == 0).all(axis=1)
    if zero.any() and len(pixel) == rows * columns:
        raise FileFormatError(
            f"point {int(np.argmax(zero))} is at (0, 0, 0), which means no depth in a TIFF; move "
            "the cloud or write PLY"
        )
    image = np.full((rows * columns, 3), np.nan if zero.any() else 0.0, np.float32)
    image[pixel] = positions
    stream = io.BytesIO()
    _tifffile().imwrite(
        stream,
        image.reshape(rows, columns, 3),
        photometric="rgb",
        planarconfig="contig",
        metadata=None,
        software="flawsmith",
    )
    return stream.getvalue()


def _tifffile() -> Any:
    try:
        import tifffile
    except ModuleNotFoundError as error:
        raise missing_extra(error, "a TIFF file") from error
    return tifffile
