"""What was read organised can be written organised."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import ENCODED_WRITERS, WRITERS, parse_cloud
from backend.io.organised import cloud_from_image

PIXELS = ["row", "column", "image_rows", "image_columns"]


@pytest.fixture
def image() -> np.ndarray:
    """(7, 9, 3) float32, NaN in a third of the pixels and at the edges."""
    rng = np.random.default_rng(5)
    image = rng.normal(size=(7, 9, 3)).astype(np.float32)
    image[rng.random((7, 9)) < 0.3] = np.nan
    image[-1], image[:, -1] = np.nan, np.nan
    return image


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _files(image: np.ndarray) -> dict[str, tuple[str, bytes]]:
    measured = parse_cloud(_npy(image), ".npy")
    structured = image.copy().view([("x", "f4"), ("y", "f4"), ("z", "f4")])[..., 0]
    return {
        "npy": (".npy", _npy(image)),
        "npy structured": (".npy", _npy(structured)),
        "npz": (".npz", _npz(points=image)),
        "tiff": (".tiff", WRITERS[".tiff"](measured)),
        **{
            f"pcd {name}": (".pcd", ENCODED_WRITERS[".pcd"](measured, name))
            for name in ("ascii", "binary", "binary_compressed")
        },
    }


@pytest.mark.parametrize("kind", _files(np.ones((2, 2, 3), np.float32)))
def test_points_keep_their_places_from_every_format_to_every_format(
    image: np.ndarray, kind: str
) -> None:
    suffix, data = _files(image)[kind]
    cloud = parse_cloud(data, suffix)
    row, column = np.nonzero(np.isfinite(image).all(axis=2))
    np.testing.assert_array_equal(cloud.points, image[row, column].astype(float))
    np.testing.assert_array_equal(cloud.rows, row * 9 + column)
    np.testing.assert_array_equal(cloud.fields["row"], row)
    np.testing.assert_array_equal(cloud.fields["column"], column)
    assert (cloud.fields["image_rows"] == 7).all() and (cloud.fields["image_columns"] == 9).all()
    assert list(cloud.fields) == PIXELS
    for other in (".npy", ".pcd", ".tiff", ".ply"):
        back = parse_cloud(WRITERS[other](cloud), other)
        np.testing.assert_array_equal(back.points, cloud.points)
        for name in PIXELS:
            np.testing.assert_array_equal(back.fields[name], cloud.fields[name])


def test_the_image_is_written_as_it_was(image: np.ndarray) -> None:
    cloud = parse_cloud(_npy(image), ".npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(WRITERS[".npy"](cloud))), image)
    header = WRITERS[".pcd"](cloud).split(b"DATA")[0]
    assert b"WIDTH 9\nHEIGHT 7\n" in header and b"FIELDS x y z\n" in header


def test_normals_and_values_keep_their_places_too(image: np.ndarray) -> None:
    cloud = parse_cloud(_npy(image), ".npy")
    normals = np.tile([0.0, 0.0, 1.0], (len(cloud), 1))
    value = np.arange(len(cloud), dtype=np.int32)
    full = replace(cloud, normals=normals, fields={**cloud.fields, "value": value})
    for suffix in (".npy", ".pcd"):
        back = parse_cloud(WRITERS[suffix](full), suffix)
        np.testing.assert_array_equal(back.normals, normals)
        np.testing.assert_array_equal(back.fields["value"], value)
        np.testing.assert_array_equal(back.rows, cloud.rows)
    plain = np.load(io.BytesIO(WRITERS[".npy"](replace(cloud, normals=normals))))
    assert plain.shape == (7, 9, 6)
    assert np.load(io.BytesIO(WRITERS[".npy"](full))).shape == (7, 9)


def test_further_arrays_of_an_archive_may_be_images(image: np.ndarray) -> None:
    normals = np.zeros_like(image)
    normals[..., 2] = 1.0
    value = np.arange(63).reshape(7, 9)
    cloud = parse_cloud(
        _npz(points=image, normals=normals, value=value, flat=value.ravel()), ".npz"
    )
    np.testing.assert_array_equal(cloud.fields["value"], cloud.rows)
    np.testing.assert_array_equal(cloud.fields["flat"], cloud.rows)
    assert cloud.normals is not None


def test_points_that_share_a_pixel_are_written_as_a_list(image: np.ndarray) -> None:
    cloud = parse_cloud(_npy(image), ".npy")
    fields = {name: np.repeat(values, 2) for name, values in cloud.fields.items()}
    twice = PointCloud(np.repeat(cloud.points, 2, axis=0), fields=fields)
    for suffix in (".npy", ".pcd"):
        back = parse_cloud(WRITERS[suffix](twice), suffix)
        np.testing.assert_array_equal(back.points, twice.points)
        assert back.rows is None


@pytest.mark.parametrize("shape", [(3, 7, 9), (7, 9, 4), (7, 9), (2, 3, 4, 3), (63,)])
def test_arrays_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FileFormatError, match=r"^an array of shape \(.*\) holds no points; save x"):
        parse_cloud(_npy(np.ones(shape)), ".npy")


def test_an_image_without_measurements_is_refused() -> None:
    data = _npy(np.zeros((4, 5, 3)))
    with pytest.raises(FileFormatError, match=r"20 of 20 points were left out: \(0, 0, 0\)"):
        parse_cloud(data, ".npy")
    assert len(cloud_from_image(np.zeros((4, 5, 3)))) == 20
