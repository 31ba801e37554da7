"""Damaged, empty, lying and oversized files: one error type, with a reason and a way out."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import re
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pypcd4
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import OTHER_FILES, READERS, WRITERS, ReadLimits, parse_cloud, read_cloud

TEXT_SUFFIXES = (".xyz", ".txt", ".asc", ".csv", ".pts", ".ptx", ".obj")
PTX_HEAD = b"2\n2\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"
FACET = (
    b"facet normal 0 0 1\nouter loop\nvertex 1 2 3\nvertex 3 2 1\nvertex 5 5 5\nendloop\nendfacet\n"
)
BINARY_SUFFIXES = tuple(suffix for suffix in READERS if suffix not in TEXT_SUFFIXES)


def _tetrahedron() -> PointCloud:
    points = np.array([[2.0, 0, 0], [1, 0, 0], [2, 1, 0], [2, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    return PointCloud(points, faces=faces)


def _in_pixels() -> PointCloud:
    return replace(_tetrahedron(), fields={"row": np.arange(4), "column": np.arange(4) % 2})


def _file(suffix: str) -> bytes:
    if suffix == ".ptx":
        return PTX_HEAD + b"2 0 0 0.5\n1 0 0 0.5\n2 1 0 0.5\n2 0 1 0.5\n"
    if suffix == ".pts":
        return b"4\n" + WRITERS[".xyz"](_tetrahedron())
    return WRITERS[suffix](_in_pixels() if suffix.startswith(".tif") else _tetrahedron())


def _compressed_pcd() -> bytes:
    cloud = pypcd4.PointCloud.from_xyz_points(np.ones((500, 3), np.float32))
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
    with pytest.raises(FileFormatError, match="of 5 faces has 334 bytes, but this one has 284"):
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


def test_an_archive_that_grows_a_hundredfold_is_refused() -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, points=np.ones((4_000_000, 3)))
    with pytest.raises(FileFormatError, match="more than the limit of 67108864"):
        parse_cloud(stream.getvalue(), ".npz")


def test_an_array_of_nothing_is_refused_however_long() -> None:
    stream = io.BytesIO()
    header = {"descr": "|V0", "fortran_order": False, "shape": (10**12, 3)}
    npy_format.write_array_header_1_0(stream, header)
    with pytest.raises(FileFormatError, match="holds nothing"):
        parse_cloud(stream.getvalue(), ".npy")


@pytest.mark.parametrize("suffix", [".xyz", ".csv", ".obj"])
def test_a_line_without_end_is_refused(suffix: str) -> None:
    with pytest.raises(FileFormatError, match="a line has more than 65536 bytes"):
        parse_cloud(b"v 1 2 3" + b" 1" * 50_000, suffix)


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".xyz", b"1 2\x1d3\n1 2 3\n"),
        (".obj", b"v 1 2 3\nv 1\x0c2 3\n"),
        (".ply", b"ply\nformat ascii 1.0\x0belement vertex 1\nend_header\n"),
    ],
)
def test_control_characters_are_neither_space_nor_line_ends(suffix: str, data: bytes) -> None:
    with pytest.raises(FileFormatError, match="the file is damaged or binary"):
        parse_cloud(data, suffix)


def test_more_values_per_point_than_make_sense_are_refused() -> None:
    names = "".join(f"property char a{index}\n" for index in range(2000))
    header = f"ply\nformat ascii 1.0\nelement vertex 1\n{names}end_header\n"
    with pytest.raises(FileFormatError, match="2000 values per point"):
        parse_cloud(header.encode() + b"1 " * 2000, ".ply")


def test_faces_beyond_the_limit_are_refused() -> None:
    faces = b"3 0 1 2\n" * 31
    header = b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    header += (
        b"property float z\nelement face 31\nproperty list uchar int vertex_indices\nend_header\n"
    )
    data = header + b"0 0 0\n1 0 0\n0 1 0\n" + faces
    assert len(parse_cloud(data, ".ply").faces) == 31
    with pytest.raises(FileFormatError, match="31 faces are more than three times"):
        parse_cloud(data, ".ply", limits=ReadLimits(max_points=10))


def _bytes_per_byte(data: bytes, suffix: str) -> float:
    """Peak memory of reading, by the size of the file."""
    tracemalloc.start()
    try:
        parse_cloud(data, suffix)
        return tracemalloc.get_traced_memory()[1] / len(data)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("suffix", "head", "row"),
    [
        (".xyz", b"", b"1 2 3\n"),
        (".xyz", b"1 2 3\n", b"#\n"),
        (".csv", b"x,y,z,a\n", b"1,2,3,4\n"),
        (".obj", b"v 1 2 3\n" * 3, b"f 1 2 3\n"),
        (".obj", b"v 1 2 3\n" * 3, b"f 1" + b" 1" * 5000 + b"\n"),
        (".stl", b"solid\n", FACET),
        (".stl", b"solid\n", FACET.replace(b"endloop", b"vertex 1 1 1\nendloop")),
        (".ply", b"ascii 3", b"0\n"),
        (".ply", b"binary_little_endian 3", b"\0"),
        (".ply", b"binary_little_endian 3", b"\xff" + bytes(255)),
    ],
)
def test_memory_is_bounded_by_the_size_of_the_file(suffix: str, head: bytes, row: bytes) -> None:
    count = 200_000 // len(row)
    if suffix == ".ply":
        ascii = head.startswith(b"ascii")
        axes = "".join(f"property char {axis}\n" for axis in "xyz")
        head = (
            f"ply\nformat {head.split()[0].decode()} 1.0\nelement vertex 3\n{axes}"
            f"element face {count}\nproperty list uchar uchar vertex_indices\nend_header\n"
        ).encode() + (b"1 2 3\n" * 3 if ascii else bytes(range(9)))
    tail = b"endsolid\n" if suffix == ".stl" else b""
    # docs/reference/formats.md states 80.
    assert _bytes_per_byte(head + row * count + tail, suffix) < 80


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "scan.ply")
    with pytest.raises(FileFormatError, match="not an ordinary file"):
        read_cloud(tmp_path / "scan.ply")


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
    with pytest.raises(FileFormatError, match=r"'\.parts' files; use one of \.ply, \.pcd"):
        read_cloud(tmp_path / "part.parts")


@pytest.mark.parametrize(("suffix", "way_out"), OTHER_FILES.items())
def test_a_known_format_that_is_not_read_says_the_way_out(suffix: str, way_out: str) -> None:
    with pytest.raises(FileFormatError, match=f"(?i)^'{suffix}' files are not read: {way_out}$"):
        parse_cloud(b"something", suffix)
    with pytest.raises(FileFormatError, match=re.escape(way_out)):
        read_cloud(f"Scan{suffix.upper()}")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path) -> None:
    with pytest.raises(FileFormatError, match=r"nowhere\.ply: No such file"):
        read_cloud(tmp_path / "nowhere.ply")
