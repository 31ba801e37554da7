"""STL as other programs write it: text in any layout, counts that are wrong, spare bytes."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import WRITERS, parse_cloud

POINTS = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0.5], [0, 2, 0]])
TRIANGLES = [[0, 1, 2], [0, 2, 3]]
FACES = [
    " facet normal 0 0 1\n  outer loop\n"
    + "".join(f"   vertex {x:g} {y:g} {z:g}\n" for x, y, z in POINTS[triangle])
    + "  endloop\n endfacet\n"
    for triangle in TRIANGLES
]
ASCII = "solid part\n" + "".join(FACES) + "endsolid part\n"
QUADRILATERAL = (
    "solid\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 2 0 0\nvertex 2 2 .5\n"
    "vertex 0 2 0\nendloop\nendfacet\nendsolid\n"
)


def _read(data: str | bytes) -> PointCloud:
    return parse_cloud(data if isinstance(data, bytes) else data.encode(), ".stl")


def _binary(*, header: bytes = b"", count: int = 2, tail: bytes = b"") -> bytes:
    data = WRITERS[".stl"](PointCloud(POINTS, faces=np.array(TRIANGLES)))
    return header.ljust(80, b" ") + count.to_bytes(4, "little") + data[84:] + tail


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ASCII, id="plain"),
        pytest.param(ASCII.upper(), id="capitals"),
        pytest.param(ASCII.replace("vertex", "Vertex"), id="some capitals"),
        pytest.param(ASCII.replace("endsolid", "end solid"), id="end solid"),
        pytest.param(ASCII.replace(" part", ""), id="no name"),
        pytest.param(ASCII.replace("endsolid part", "endsolid"), id="no name at the end"),
        pytest.param(ASCII.replace("part", "my part, solid"), id="name of several words"),
        pytest.param(ASCII.replace("part", "Prüfling").encode("latin1"), id="name in latin 1"),
        pytest.param("\ufeff" + ASCII.replace("\n", "\r\n"), id="mark and windows line ends"),
        pytest.param(ASCII.replace("\n", "\r"), id="old macintosh line ends"),
        pytest.param(ASCII.replace("  ", "\t").replace("x ", "x\t"), id="tabs"),
        pytest.param(ASCII + "\n\n# exported by a tool\n\n", id="comment at the end"),
        pytest.param("# exported by a tool\n" + ASCII, id="comment at the beginning"),
        pytest.param(ASCII.replace("0 0 1\n", "0 0 1 # up\n"), id="comments within"),
        pytest.param(ASCII + "\x1a", id="end of text of DOS"),
        pytest.param(ASCII.replace("\n   ", " "), id="vertices in one line"),
        pytest.param(
            f"solid a\n{FACES[0]}endsolid a\nsolid b\n{FACES[1]}endsolid b\n", id="several solids"
        ),
        pytest.param(ASCII.replace("0 0 1", "nan nan nan"), id="no normals"),
        pytest.param(QUADRILATERAL, id="quadrilateral"),
        pytest.param(_binary(), id="binary"),
        pytest.param(_binary(header=b"solid part"), id="binary that begins with solid"),
        pytest.param(_binary(header=("part" * 10).encode("utf-16-le")), id="binary, UTF-16 header"),
        pytest.param(ASCII.encode("utf-16"), id="UTF-16"),
    ],
)
def test_every_dialect_gives_the_same_mesh(data: str | bytes) -> None:
    cloud = _read(data)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.notices == ()


@pytest.mark.parametrize(
    ("data", "notice"),
    [
        (_binary(tail=bytes(12)), "12 bytes behind the last of 2 faces were left out."),
        (
            _binary(header=b"solid x", tail=b"\0\n"),
            "2 bytes behind the last of 2 faces were left out.",
        ),
        (_binary(count=0), "The file promises 0 faces and holds 2, which were all read."),
        (_binary(count=1), "The file promises 1 faces and holds 2, which were all read."),
        (ASCII + "exported by a tool\n", "Lines of text outside of the solids were left out: 1."),
        (
            ASCII.replace("0.5", "0,5"),
            "The numbers have decimal commas and were read as such.",
        ),
    ],
)
def test_what_is_read_against_the_letter_is_told(data: str | bytes, notice: str) -> None:
    cloud = _read(data)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.notices == (notice,)


@pytest.mark.parametrize("word", ["nan", "-nan(ind)", "1.#QNAN", "inf"])
def test_faces_with_a_corner_that_is_not_finite_are_left_out(word: str) -> None:
    bad = FACES[0].replace("vertex 2 0 0", f"vertex 9 {word} 0")
    cloud = _read(f"solid\n{FACES[0]}{bad}{FACES[1]}endsolid\n")
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.notices == ("1 of 3 faces was left out: a corner is not finite.",)
    with pytest.raises(FileFormatError, match=r"1 of 1 faces was .*\. No face is left"):
        _read(f"solid\n{bad}endsolid\n")


def test_a_binary_face_that_is_not_finite_is_left_out() -> None:
    faces = np.array([*TRIANGLES, [4, 0, 1]])
    data = WRITERS[".stl"](PointCloud(np.vstack([POINTS, [np.nan] * 3]), faces=faces))
    cloud = _read(data)
    assert cloud.faces.tolist() == TRIANGLES
    assert cloud.notices == ("1 of 3 faces was left out: a corner is not finite.",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_binary(count=3), "of 3 faces has 234 bytes, but this one has 184; it is cut off"),
        (_binary()[:80], "this one has 80; it is cut off or not STL"),
        (_binary(count=0, tail=b"\xff" * 5000), "and no faces in them|not finite"),
        (ASCII[:-14], "no 'endsolid' at its end: it is cut off"),
        (
            ASCII[: ASCII.rindex("vertex")] + "endsolid",
            "line 9, 'facet normal 0 0 1', does not end; the file is cut off",
        ),
        (ASCII.replace("vertex 2 0 0", "vertex 2 0"), "line 5, 'vertex 2 0', holds 2 numbers"),
        (
            ASCII.replace("vertex 2 0 0", "vertex 2 0 O"),
            "line 5, .* holds 'O', which is not a number",
        ),
        (
            ASCII.replace("vertex 2 0 0", "vertx 2 0 0"),
            "line 5, 'vertx 2 0 0', is not what a facet",
        ),
        (ASCII.replace("   vertex 2 0 0\n", ""), "line 7, 'endfacet', is not what a facet has"),
        (ASCII.replace(" endfacet\n", "", 1), "line 8, 'facet normal 0 0 1', is not what"),
        (ASCII.replace("0.5", "0,5").replace("2 0 0", "2.0 0 0"), "'2.0' has a decimal point"),
        ("solid x\nendsolid x\n", "the STL file has no faces"),
        (ASCII.replace("\n", " "), "the file is text, but none of its lines begins with 'facet'"),
        (ASCII.replace("vertex 2 0 0", "vertex 2,0,0"), "1 numbers, not 3; write spaces between"),
        (ASCII.replace("solid part\n facet normal 0 0 1", "x", 1), "line 1, 'x', is not what"),
    ],
)
def test_what_is_no_stl_is_refused_with_the_reason(data: str | bytes, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        _read(data)


def test_a_large_file_is_read_in_pieces_as_a_small_one() -> None:
    rng = np.random.default_rng(0)
    corners = np.round(rng.normal(size=(9000, 3, 3)), 6)
    rows = "".join(
        FACES[0].replace("0 0 0", "{} {} {}").replace("2 0 0", "{} {} {}")
        .replace("2 2 0.5", "{} {} {}").format(*face.reshape(-1))
        for face in corners
    )  # fmt: skip
    cloud = _read(f"solid\n{rows}endsolid\n")
    np.testing.assert_array_equal(cloud.points[cloud.faces], corners)
