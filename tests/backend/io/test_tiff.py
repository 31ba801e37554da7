"""Organised TIFF: pixels become points, and points the same pixels again."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from backend.cloud import PointCloud
from backend.errors import FileFormatError, MissingDependencyError
from backend.io import WRITERS, ReadLimits, parse_cloud, read_cloud, write_cloud


@pytest.fixture
def image() -> np.ndarray:
    """(12, 17, 3) float32 in metres, without depth in a third of the pixels and at the edges."""
    rng = np.random.default_rng(5)
    image = rng.normal(size=(12, 17, 3)).astype(np.float32)
    image[rng.random((12, 17)) < 0.3] = 0.0
    image[-1], image[:, -1] = 0.0, 0.0
    return image


def _file(image: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, image, photometric="rgb", **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"rowsperstrip": 5},
        {"tile": (16, 16), "compression": "zlib"},
    ],
)
def test_pixels_with_depth_become_points(image: np.ndarray, options: dict) -> None:
    cloud = parse_cloud(_file(image, **options), ".tiff")
    row, column = np.nonzero(image.any(axis=2))
    np.testing.assert_array_equal(cloud.points, image[row, column].astype(float))
    np.testing.assert_array_equal(cloud.fields["row"], row)
    np.testing.assert_array_equal(cloud.fields["column"], column)


def test_planes_and_doubles_are_read(image: np.ndarray) -> None:
    planes = np.moveaxis(image.astype(float), 2, 0)
    cloud = parse_cloud(_file(planes, planarconfig="separate"), ".tif")
    np.testing.assert_array_equal(cloud.points, image[image.any(axis=2)].astype(float))


def test_the_same_image_is_written_back(image: np.ndarray, tmp_path) -> None:
    (tmp_path / "scan.tiff").write_bytes(_file(image))
    cloud = read_cloud(tmp_path / "scan.tiff", unit="m")
    assert cloud.unit == "m"
    keep = np.arange(len(cloud)) % 4 != 0
    shuffled = cloud.subset(keep)
    write_cloud(tmp_path / "back.tiff", replace(shuffled, points=shuffled.points * 2.0))
    written = tifffile.imread(tmp_path / "back.tiff")
    assert written.dtype == np.float32
    row, column = np.nonzero(image.any(axis=2))
    expected = image * np.float32(2.0)
    expected[row[~keep], column[~keep]] = 0.0
    np.testing.assert_array_equal(written, expected)


def test_pixels_pass_through_other_formats(image: np.ndarray) -> None:
    cloud = parse_cloud(_file(image), ".tiff")
    text = parse_cloud(WRITERS[".csv"](cloud), ".csv")
    assert WRITERS[".tiff"](text) == WRITERS[".tiff"](cloud)


def test_a_point_at_the_origin_is_told_from_pixels_without_depth(image: np.ndarray) -> None:
    cloud = parse_cloud(_file(image), ".tiff")
    points = cloud.points.copy()
    points[5] = 0.0
    back = parse_cloud(WRITERS[".tiff"](replace(cloud, points=points)), ".tiff")
    np.testing.assert_array_equal(back.points, points)
    np.testing.assert_array_equal(back.rows, cloud.rows)


@pytest.mark.parametrize(
    ("fields", "point", "reason"),
    [
        ({}, 1.0, "each point's pixel .* have no fields"),
        ({"row": [0, 1]}, 1.0, "'row' and 'column'"),
        ({"row": [0, 0], "column": [1, 1]}, 1.0, r"2 points share the pixel \(0, 1\)"),
        ({"row": [0, -1], "column": [1, 1]}, 1.0, "whole numbers of 0 or more"),
        ({"row": [0, 0.5], "column": [1, 1]}, 1.0, "whole numbers of 0 or more"),
        ({"row": [0, 1], "column": [1, 1], "image_rows": [1, 1]}, 1.0, "is in row 1 of 1"),
        ({"row": [0, 1], "column": [0, 0]}, 0.0, "point 0 is at .0, 0, 0., which means no depth"),
        ({"row": [0, 10**6], "column": [0, 10**6]}, 1.0, "more than the limit"),
    ],
)
def test_clouds_that_are_no_image_are_refused(fields: dict, point: float, reason: str) -> None:
    arrays = {name: np.array(values) for name, values in fields.items()}
    cloud = PointCloud(np.full((2, 3), point), fields=arrays)
    with pytest.raises(FileFormatError, match=reason):
        WRITERS[".tiff"](cloud)


def test_other_images_are_refused(image: np.ndarray) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, image[..., 0])
    with pytest.raises(FileFormatError, match="1 samples a pixel"):
        parse_cloud(stream.getvalue(), ".tiff")
    with pytest.raises(FileFormatError, match="several images"):
        parse_cloud(_file(np.stack([image, image])), ".tiff")
    with pytest.raises(FileFormatError, match="of 8 bits"):
        parse_cloud(_file(image.astype(np.uint8)), ".tiff")
    with pytest.raises(FileFormatError, match=r"204 of 204 points were left out: \(0, 0, 0\)"):
        parse_cloud(_file(np.zeros_like(image)), ".tiff")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_giant_dimensions_are_refused_at_once(image: np.ndarray, options: dict) -> None:
    data = _file(image, **options)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        width = file.pages[0].tags["ImageWidth"].valueoffset
    for giant in (2_000_000, 2**32 - 1):
        damaged = (
            data[: width - 6] + b"\4\0\1\0\0\0" + giant.to_bytes(4, "little") + data[width + 4 :]
        )
        with pytest.raises(FileFormatError, match="cannot hold"):
            parse_cloud(damaged, ".tiff")


def test_strips_that_are_nowhere_are_not_taken_for_no_depth(image: np.ndarray) -> None:
    data = _file(image, rowsperstrip=5)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        place = file.pages[0].tags["StripOffsets"].valueoffset
    with pytest.raises(FileFormatError, match="not within the file"):
        parse_cloud(data[: place + 4] + bytes(4) + data[place + 8 :], ".tiff")


def test_an_image_of_more_pixels_than_points_are_allowed_is_refused(image: np.ndarray) -> None:
    with pytest.raises(FileFormatError, match="204 points are more than the limit of 100"):
        parse_cloud(_file(image), ".tiff", limits=ReadLimits(max_points=100))


def test_a_missing_package_is_named(image: np.ndarray, monkeypatch) -> None:
    data = _file(image)
    cloud = parse_cloud(data, ".tiff")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'flawsmith\[formats\]'"):
        parse_cloud(data, ".tiff")
    with pytest.raises(MissingDependencyError, match=r"pip install 'flawsmith\[formats\]'"):
        WRITERS[".tiff"](cloud)
