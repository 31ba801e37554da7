"""PLY as other programs write it: line ends, names, strips, spare rows, damaged lines."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import parse_cloud

POINTS = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0.5], [0, 2, 0]])
TRIANGLES = [[0, 1, 2], [0, 2, 3]]
XYZ = "".join(f"property float {axis}\n" for axis in "xyz")
LISTS = "property list uchar int vertex_indices\n"
HEADER = f"ply\nformat ascii 1.0\nelement vertex 4\n{XYZ}element face 2\n{LISTS}end_header\n"
ROWS = "0 0 0\n2 0 0\n2 2 0.5\n0 2 0\n"
ASCII = HEADER + ROWS + "3 0 1 2\n3 0 2 3\n"


def _read(data: str | bytes) -> PointCloud:
    return parse_cloud(data if isinstance(data, bytes) else data.encode("latin1"), ".ply")


def _binary(
    order: str = "<", *, elements: str = "", rows: bytes = b"", newline: str = "\n"
) -> bytes:
    """The four points, then ``elements`` with ``rows``."""
    name = "little" if order == "<" else "big"
    header = f"ply\nformat binary_{name}_endian 1.0\nelement vertex 4\n{XYZ}{elements}end_header\n"
    return header.replace("\n", newline).encode() + POINTS.astype(f"{order}f4").tobytes() + rows


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ASCII, id="plain"),
        pytest.param(ASCII.replace("\n", "\r"), id="old macintosh line ends"),
        pytest.param(ASCII.replace("\n", "\r\n"), id="windows line ends"),
        pytest.param(HEADER.replace("\n", "\r\n") + ROWS + "3 0 1 2\n3 0 2 3", id="two line ends"),
        pytest.param("\xef\xbb\xbf" + ASCII, id="byte order mark"),
        pytest.param(ASCII.encode("utf-16"), id="UTF-16"),
        pytest.param(ASCII.replace("float x", "float X"), id="name in capitals"),
        pytest.param(HEADER.upper() + ASCII[len(HEADER) :], id="header in capitals"),
        pytest.param(ASCII.replace(" ", "\t"), id="tabs"),
        pytest.param(ASCII.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(
            ASCII.replace("element", "comment end_header, für\nobj_info \nelement"), id="comments"
        ),
        pytest.param(ASCII.replace("vertex_indices", "vertex_index"), id="vertex_index"),
        pytest.param(ASCII.replace("vertex_indices", "Corners"), id="another name of the list"),
        pytest.param(ASCII.replace("list uchar int", "list int uint"), id="other types"),
        pytest.param(HEADER.replace("face 2", "face 1") + ROWS + "4 0 1 2 3\n", id="quadrilateral"),
        pytest.param(
            HEADER.replace("element face", f"element edge 2\n{LISTS}property int a\nelement face")
            + ROWS + "2 5 6 1\n0 1\n3 0 1 2\n3 0 2 3\n",
            id="another element between",
        ),
        pytest.param(
            HEADER.replace("face 2", "tristrips 1").replace("uchar", "int")
            + ROWS + "9 3 0 2 1 -1 0 1 0 -1\n",
            id="strips",
        ),
        pytest.param(
            _binary(newline="\r", elements="element face 1\n" + LISTS, rows=b"\4"
                    + struct.pack("<4i", 0, 1, 2, 3)),
            id="binary behind old macintosh line ends",
        ),
        pytest.param(
            _binary(">", elements="element face 2\n" + LISTS,
                    rows=struct.pack(">BiiiBiii", 3, 0, 1, 2, 3, 0, 2, 3) + b"\n"),
            id="binary with a line end behind",
        ),
        pytest.param(
            _binary(elements="element tristrips 2\nproperty list int uint vertex_indices\n",
                    rows=struct.pack("<i4Ii3I", 4, 0, 1, 2, 2**32 - 1, 3, 0, 2, 3)),
            id="binary strips of unsigned numbers",
        ),
    ],
)  # fmt: skip
def test_every_dialect_gives_the_same_mesh(data: str | bytes) -> None:
    cloud = _read(data)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert sorted(np.roll(face, -face.argmin()).tolist() for face in cloud.faces) == TRIANGLES
    assert cloud.notices == ()
    assert cloud.fields == {}


def test_a_first_byte_that_looks_like_a_line_end_is_data() -> None:
    points = np.frombuffer(b"\n\n\n\n" * 3, "<f4")
    header = _binary(newline="\r").split(b"\0")[0]
    assert header.endswith(b"end_header\r")
    cloud = _read(header.replace(b"vertex 4", b"vertex 1") + points.tobytes())
    np.testing.assert_array_equal(cloud.points, [points])


def test_strips_alternate_and_begin_anew() -> None:
    strips = "6 0 1 2 3 4 5\n8 5 4 3 -1 3 3 1 2\n2 0 1\n"
    header = HEADER.replace("vertex 4", "vertex 6").replace("face 2", "tristrips 3")
    rows = "".join(f"{row} {row * row} 0\n" for row in range(6))
    faces = _read(header + rows + strips).faces
    assert faces.tolist() == [
        [0, 1, 2], [2, 1, 3], [2, 3, 4], [4, 3, 5], [5, 4, 3], [1, 3, 2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "notice"),
    [
        (
            ASCII + "3 0 1 2\n9 9 9\n",
            "Lines behind the rows that the header promises were left out: 2.",
        ),
        (
            _binary(rows=b"\0\1\2"),
            "3 bytes behind the rows that the header promises were left out.",
        ),
        (ASCII.replace("0.5", "0,5"), "The numbers have decimal commas and were read as such."),
        (
            ASCII.replace("face 2", "face 3") + "2 0 1\n",
            "1 of 3 faces was left out: fewer than three corners.",
        ),
        (
            ASCII.replace("int vertex_indices", "float texture"),
            "The 'face' rows name no vertices and were left out.",
        ),
    ],
)
def test_what_is_left_out_is_told(data: str | bytes, notice: str) -> None:
    cloud = _read(data)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.notices == (notice,)


@pytest.mark.parametrize("word", ["nan", "-nan(ind)", "1.#QNAN", "-1.#IND00", "inf"])
def test_vertices_that_are_no_measurement_are_left_out_with_their_faces(word: str) -> None:
    header = HEADER.replace("vertex 4", "vertex 5").replace("face 2", "face 3")
    cloud = _read(f"{header}1 {word} 0\n{ROWS}3 1 2 3\n3 0 1 2\n3 1 3 4\n")
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.rows.tolist() == [1, 2, 3, 4]
    assert len(cloud.notices) == 2


def test_normals_and_fields_by_names_in_any_case() -> None:
    names = ["X", "Y", "Z", "Nx", "NY", "nz", "Intensity"]
    header = "ply\nformat ascii 1.0\nelement vertex 1\n"
    header += "".join(f"property float {name}\n" for name in names) + "end_header\n"
    cloud = _read(header + "1 2 3 0 0 1 7\n")
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]])
    assert list(cloud.fields) == ["Intensity"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ASCII.replace("2 0 0", "2 0"), r"line 11, '2 0', holds fewer numbers than the header"),
        (ASCII.replace("2 0 0", "2 0 0 1"), r"line 11, '2 0 0 1', holds 4 numbers, more than"),
        (ASCII.replace("2 0 0", "2 0 O"), r"line 11, '2 0 O', holds 'O', which is not a number"),
        (ASCII.replace("3 0 1 2", "4 0 1 2"), r"line 14, '4 0 1 2', holds fewer numbers"),
        (ASCII.replace("3 0 1 2", "3 0 1 2 3"), r"line 14, .* holds 5 numbers, more than"),
        (ASCII.replace("3 0 1 2", "3 0 1 1.5"), r"line 14, .* holds 1.5, where .* a whole number"),
        (ASCII.replace("3 0 1 2", "3 0 1 nan"), r"line 14, .* holds nan, where .* a whole number"),
        (ASCII.replace("3 0 1 2", "3 0 1 4"), r"names vertex 4, but the file has 4, from 0 on"),
        (ASCII.replace("3 0 1 2", "3 0 1 -1"), r"names vertex -1, but the file has 4"),
        (HEADER + ROWS.replace("\n", " "), r"line 10, .* holds 12 numbers, more than the header"),
        (ASCII[:-8], r"ends after 1 of 2 'face' lines; it is cut off"),
        (ASCII.replace("0.5", "0,5").replace("2 0 0", "2.0 0 0"), r"'2.0' has a decimal point"),
        (ASCII.replace("float y", "float x"), r"gives 'vertex' the property 'x' twice"),
        (ASCII.replace("float y", "real y"), r"line 5, .* has 'real' where a type of PLY"),
        (ASCII.replace("list uchar", "list float"), r"line 8, .* has 'float' where a type of PLY"),
        (ASCII.replace("element face", "elements face"), r"line 7, .* is no line of a PLY header"),
        (ASCII.replace("end_header", "end"), r"has no line 'end_header'"),
        (ASCII[1:], r"does not begin with a line 'ply'"),
        (_binary()[:-1], r"ends within its 4 rows of 'vertex'|the file is cut off"),
    ],
)
def test_what_is_no_ply_is_refused_with_the_reason(data: str | bytes, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        _read(data)
