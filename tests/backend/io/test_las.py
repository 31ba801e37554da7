"""LAS and LAZ: what rounding costs, and what becomes of names that LAS itself knows."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import laspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cloud import PointCloud
from backend.errors import FileFormatError, MissingDependencyError
from backend.io import WRITERS, parse_cloud

SUFFIXES = (".las", ".laz")


def _scan(scale: float = 1.0, offset: float = 0.0) -> PointCloud:
    rng = np.random.default_rng(4)
    return PointCloud(offset + scale * rng.normal(size=(200, 3)) * [1.0, 1e-3, 0.0])


@given(scale=st.floats(1e-6, 1e6), offset=st.floats(-1e7, 1e7))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rounding_is_below_2_to_the_minus_32_of_the_extent(
    suffix: str, scale: float, offset: float
) -> None:
    cloud = _scan(scale, offset)
    back = parse_cloud(WRITERS[suffix](cloud), suffix)
    error = np.abs(back.points - cloud.points).max(axis=0)
    # Doubles that far out are no finer either.
    spacing = np.spacing(np.abs(cloud.points).max(axis=0))
    assert (error <= np.maximum(np.ptp(cloud.points, axis=0) * 2.0**-32, spacing)).all()
    again = parse_cloud(WRITERS[suffix](back), suffix)
    np.testing.assert_array_equal(again.points, back.points)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_point_is_exact(suffix: str) -> None:
    point = np.array([[1.1, -2.2, 3e5]])
    np.testing.assert_array_equal(
        parse_cloud(WRITERS[suffix](PointCloud(point)), suffix).points, point
    )


def test_names_that_las_knows_are_stored_as_such() -> None:
    intensity, label = np.arange(200), np.arange(200) - 100
    cloud = replace(_scan(), fields={"intensity": intensity, "label": label})
    data = WRITERS[".las"](cloud)
    las = laspy.read(io.BytesIO(data))
    np.testing.assert_array_equal(las.intensity, intensity)
    assert list(las.point_format.extra_dimension_names) == ["label"]
    back = parse_cloud(data, ".las")
    np.testing.assert_array_equal(back.fields["intensity"], intensity)
    np.testing.assert_array_equal(back.fields["label"], label)


@pytest.mark.parametrize("values", [np.linspace(0, 1, 200), np.full(200, 70_000)])
def test_values_that_las_cannot_hold_are_refused(values: np.ndarray) -> None:
    cloud = replace(_scan(), fields={"intensity": values})
    with pytest.raises(FileFormatError, match="LAS's own 'intensity' holds whole numbers"):
        WRITERS[".las"](cloud)


def test_names_that_are_too_long_are_refused() -> None:
    cloud = replace(_scan(), fields={"a" * 33: np.zeros(200)})
    with pytest.raises(FileFormatError, match="32 characters"):
        WRITERS[".las"](cloud)


def test_files_and_normals_of_other_programs_are_read() -> None:
    header = laspy.LasHeader(version="1.2", point_format=3)
    header.add_extra_dims([laspy.ExtraBytesParams(f"Normal{axis}", "f4") for axis in "XYZ"])
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.arange(15.0).reshape(5, 3).T
    las.red, las["NormalZ"] = np.arange(5), np.ones(5)
    stream = io.BytesIO()
    las.write(stream)
    cloud = parse_cloud(stream.getvalue(), ".las")
    np.testing.assert_allclose(cloud.points, np.arange(15.0).reshape(5, 3))
    np.testing.assert_array_equal(cloud.normals, np.tile([0.0, 0.0, 1.0], (5, 1)))
    assert list(cloud.fields) == ["red"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("count", [199, 201, 2**31, 2**60])
def test_a_header_with_another_count_is_refused_or_heeded(suffix: str, count: int) -> None:
    data = bytearray(WRITERS[suffix](_scan()))
    data[247:255] = count.to_bytes(8, "little")
    if count > 200:
        with pytest.raises(FileFormatError):
            parse_cloud(bytes(data), suffix)
    else:
        assert len(parse_cloud(bytes(data), suffix)) == count


def test_a_chunk_table_that_lies_is_refused() -> None:
    data = bytearray(WRITERS[".laz"](_scan()))
    start = int.from_bytes(data[96:100], "little")
    table = int.from_bytes(data[start : start + 8], "little")
    data[table + 4 : table + 8] = (2**32 - 1).to_bytes(4, "little")
    with pytest.raises(FileFormatError, match="do not make 4294967295 chunks"):
        parse_cloud(bytes(data), ".laz")


@pytest.mark.parametrize("missing", ["laspy", "lazrs"])
def test_a_missing_package_is_named(missing: str, monkeypatch) -> None:
    data = WRITERS[".laz"](_scan())
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'flawsmith\[formats\]'"):
        parse_cloud(data, ".laz")
    with pytest.raises(MissingDependencyError, match=r"pip install 'flawsmith\[formats\]'"):
        WRITERS[".laz"](_scan())
