"""OBJ: every line is accounted for, faces say whose normals are whose."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import parse_cloud

POINTS = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0.5]])
VERTICES = "v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0.5\n"
FACES = "f 1 2 3\nf 1 3 4\n"
TRIANGLES = [[0, 1, 2], [0, 2, 3]]
UP, SIDE = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)


def _read(text: str | bytes) -> PointCloud:
    return parse_cloud(text if isinstance(text, bytes) else text.encode(), ".obj")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param((VERTICES + FACES).replace(" ", "\t"), id="tabs"),
        pytest.param("v\t0 0\t0\nv 2  0 0\nv\t2 2 0\nv 0 2 .5\n" + FACES, id="tabs on some lines"),
        pytest.param((VERTICES + FACES).replace("\n", "\r\n"), id="windows line ends"),
        pytest.param((VERTICES + FACES).replace("\n", "\r"), id="old macintosh line ends"),
        pytest.param(VERTICES + FACES.replace("\n", "\r"), id="two kinds of line ends"),
        pytest.param("\ufeff" + VERTICES + FACES, id="byte order mark"),
        pytest.param((VERTICES + FACES).upper(), id="capitals"),
        pytest.param((VERTICES + FACES).replace("\n", "\n  "), id="indented"),
        pytest.param((VERTICES + FACES).replace("\n", " # note\n"), id="comments at line ends"),
        pytest.param((VERTICES + FACES).replace("\n", "# note\n"), id="comments without space"),
        pytest.param((VERTICES + FACES).replace("\n", "  \n\n"), id="blank lines and space"),
        pytest.param(VERTICES.replace("\n", " 1.0\n") + FACES, id="weights"),
        pytest.param(VERTICES.replace("\n", " .5 .5 1\n") + FACES, id="colors"),
        pytest.param(VERTICES.replace("\n", " 1 .5 .5 1\n") + FACES, id="weights and colors"),
        pytest.param(VERTICES.replace("2 2 0", "2 2 0 1 1 1") + FACES, id="a color at one vertex"),
        pytest.param(VERTICES + "fo 1 2 3\nf 1 3 4\n", id="old name of faces"),
        pytest.param(VERTICES + "f 1 2 3 4\n", id="quadrilateral"),
        pytest.param(VERTICES + "f 1 \\\n 2 \\\r\n 3 4\n", id="continued lines"),
        pytest.param("v 0 \\\n0 0\n" + VERTICES[8:] + FACES, id="continued vertex"),
        pytest.param(VERTICES + "f -4 -3 -2\nf -4 -2 -1\n", id="relative"),
        pytest.param(VERTICES + "f 1/1 2/1 3/1\nf 1/1 3/1 4/1\nvt 0 0\n", id="texture"),
        pytest.param(VERTICES + "f 1/1/ 2/1/ 3//\nf 1 3/1 4\n", id="many kinds of corners"),
        pytest.param("v 0 0 0\nv 2 0 0\nv 2 2 0\nf 1 -2 -1\nv 0 2 .5\nf 1 3 -1\n", id="mixed"),
        pytest.param(VERTICES.replace("2", "2D+00") + FACES, id="exponents of Fortran"),
        pytest.param("# C:\\a\\\n" + VERTICES + FACES, id="backslash behind a comment"),
        pytest.param("mtllib C:\\\n" + VERTICES + FACES, id="backslash behind a name"),
        pytest.param("v 0 0 0 # a \\\n" + VERTICES[8:] + FACES, id="backslash behind a vertex"),
        pytest.param(
            "mtllib a.mtl\no Körper\ng part#1\ns off\nusemtl v 1\n" + VERTICES + FACES + "l 1 2\n",
            id="names and settings",
        ),
    ],
)
def test_every_dialect_gives_the_same_mesh(text: str) -> None:
    cloud = _read(text)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.notices == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("vertex 1 2 3", r"line 5, 'vertex 1 2 3', does not begin with a keyword of OBJ"),
        ("1 2 3", r"line 5, '1 2 3', does not begin with a keyword"),
        ("v", r"line 5, 'v', does not begin with a keyword|holds 0 numbers"),
        ("v 1 2", r"line 5, 'v 1 2', holds 2 numbers, not 3 or 4 or 6 or 7"),
        ("v 1 2 3 4 5", r"line 5, .* holds 5 numbers"),
        ("v 1 2 x", r"line 5, 'v 1 2 x', holds 'x', which is not a number"),
        ("v 1 2 1_0", r"'1_0', which is not a number"),
        ("v1 2 3", r"line 5, 'v1 2 3', does not begin with a keyword"),
        ("vn 1 2", r"line 5, 'vn 1 2', holds 2 numbers, not 3"),
        ("f 1 2 3 four", r"line 5, 'f 1 2 3 four', holds words that are not"),
        ("f 1 2 3/1/1/1", r"line 5, .* holds words that are not"),
        ("f 1 2 3.0", r"line 5, .* holds words that are not"),
        ("f 1 2 f", r"line 5, .* holds words that are not"),
        ("f 1 2 5", r"line 5, 'f 1 2 5', names a vertex that is not there \(the file has 4"),
        ("f 0 1 2", r"line 5, 'f 0 1 2', names a vertex that is not there"),
        ("f -5 1 2", r"line 5, 'f -5 1 2', names a vertex that is not there"),
        ("f 1//1 2//1 3//1", r"line 5, .* names a normal that is not there \(the file has 0"),
        ("f 1 2 99999999999999999999", r"line 5, .* holds words that are not"),
    ],
)
def test_a_line_that_is_not_understood_is_refused_by_its_number(line: str, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        _read(VERTICES + line + "\n" + FACES)


def test_line_numbers_count_continued_lines_and_all_line_ends() -> None:
    with pytest.raises(FileFormatError, match=r"line 8, 'wrong', does not begin"):
        _read(VERTICES.replace("\n", "\r\n") + "f 1 2 \\\r\n3\r\rwrong\r\n")


def test_what_is_left_out_is_told() -> None:
    cloud = _read(VERTICES + FACES + "f 1 2\nsurf 0 1 0 1 1 2 3 4\nend\n")
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.notices == (
        "The file has free-form surfaces, which are not read and were left out.",
        "1 of 3 faces was left out: fewer than three corners.",
    )


@pytest.mark.parametrize("word", ["nan", "-NaN", "inf", "-nan(ind)", "1.#QNAN", "-1.#IND00"])
def test_a_vertex_that_is_no_measurement_is_marked(word: str) -> None:
    from backend.io import READERS, ReadLimits

    cloud = READERS[".obj"]((VERTICES + f"v {word} 1 2 # lost\n" + FACES).encode(), ReadLimits())
    assert np.isfinite(cloud.points).all(axis=1).tolist() == [True] * 4 + [False]
    assert cloud.faces.tolist() == TRIANGLES


def _with_normals(normals: list[tuple[float, float, float]], faces: str) -> PointCloud:
    lines = "".join(f"vn {x} {y} {z}\n" for x, y, z in normals)
    return _read(VERTICES + lines + faces)


def test_normals_are_those_that_the_faces_name() -> None:
    own = np.array([UP, SIDE, (0, 1, 0), (0.6, 0, 0.8)])
    order = [2, 0, 3, 1]
    named = np.empty(4, int)
    named[order] = np.arange(1, 5)
    faces = "".join(
        "f " + " ".join(f"{v + 1}//{named[v]}" for v in triangle) + "\n" for triangle in TRIANGLES
    )
    cloud = _with_normals([tuple(row) for row in own[order]], faces)
    np.testing.assert_array_equal(cloud.normals, own)
    assert cloud.faces.tolist() == TRIANGLES


def test_relative_normals_count_back_from_the_face() -> None:
    faces = "f 1//-1 2//-1 3//-1\nvn 1 0 0\nf 1//1 3//1 4//-1\n"
    np.testing.assert_array_equal(_with_normals([UP], faces).normals, [UP, UP, UP, SIDE])


def test_normals_go_by_order_only_where_no_face_says_otherwise() -> None:
    normals = [UP, SIDE, UP, SIDE]
    np.testing.assert_array_equal(_with_normals(normals, "").normals, normals)
    np.testing.assert_array_equal(_with_normals(normals, FACES).normals, normals)
    same = "f 1//1 2//2 3//3\n"
    np.testing.assert_array_equal(_with_normals(normals, same).normals, normals)
    other = _with_normals(normals, "f 1//2 2//2 3//3\n")
    assert other.normals is None
    assert "does not say the normal of 1 of 4 vertices" in other.notices[0]
    fewer = _with_normals([UP], FACES)
    assert fewer.normals is None
    assert "does not say the normal of 4 of 4 vertices" in fewer.notices[0]


def test_several_normals_of_a_vertex_are_averaged_if_they_agree() -> None:
    near = (0.0, np.sin(0.1), np.cos(0.1))
    faces = "f 1//1 2//1 3//1\nf 1//2 3//2 4//2\n"
    cloud = _with_normals([UP, near], faces)
    middle = (0.0, np.sin(0.05), np.cos(0.05))
    np.testing.assert_allclose(cloud.normals, [middle, UP, middle, near], atol=1e-15)
    edge = _with_normals([UP, SIDE], faces)
    assert edge.normals is None
    assert "at 2 of 4 vertices the faces name normals more than 5 degrees apart" in edge.notices[0]


@pytest.mark.parametrize("decimals", ["v 0 0 0\nv 2,0 0 0\nv 2 2e+0 0\nv 0 2 0,5\n"])
def test_decimal_commas_are_read_where_nothing_contradicts(decimals: str) -> None:
    cloud = _read(decimals + FACES)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.notices == ("The numbers have decimal commas and were read as such.",)


@pytest.mark.parametrize(
    ("vertex", "reason"),
    [
        ("v 1,5 2.5 3", r"'1,5' has a decimal comma, but '2.5' has a decimal point; write"),
        ("v 1,2,3", r"holds 1 numbers, not 3 or 4 or 6 or 7; write spaces between numbers"),
        ("v 1, 2, 3", r"holds '1,', which is not a number"),
        ("v 1,5, 2,5, 3,5", r"holds '1,5,', which is not a number"),
    ],
)
def test_commas_that_may_mean_two_things_are_refused(vertex: str, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        _read(VERTICES.replace("0.5", "0") + vertex + "\n" + FACES)


def test_a_large_file_is_read_in_pieces_as_a_small_one() -> None:
    count = 60_000
    points = np.round(np.random.default_rng(0).normal(size=(count, 3)), 5)
    corners = np.arange(1, 3 * (count // 3) + 1).reshape(-1, 3)
    text = "".join(f"v {x} {y} {z}\n" for x, y, z in points)
    text += "".join(f"f {a} {b} {c}\n" for a, b, c in corners)
    cloud = _read(text)
    np.testing.assert_array_equal(cloud.points, points)
    np.testing.assert_array_equal(cloud.faces, corners - 1)
    with pytest.raises(FileFormatError, match=rf"line {count + 20_001}, 'stop', does not begin"):
        _read(text + "stop\n")
