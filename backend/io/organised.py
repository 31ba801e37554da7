"""Organised scans: points that have their places in an image, as depth cameras measure them.

The points carry four fields through every format that has fields: ``row`` and ``column`` of their
pixel, and ``image_rows`` and ``image_columns``, the same for all. What was read organised can be
written so again; a pixel of which no point is left has no measurement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.arrays import IntArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.columns import NORMAL, POSITION
from backend.io.limits import ReadLimits

PIXEL = ("row", "column")
IMAGE = ("image_rows", "image_columns")


def pixel_fields(rows: int, columns: int) -> dict[str, NDArray[np.int32]]:
    """The four fields (rows * columns,) of all pixels, row by row."""
    row, column = np.divmod(np.arange(rows * columns, dtype=np.int32), np.int32(columns))
    size = (np.full_like(row, length) for length in (rows, columns))
    return dict(zip((*PIXEL, *IMAGE), (row, column, *size), strict=True))


def cloud_from_image(image: NDArray) -> PointCloud:
    """All pixels of ``image`` (H, W, 3), row by row, with the fields that keep their places."""
    rows, columns, _ = image.shape
    return PointCloud(image.reshape(-1, 3), fields=pixel_fields(rows, columns))


def is_organised(cloud: PointCloud) -> bool:
    """Whether each point has a pixel of its own in an image of a size that is known."""
    if any(name not in cloud.fields for name in (*PIXEL, *IMAGE)):
        return False
    try:
        pixels_of(cloud)
    except FileFormatError:
        return False
    return True


def pixels_of(cloud: PointCloud) -> tuple[IntArray, tuple[int, int]]:
    """The pixel (N,) of each point, counted row by row, and rows and columns of the image.

    Without ``image_rows`` and ``image_columns``, the image is just large enough.

    Raises:
        FileFormatError: the points have no ``row`` and ``column``, one is outside, two share a
            pixel, or the image is too large to be read back.
    """
    places = [_whole(cloud, name) for name in PIXEL]
    size = _image_size(cloud, *places)
    pixel = places[0] * size[1] + places[1]
    shared, counts = np.unique(pixel, return_counts=True)
    if (counts > 1).any():
        at = divmod(int(shared[np.argmax(counts)]), size[1])
        raise FileFormatError(
            f"{counts.max()} points share the pixel {at}, which holds one; write PLY"
        )
    return pixel, size


def without_pixels(cloud: PointCloud) -> dict[str, NDArray]:
    """The fields besides the four that keep the points' places."""
    return {name: values for name, values in cloud.fields.items() if name not in (*PIXEL, *IMAGE)}


def in_image(cloud: PointCloud, table: NDArray[np.void]) -> tuple[NDArray[np.void], int]:
    """The rows of ``table`` (N,), one a point of an organised cloud, in its image; and its height.

    Returns:
        (H * W,) row by row. In pixels without a point, positions and normals are NaN, else 0.
    """
    pixel, (rows, columns) = pixels_of(cloud)
    image = np.zeros(rows * columns, table.dtype)
    for name in (*POSITION, *NORMAL):
        if name in (table.dtype.names or ()):
            image[name] = np.nan
    image[pixel] = table
    return image, rows


def _whole(cloud: PointCloud, name: str) -> IntArray:
    """A field (N,) of whole numbers of 0 or more."""
    if name not in cloud.fields:
        raise FileFormatError(
            "an image needs each point's pixel in fields 'row' and 'column', as an organised scan "
            f"has; the points have {', '.join(cloud.fields) or 'no fields'}; write PLY"
        )
    values = np.asarray(cloud.fields[name])
    if values.shape != (len(cloud),) or values.dtype.kind not in "biuf":
        raise FileFormatError(f"field {name!r} must hold one number a point")
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    if (whole != values).any() or (whole < 0).any():
        raise FileFormatError(f"field {name!r} must hold whole numbers of 0 or more, one a point")
    return whole


def _image_size(cloud: PointCloud, row: IntArray, column: IntArray) -> tuple[int, int]:
    sizes = []
    for name, index in zip(IMAGE, (row, column), strict=True):
        needed = int(index.max()) + 1
        size = int(_whole(cloud, name).max()) if name in cloud.fields else needed
        if size < needed:
            raise FileFormatError(f"a point is in {name[6:-1]} {needed - 1} of {size}")
        sizes.append(size)
    ReadLimits().check_points(sizes[0] * sizes[1])
    return sizes[0], sizes[1]
