"""The same cloud in the dialects that other programs write."""

from __future__ import annotations

import io

import numpy as np
import pypcd4
import pytest

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import parse_cloud
from backend.samples import load_sample

SQUARE = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])
PLY_HEADER = """ply
format {encoding} 1.0
comment made by hand
element vertex 4
property float x
property float y
property float z
property {color} red
element face {faces}
property list uchar {index} vertex_indices
property uchar flags
element edge 0
property int a
end_header
"""


def _ply(encoding: str, polygons: list[list[int]]) -> bytes:
    header = PLY_HEADER.format(encoding=encoding, faces=len(polygons), color="uchar", index="int")
    if encoding == "ascii":
        rows = [f"{x} {y} {z} 7 " for x, y, z in SQUARE]
        rows += [" ".join(map(str, [len(p), *p, 0])) for p in polygons]
        return (header + "\n".join(rows) + "\n").encode()
    order = "<" if "little" in encoding else ">"
    vertices = np.zeros(4, [("p", f"{order}f4", (3,)), ("red", "u1")])
    vertices["p"], vertices["red"] = SQUARE, 7
    body = vertices.tobytes()
    for polygon in polygons:
        body += bytes([len(polygon)]) + np.array(polygon, f"{order}i4").tobytes() + b"\0"
    return header.encode() + body


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize(
    ("polygons", "triangles"),
    [
        ([[0, 1, 2], [0, 2, 3]], [[0, 1, 2], [0, 2, 3]]),
        ([[0, 1, 2, 3]], [[0, 1, 2], [0, 2, 3]]),
        ([[0, 1, 2, 3], [3, 2, 1]], [[0, 1, 2], [0, 2, 3], [3, 2, 1]]),
        ([], None),
    ],
)
def test_ply_of_any_encoding_and_polygons(encoding: str, polygons, triangles) -> None:
    cloud = parse_cloud(_ply(encoding, polygons), ".ply")
    np.testing.assert_array_equal(cloud.points, SQUARE)
    np.testing.assert_array_equal(cloud.fields["red"], [7] * 4)
    assert (None if cloud.faces is None else cloud.faces.tolist()) == triangles


def test_ply_truncated_within_ragged_faces_is_refused() -> None:
    data = _ply("binary_little_endian", [[0, 1, 2, 3], [3, 2, 1]])
    with pytest.raises(FileFormatError):
        parse_cloud(data[:-2], ".ply")


def test_ply_with_windows_line_ends() -> None:
    data = _ply("ascii", [[0, 1, 2]]).replace(b"\n", b"\r\n")
    np.testing.assert_array_equal(parse_cloud(data, ".ply").points, SQUARE)


def test_file_normals_are_made_unit_and_unknown_ones_dropped() -> None:
    normals = np.tile([0.0, 0.0, 2.0], (4, 1))
    text = "\n".join(" ".join(map(str, row)) for row in np.hstack([SQUARE, normals / 2]))
    np.testing.assert_array_equal(parse_cloud(text.encode(), ".xyz").normals, normals / 2)
    stream = io.BytesIO()
    np.savez(stream, points=SQUARE, normals=normals)
    np.testing.assert_array_equal(parse_cloud(stream.getvalue(), ".npz").normals, normals / 2)
    stream = io.BytesIO()
    np.savez(stream, points=SQUARE, normals=0 * normals)
    assert parse_cloud(stream.getvalue(), ".npz").normals is None


def test_pcd_ascii_with_trailing_spaces_and_padding() -> None:
    data = b"""# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z _ intensity
SIZE 4 4 4 1 4
TYPE F F F U F
COUNT 1 1 1 2 1
WIDTH 2
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 2
DATA ascii
1 2 3 0 0 0.5\x20
4  5 6 0 0 0.25\x20
"""
    cloud = parse_cloud(data, ".pcd")
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3], [4, 5, 6]])
    assert list(cloud.fields) == ["intensity"]
    np.testing.assert_array_equal(cloud.fields["intensity"], [0.5, 0.25])


def test_pcd_of_one_point() -> None:
    data = b"VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\nHEIGHT 1\n"
    cloud = parse_cloud(data + b"POINTS 1\nDATA ascii\n1 2 3\n", ".pcd")
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3]])


@pytest.mark.parametrize("encoding", list(pypcd4.Encoding)[:3])
def test_pcd_encodings_agree(encoding: pypcd4.Encoding) -> None:
    points = load_sample("pawn_scan").points[:200].astype(np.float32)
    stream = io.BytesIO()
    pypcd4.PointCloud.from_xyz_points(points).save(stream, encoding)
    cloud = parse_cloud(stream.getvalue(), ".pcd")
    np.testing.assert_allclose(cloud.points, points, rtol=1e-6)


