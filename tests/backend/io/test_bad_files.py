"""Damaged, empty, lying and oversized files: one error type, with a reason and a way out."""

from __future__ import annotations

import contextlib
import io
import pickle
import zipfile

import numpy as np
import pypcd4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import READERS, WRITERS, ReadLimits, parse_cloud, read_cloud

TEXT_SUFFIXES = (".xyz", ".txt", ".obj")
BINARY_SUFFIXES = tuple(suffix for suffix in READERS if suffix not in TEXT_SUFFIXES)


def _tetrahedron() -> PointCloud:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    return PointCloud(points, faces=faces)


def _file(suffix: str) -> bytes:
    return WRITERS[suffix](_tetrahedron())


def _compressed_pcd() -> bytes:
    cloud = pypcd4.PointCloud.from_xyz_points(np.zeros((500, 3), np.float32))
    stream = io.BytesIO()
    cloud.save(stream, pypcd4.Encoding.BINARY_COMPRESSED)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", READERS)
def test_an_empty_file_says_so(suffix: str) -> None:
    with pytest.raises(FileFormatError, match="empty"):
        parse_cloud(b"", suffix)


@pytest.mark.parametrize("suffix", READERS)
def test_a_file_of_something_else_is_refused(suffix: str) -> None:
    with pytest.raises(FileFormatError):
        parse_cloud(b"\x89PNG\r\n\x1a\n" + bytes(300), suffix)


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_every_truncation_is_noticed(suffix: str) -> None:
    data = _file(suffix)
    for length in range(len(data)):
        with pytest.raises(FileFormatError):
            parse_cloud(data[:length], suffix)


def test_every_truncation_of_a_compressed_pcd_is_noticed() -> None:
    data = _compressed_pcd()
    assert len(parse_cloud(data, ".pcd")) == 500
    for length in range(len(data)):
        with pytest.raises(FileFormatError):
            parse_cloud(data[:length], ".pcd")


@pytest.mark.parametrize("suffix", READERS)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_byte_gives_an_error_or_a_sound_cloud(
    suffix: str, place: int, value: int
) -> None:
    data = bytearray(_file(suffix))
    data[place % len(data)] = value
    try:
        cloud = parse_cloud(bytes(data), suffix)
    except FileFormatError:
        return
    assert np.isfinite(cloud.points).all()
    assert cloud.faces is None or cloud.faces.max() < len(cloud)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_compressed_pcd_gives_an_error_or_a_sound_cloud(place: int, value: int) -> None:
    data = bytearray(_compressed_pcd())
    data[place % len(data)] = value
    with contextlib.suppress(FileFormatError):
        assert np.isfinite(parse_cloud(bytes(data), ".pcd").points).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("suffix", READERS)
def test_a_coordinate_that_is_not_finite_is_refused(suffix: str, bad: float) -> None:
    cloud = _tetrahedron()
    cloud.points[2, 1] = bad
    with np.errstate(invalid="ignore"):
        data = WRITERS[suffix](cloud)
    with pytest.raises(FileFormatError, match="finite"):
        parse_cloud(data, suffix)


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".ply", b"vertex 4", b"vertex 900000000000"),
        (".ply", b"face 4", b"face 900000000000"),
        (".ply", b"vertex 4", b"vertex -1"),
        (".ply", b"vertex 4", b"vertex many"),
        (".ply", b"property double x", b"property complex x"),
        (".ply", b"binary_little_endian", b"binary_middle_endian"),
        (".pcd", b"POINTS 4", b"POINTS 40000000"),
        (".pcd", b"COUNT 1 1 1", b"COUNT 900000000 1 1"),
        (".pcd", b"WIDTH 4", b"WIDTH 5"),
        (".npy", b"(4, 3)", b"(9999999, 3)"),
        (".npy", b"(4, 3)", b"(3, 3)"),
        (".obj", b"f 1 3 2", b"f 1 3 9"),
    ],
)
def test_a_header_that_promises_something_else_is_refused(
    suffix: str, old: bytes, new: bytes
) -> None:
    data = _file(suffix)
    assert old in data
    with pytest.raises(FileFormatError):
        parse_cloud(data.replace(old, new, 1), suffix)


def test_a_binary_stl_of_another_length_is_refused() -> None:
    data = _file(".stl")
    longer = data[:80] + (5).to_bytes(4, "little") + data[84:]
    with pytest.raises(FileFormatError, match="of 5 faces has 334 bytes, this one has 284"):
        parse_cloud(longer, ".stl")


def test_too_many_points_are_refused_by_the_header_alone() -> None:
    with pytest.raises(FileFormatError, match="4 points are more than the limit of 3"):
        parse_cloud(_file(".ply"), ".ply", limits=ReadLimits(max_points=3))


def test_too_large_a_file_is_refused_unread(tmp_path) -> None:
    path = tmp_path / "scan.xyz"
    path.write_bytes(b"not even numbers")
    with pytest.raises(FileFormatError, match="16 bytes are more than the limit of 10"):
        read_cloud(path, limits=ReadLimits(max_bytes=10))


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", bytes(10_000_000))
    assert len(stream.getvalue()) < 20_000
    with pytest.raises(FileFormatError, match="unpacks to 10000000"):
        parse_cloud(stream.getvalue(), ".npz", limits=ReadLimits(max_bytes=1_000_000))


class _Bomb:
    def __reduce__(self) -> tuple:
        return pytest.fail, ("a file was unpickled",)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_nothing_is_unpickled(suffix: str) -> None:
    stream = io.BytesIO()
    objects = np.array([[_Bomb()] * 3], dtype=object)
    if suffix == ".npy":
        np.save(stream, objects, allow_pickle=True)
    else:
        np.savez(stream, points=objects)
    with pytest.raises(FileFormatError, match="never loaded"):
        parse_cloud(stream.getvalue(), suffix)
    with pytest.raises(FileFormatError):
        parse_cloud(pickle.dumps(_Bomb()), suffix)


def test_the_message_names_file_and_way_out(tmp_path) -> None:
    path = tmp_path / "scan.ply"
    path.write_bytes(_file(".ply")[:-40])
    with pytest.raises(FileFormatError, match=r"scan\.ply: .*; (the file is cut off|export)"):
        read_cloud(path)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path) -> None:
    with pytest.raises(FileFormatError, match=r"'\.step' files; use one of \.ply, \.pcd"):
        read_cloud(tmp_path / "part.step")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path) -> None:
    with pytest.raises(FileFormatError, match=r"nowhere\.ply: No such file"):
        read_cloud(tmp_path / "nowhere.ply")
