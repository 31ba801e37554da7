"""PCD as PCL, older programs and sensors write it: what is left out of a header follows."""

from __future__ import annotations

import io

import numpy as np
import pypcd4
import pytest

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io import ENCODED_WRITERS, parse_cloud

POINTS = np.arange(1.0, 19.0).reshape(6, 3)
HEADER = {
    "VERSION": "0.7",
    "FIELDS": "x y z",
    "SIZE": "4 4 4",
    "TYPE": "F F F",
    "COUNT": "1 1 1",
    "WIDTH": "6",
    "HEIGHT": "1",
    "VIEWPOINT": "0 0 0 1 0 0 0",
    "POINTS": "6",
    "DATA": "ascii",
}
ROWS = "".join(f"{x:g} {y:g} {z:g}\n" for x, y, z in POINTS).encode()


def _file(body: bytes = ROWS, end: str = "\n", **changed: str | None) -> bytes:
    header = {**HEADER, **changed}
    lines = (f"{key} {words}{end}" for key, words in header.items() if words is not None)
    return "".join(lines).encode("latin-1") + body


@pytest.mark.parametrize(
    "changed",
    [
        {"COUNT": None},
        {"POINTS": None},
        {"VIEWPOINT": None},
        {"HEIGHT": None},
        {"VERSION": ".5", "FIELDS": None, "COLUMNS": "x y z", "COUNT": None, "VIEWPOINT": None},
        {"VERSION": None},
        {"WIDTH": None},
        {"# Prüfling": "Maß"},
        {"DATA": None, "data": "ASCII"},
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_headers_may_leave_out_what_follows(changed: dict, end: str) -> None:
    if "COLUMNS" in changed:  # in its place, before DATA
        changed = {**changed, "DATA": None} | {"DATA": "ascii"}
        head = {"VERSION": ".5", "COLUMNS": "x y z", "SIZE": "4 4 4", "TYPE": "F F F"}
        text = "".join(f"{key} {words}{end}" for key, words in head.items())
        data = (text + f"WIDTH 6{end}HEIGHT 1{end}POINTS 6{end}DATA ascii{end}").encode() + ROWS
    else:
        changed = dict(changed)
        last = {key: changed.pop(key) for key in list(changed) if key == "data"}
        comment = {key: changed.pop(key) for key in list(changed) if key.startswith("#")}
        lead = "".join(f"{key} {words}{end}" for key, words in comment.items()).encode("latin-1")
        data = lead + _file(b"", end, **changed)
        data += "".join(f"{key} {words}{end}" for key, words in last.items()).encode() + ROWS
    cloud = parse_cloud(data, ".pcd")
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.notices == () and dict(cloud.fields) == {}


def _padded(encoding: str) -> bytes:
    """x, 3 bytes of padding, y, z, padding of nothing, two counted fields."""
    names = "x _ y z _ normal_of many"
    header = _file(
        b"",
        FIELDS=names,
        SIZE="4 1 4 4 1 2 1",
        TYPE="F U F F U I U",
        COUNT="1 3 1 1 0 1 4",
        DATA=encoding,
    )
    single = POINTS.astype("<f4")
    padding = np.full((6, 3), 7, "u1")
    number = np.arange(-3, 3, dtype="<i2")
    many = np.arange(24, dtype="u1").reshape(6, 4)
    parts = [single[:, :1], padding, single[:, 1:2], single[:, 2:], number[:, None], many]
    if encoding == "ascii":
        return header + b"".join(
            (" ".join(f"{float(value):g}" for part in parts for value in part[row]) + "\n").encode()
            for row in range(6)
        )
    if encoding == "binary":
        return header + b"".join(part[row].tobytes() for row in range(6) for part in parts)
    import lzf

    raw = b"".join(part.tobytes() for part in parts) + bytes(0)
    packed = lzf.compress(raw, 2 * len(raw))
    sizes = (len(size).to_bytes(4, "little") for size in (packed, raw))
    return header + b"".join(sizes) + packed


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
def test_padding_empty_fields_and_fields_of_several_numbers(encoding: str) -> None:
    cloud = parse_cloud(_padded(encoding), ".pcd")
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert list(cloud.fields) == ["normal_of", "many"]
    np.testing.assert_array_equal(cloud.fields["normal_of"], np.arange(-3, 3))
    np.testing.assert_array_equal(cloud.fields["many"], np.arange(24).reshape(6, 4))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_file(POINTS="7"), r"WIDTH 6 x HEIGHT 1 is not POINTS 7; correct"),
        (_file(SIZE="4 4"), r"name \[2, 3\] columns; they must agree"),
        (_file(SIZE="4 4 3"), "'z' has TYPE 'F' and SIZE '3'; known are"),
        (_file(TYPE="F F Q"), "'z' has TYPE 'Q' and SIZE '4'; known are"),
        (_file(COUNT="1 1 many"), "'z' has SIZE '4' and COUNT 'many'; both must be whole"),
        (_file(WIDTH="six"), "'WIDTH six' needs one whole number"),
        (_file(HEIGHT="-1"), "'HEIGHT -1' needs one whole number"),
        (
            _file(DATA="text"),
            "unknown DATA 'text'; export it as one of ascii, binary, binary_compressed",
        ),
        (_file(DATA=None), "does not belong to a PCD header"),
        (_file(FIELDS="x y x"), "FIELDS has 'x' twice"),
        (_file(FIELDS="x y w"), "but no z"),
        (_file(ROWS[:-10]), "promises 6 points, but 5 lines follow; the file is cut off"),
        (_file(ROWS.replace(b"8 9", b"8 nine")), "'7 8 nine' is no row of the 3 numbers"),
        (_file(ROWS.replace(b"8 9", b"8")), "'7 8' is no row of the 3 numbers"),
        (
            _file(ROWS + b"1 2 3\n", WIDTH="3", HEIGHT="2"),
            "holds more points than it says: 7 lines, but WIDTH 3 x HEIGHT 2 are 6",
        ),
    ],
)
def test_what_is_wrong_is_quoted_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason) as caught:
        parse_cloud(data, ".pcd")
    assert "\n" not in str(caught.value)


def test_more_points_than_a_header_says_are_read_and_told() -> None:
    cloud = parse_cloud(_file(ROWS + b"19 20 21\n"), ".pcd")
    assert cloud.points[-1].tolist() == [19, 20, 21]
    assert cloud.notices == ("The file holds more points than it says: 7, not 6; all were read.",)
    data = ENCODED_WRITERS[".pcd"](PointCloud(POINTS), "binary")
    assert parse_cloud(data + bytes(5), ".pcd").notices == (
        "5 bytes follow the last point that its header names, and were not read.",
    )


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
def test_another_reader_finds_the_same(encoding: str) -> None:
    rng = np.random.default_rng(0)
    scan = PointCloud(
        rng.normal(size=(300, 3)).round(1),
        fields={"label": rng.integers(0, 3, 300).astype(np.int32)},
    )
    data = ENCODED_WRITERS[".pcd"](scan, encoding)
    theirs = pypcd4.PointCloud.from_fileobj(io.BufferedReader(io.BytesIO(data)))
    np.testing.assert_array_equal(theirs.numpy(("x", "y", "z")), scan.points)
    np.testing.assert_array_equal(theirs.pc_data["label"], scan.fields["label"])
    assert theirs.metadata.data.value == encoding