def test_ascii_stl_is_merged_as_binary_is() -> None:
    text = """solid square
facet normal 0 0 1
 outer loop
  vertex 0 0 0
  vertex 2 0 -0.0
  vertex 2 2 1e-20
 endloop
endfacet
facet normal 0 0 1
 outer loop
  vertex 0 0 0
  vertex 2 2 0
  vertex 0 2 0
 endloop
endfacet
endsolid square
"""
    cloud = parse_cloud(text.encode(), ".stl")
    np.testing.assert_allclose(cloud.points, SQUARE, atol=1e-19)
    assert cloud.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_obj_seams_relative_indices_and_polygons() -> None:
    text = """mtllib other.mtl
v 0 0 0 1.0
v 2 0 0 1.0
v 2 2 0 1.0
v 0 2 0 1.0
vt 0 0
vt 1 1
vn 0 0 1
usemtl steel
f 1/1/1 2/2/1 3/1/1
f -4//1 \\
  3//1 4//1
"""
    cloud = parse_cloud(text.encode(), ".obj")
    np.testing.assert_array_equal(cloud.points, SQUARE)
    assert cloud.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_obj_of_points_alone() -> None:
    cloud = parse_cloud(b"v 1 2 3\nv 4 5 6\n", ".obj")
    assert cloud.faces is None
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("separator", [" ", ",", "; ", "\t"])
def test_text_with_any_separator_comments_and_further_columns(separator: str) -> None:
    lines = ["# made by hand", "# a comment", *(separator.join("1234") for _ in range(2))]
    cloud = parse_cloud("\n".join(lines).encode(), ".txt")
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3]] * 2)
    np.testing.assert_array_equal(cloud.fields["column_3"], [4, 4])


@pytest.mark.parametrize(
    "head",
    [
        "//X Y Z Nx Ny Nz Scalar_field",
        "//X Y Z Nx Ny Nz Scalar_field\n2",
        "# X Y Z NX NY NZ Scalar_field",
        "x,y,z,nx,ny,nz,Scalar_field",
        '"x";"y";"z";"nx";"ny";"nz";"Scalar field"',
    ],
)
def test_text_with_names(head: str) -> None:
    row = "1 2 3 0 0 1 7"
    separator = next((mark for mark in ",;" if mark in head), " ")
    text = "\n".join([head, *[row.replace(" ", separator)] * 2])
    cloud = parse_cloud(text.encode(), ".asc")
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3]] * 2)
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]] * 2)
    assert list(cloud.fields) == ["Scalar_field"]
    np.testing.assert_array_equal(cloud.fields["Scalar_field"], [7, 7])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x y z a\n1 2 3\n", "must name 3 columns"),
        ("x y z x\n1 2 3 4\n", "each once"),
        ("3\n1 2 3\n1 2 3\n", "says that it has 3 points, but holds 2"),
        ("1,2,3,4\n1,2,,4\n", "^line 2, '1,2,,4', is no row of 4 numbers"),
    ],
)
def test_text_that_could_be_misread_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        parse_cloud(text.encode(), ".csv")


def test_text_of_ragged_lines_is_refused() -> None:
    with pytest.raises(FileFormatError, match=r"^line 2, '4 5', is no row of 3 numbers"):
        parse_cloud(b"1 2 3\n4 5\n", ".xyz")


def test_npy_as_structured_array_and_in_fortran_order() -> None:
    table = np.zeros(2, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("label", "i4")])
    table["x"], table["label"] = [1, 2], [3, 4]
    stream = io.BytesIO()
    np.save(stream, table)
    cloud = parse_cloud(stream.getvalue(), ".npy")
    np.testing.assert_array_equal(cloud.fields["label"], [3, 4])
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(SQUARE))
    np.testing.assert_array_equal(parse_cloud(stream.getvalue(), ".npy").points, SQUARE)


def test_npz_without_points_says_what_is_in_it() -> None:
    stream = io.BytesIO()
    np.savez(stream, vertices=SQUARE)
    with pytest.raises(FileFormatError, match="holds vertices; name the"):
        parse_cloud(stream.getvalue(), ".npz")


def test_fields_of_several_columns_are_numbered() -> None:
    from backend.io import WRITERS

    cloud = PointCloud(SQUARE, fields={"color": np.arange(12).reshape(4, 3)})
    back = parse_cloud(WRITERS[".ply"](cloud), ".ply")
    assert list(back.fields) == ["color_0", "color_1", "color_2"]
