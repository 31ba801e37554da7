"""Texts say neither what parts their numbers nor what marks decimals: one reading, or none."""

from __future__ import annotations

import re

import numpy as np
import pytest

from backend.errors import FileFormatError
from backend.io import TextFormat, in_unit, parse_cloud, read_cloud
from backend.io.numbers import COMMAS_READ

POINTS = np.array([[-50.0, -47.5, 0.0], [0.25, 47.5, 12.125], [1050.5, -0.5, 3.0]])
# What parts numbers, and what comes after it.
DELIMITERS = (";", "; ", "\t", " ", "   ", ",", ", ")


def _text(points: np.ndarray, number: str, delimiter: str, decimal: str) -> str:
    rows = ([(number % value).replace(".", decimal) for value in row] for row in points)
    return "".join(f"{delimiter.join(row)}\n" for row in rows)


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("number", ["%.4f", "%g", "%.3e"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_the_only_reading_is_taken(delimiter: str, number: str, decimal: str) -> None:
    text = _text(POINTS, number, delimiter, decimal)
    expected = np.array([[float(number % value) for value in row] for row in POINTS])
    if (number, delimiter, decimal) == ("%g", ",", ","):
        # Not all numbers have decimals, and none begin with 0, as no whole number does.
        with pytest.raises(FileFormatError, match="--decimal"):
            parse_cloud(text.encode(), ".txt")
        return
    cloud = parse_cloud(text.encode(), ".txt")
    np.testing.assert_array_equal(cloud.points, expected)
    assert cloud.notices == ((COMMAS_READ,) if decimal == "," else ())


@pytest.mark.parametrize("suffix", [".xyz", ".txt", ".asc", ".csv", ".pts"])
def test_every_suffix_is_read_alike(suffix: str) -> None:
    cloud = parse_cloud(b"-50,000, -47,500, 0,000\n0,250, 47,500, 12,125\n", suffix)
    np.testing.assert_array_equal(cloud.points, POINTS[:2])


@pytest.mark.parametrize(
    ("row", "points"),
    [
        ("1,5;2,5;3,5", [1.5, 2.5, 3.5]),
        ("1,5;2;3", [1.5, 2.0, 3.0]),
        ("1,2,3", [1.0, 2.0, 3.0]),
        ("1, 2, 3", [1.0, 2.0, 3.0]),
        ("1.5,2.5,3.5,17", [1.5, 2.5, 3.5]),
        ("1.5,2.5,3.5,17,18,19", [1.5, 2.5, 3.5]),
        ("1,2,3,4", [1.0, 2.0, 3.0]),
        ("1, 2, 3, 4, 5, 6", [1.0, 2.0, 3.0]),
        ("x,y,z,r,g,b\n10,20,30,40,50,60", [10.0, 20.0, 30.0]),
        ("x,y,z\n10,25,30,45,50,65", [10.25, 30.45, 50.65]),
        ("1,5 2,5 3,5 7", [1.5, 2.5, 3.5]),
        ("1,5\t-2\t3E-2", [1.5, -2.0, 0.03]),
        ("0,123 1,234 2,345", [0.123, 1.234, 2.345]),
        ("-0,50,-1,05,0,25", [-0.5, -1.05, 0.25]),
        (",5 1, 2,5", None),
        ('"1,5","2,5","3,5"', [1.5, 2.5, 3.5]),
        ('"1,5",2,"3,5"', [1.5, 2.0, 3.5]),
        ('"1.5" "2.5" "3.5"', [1.5, 2.5, 3.5]),
        ('"1.5"\t"2.5"\t"3.5"', [1.5, 2.5, 3.5]),
        ("1.5,2.5,3.5,", [1.5, 2.5, 3.5]),
        ("  1.5 2.5 3.5  ", [1.5, 2.5, 3.5]),
        ("1.5 2.5 3.5 # here", [1.5, 2.5, 3.5]),
    ],
)
def test_one_row(row: str, points: list[float] | None) -> None:
    if points is None:
        with pytest.raises(FileFormatError, match="--delimiter"):
            parse_cloud(row.encode(), ".csv")
    else:
        np.testing.assert_array_equal(parse_cloud(row.encode(), ".csv").points, [points])


@pytest.mark.parametrize(
    "rows",
    [
        "-49,75,-47,25,0,25\n-49,75,-44,75,0,25\n",  # three numbers, or six
        "12,345 67,890 11,222\n",  # twelve, or twelve thousand
        "1,5,2,5,3\n1,5,2,5,3,5\n",
        "050,1,2\n",
    ],
)
def test_what_can_be_read_in_several_ways_is_refused(rows: str) -> None:
    with pytest.raises(FileFormatError, match=r"--decimal .*--delimiter|no row of") as caught:
        parse_cloud(rows.encode(), ".csv")
    assert rows.splitlines()[0] in str(caught.value) or "line 2" in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        "1,234.5;2,345.6;3,456.7",
        "1.234,5;2.345,6;3.456,7",
        "1,234.5 2,345.6 3,456.7",
        "1,234,567;2,345,678;3,456,789",
        "1.234.567 2.345.678 3.456.789",
        "1,234.5,2,345.6,3,456.7",
    ],
)
def test_separators_of_thousands_are_refused(rows: str) -> None:
    with pytest.raises(FileFormatError, match="separators of thousands"):
        parse_cloud(rows.encode(), ".csv")


@pytest.mark.parametrize(
    ("rows", "text", "points"),
    [
        ("1,5,2,5,3,5", TextFormat(decimal=","), [1.5, 2.5, 3.5]),
        ("1,5,2,5,3,5", TextFormat(decimal="."), [1.0, 5.0, 2.0]),
        ("1,5,2,5,3,5", TextFormat(decimal=",", delimiter=","), [1.5, 2.5, 3.5]),
        ("12,345 67,890 11,222", TextFormat(decimal=","), [12.345, 67.89, 11.222]),
        ("1,5\t2,5\t3,5", TextFormat(delimiter="\t"), [1.5, 2.5, 3.5]),
        ("1\t2\t3", TextFormat(delimiter=" "), [1.0, 2.0, 3.0]),
        ('"1,5";"2,5";"3,5"', TextFormat(delimiter=";"), [1.5, 2.5, 3.5]),
    ],
)
def test_the_user_decides(rows: str, text: TextFormat, points: list[float]) -> None:
    cloud = parse_cloud(rows.encode(), ".csv", text=text)
    np.testing.assert_array_equal(cloud.points, [points])
    isolated = parse_cloud(rows.encode(), ".csv", text=text, isolate=True)
    np.testing.assert_array_equal(isolated.points, [points])


def test_what_the_user_says_must_fit() -> None:
    with pytest.raises(FileFormatError, match="with the decimal and the delimiter that were given"):
        parse_cloud(b"1.5 2.5 3.5\n", ".txt", text=TextFormat(decimal=","))
    with pytest.raises(ValueError, match=r"delimiter '\|' is not allowed"):
        TextFormat(delimiter="|")


def test_evidence_far_down_in_the_file_counts() -> None:
    whole = "10;20;30\n" * 3000
    cloud = parse_cloud(f"{whole}1,5;2,5;3,5\n".encode(), ".csv")
    np.testing.assert_array_equal(cloud.points[[0, -1]], [[10, 20, 30], [1.5, 2.5, 3.5]])
    whole = "12,345 67,890 11,222\n" * 3000
    cloud = parse_cloud(f"{whole}0,5 1 2\n".encode(), ".xyz")
    np.testing.assert_array_equal(cloud.points[[0, -1]], [[12.345, 67.89, 11.222], [0.5, 1, 2]])
    pairs = "1,05,2,05,3,05\n" * 3000
    for wrong in ("1,5,2,3,5", "1,5;2.5;3,5"):
        with pytest.raises(FileFormatError, match=r"^line 3001, "):
            parse_cloud(f"{pairs}{wrong}\n".encode(), ".csv")
    commas = "1,5;2,5;3,5\n" * 3000
    with pytest.raises(FileFormatError, match=r"^line 3001, '1.234;2,5;3,5', is no row"):
        parse_cloud(f"{commas}1.234;2,5;3,5\n".encode(), ".csv")


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "-nan(ind)", "1.#QNAN", "-1.#IND", "nan(snan)", "inf"]
)
@pytest.mark.parametrize("delimiter", [" ", ",", ";"])
def test_every_way_to_write_no_number_is_known(word: str, delimiter: str) -> None:
    rows = ["1.5", "2.5", "3.5"], [word] * 3, ["4.5", word, "5.5"], ["7.5", "8.5", "9.5"]
    for order in (rows, rows[1:]):
        text = "".join(f"{delimiter.join(row)}\n" for row in order)
        cloud = parse_cloud(text.encode(), ".txt")
        assert cloud.points[-1].tolist() == [7.5, 8.5, 9.5]
        assert len(cloud.notices) == 1 and cloud.notices[0].startswith(f"2 of {len(order)} points")


@pytest.mark.parametrize(
    "data",
    [
        "# Prüfling, Maße in mm\n1.5 2.5 3.5\n".encode("latin-1"),
        "// Prüfling\n1.5 2.5 3.5 # Maß\n".encode(),
        "Prüfling: Nr. 7\n\n1.5 2.5 3.5\n".encode("latin-1"),
        "\ufeffX Y Z\r\n1.5 2.5 3.5\r\n".encode("utf-8"),
        "\ufeffX\tY\tZ\r\n1.5\t2.5\t3.5\r\n".encode("utf-16-le"),
        "\ufeffX Y Z\n1.5 2.5 3.5\n".encode("utf-16-be"),
        "X Y Z\n1.5 2.5 3.5\n".encode("utf-16-le"),
        b"X Y Z\r1.5 2.5 3.5\r",
        b'"X","Y","Z"\n"1.5","2.5","3.5"\n',
        b'"Points:0","Points:1","Points:2"\n1.5,2.5,3.5\n',
    ],
)
def test_encodings_comments_and_quotes_do_not_matter(data: bytes) -> None:
    np.testing.assert_array_equal(parse_cloud(data, ".txt").points, [[1.5, 2.5, 3.5]])


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        ("X [mm];Y [mm];Z [mm]", "mm"),
        ("x(m);y(m);z(m)", "m"),
        ("X [inch];Y [in];Z [Inch]", "inch"),
        ("X / mm;Y / mm;Z / mm", "mm"),
        ("x_mm;y_mm;z_mm", "mm"),
        ("X [cm];Y [cm];Z [centimetres]", "cm"),
        ("x(\u00b5m);y(\u03bcm);z(um)", "um"),
        ("x_ft;y_ft;z_ft", "ft"),
        ("x;y;z", None),
    ],
)
def test_the_unit_in_the_names_is_used(names: str, unit: str | None, tmp_path) -> None:
    for delimiter in (";", "\t", " " if "/" not in names else ";"):
        text = f"{names}\n1.5;2.5;3.5\n".replace(";", delimiter)
        (tmp_path / "scan.txt").write_text(text)
        cloud = read_cloud(tmp_path / "scan.txt")
        assert cloud.unit == unit and cloud.points.tolist() == [[1.5, 2.5, 3.5]]
    assert read_cloud(tmp_path / "scan.txt", assumed_unit="mm").unit == (unit or "mm")


def test_a_unit_that_contradicts_is_told() -> None:
    cloud = parse_cloud(b"x [mm],y [mm],z [mm],quality [%]\n1.5,2.5,3.5,4\n", ".csv", isolate=True)
    assert list(cloud.fields) == ["quality"]
    told = in_unit(cloud, "inch")
    assert told.unit == "inch"
    assert told.notices == (
        "The names of its columns state mm, but the file was read in inch, as asked.",
    )
    strange = parse_cloud(b"x [dm],y [dm],z [dm]\n1.5,2.5,3.5\n", ".csv")
    with pytest.raises(
        FileFormatError, match="state 'dm'; convert them to mm, cm, m, um, inch, ft, or give"
    ):
        in_unit(strange, None, "mm")
    assert "state dm, but the file was read in mm" in in_unit(strange, "mm").notices[0]
    with pytest.raises(FileFormatError, match="different units of x, y and z"):
        parse_cloud(b"x [mm],y [mm],z [m]\n1.5,2.5,3.5\n", ".csv")


def test_free_lines_before_the_points_are_skipped_and_told() -> None:
    head = "Scanner: ATOS\nDate: 2024-03-01\nPoints: 1681\n\n"
    cloud = parse_cloud(f"{head}1.5 2.5 3.5\n".encode(), ".asc")
    assert cloud.points.tolist() == [[1.5, 2.5, 3.5]]
    assert cloud.notices == (
        "3 lines before the points neither hold numbers nor name columns, and were skipped; the "
        "first is 'Scanner: ATOS'.",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.5x 2 3\n1 2 3\n", "^line 1, '1.5x 2 3', begins like numbers"),
        ("2024-03-01 12:00\n1 2 3\n", "^line 1, '2024-03-01 12:00', begins like numbers"),
        ("id,lon,lat\n1,2,3\n", "'id,lon,lat' names columns, but none of them x, y and z"),
        ("1 2 3\n4 five 6\n7 8 9\n", "^line 2, '4 five 6', is no row of 3 numbers"),
        ("# one\n\n1;2;3\n1;2;3;4\n", "^line 4, '1;2;3;4', is no row of 3 numbers"),
        ("Only words.\nNo numbers.\n", "holds no points"),
    ],
)
def test_every_line_is_accounted_for_or_quoted(text: str, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        parse_cloud(text.encode(), ".txt")


def test_a_count_that_is_too_low_is_told_and_one_that_is_too_high_means_cut_off() -> None:
    rows = b"1 2 3 -1204\n4 5 6 -1204\n7 8 9 -1204\n"
    cloud = parse_cloud(b"2\n" + rows, ".pts")
    assert len(cloud) == 3 and list(cloud.fields) == ["intensity"]
    assert cloud.notices == ("The file says that it has 2 points, but holds 3; all were read.",)
    with pytest.raises(FileFormatError, match="says that it has 4 points, but holds 3; it is cut"):
        parse_cloud(b"4\n" + rows, ".pts")


PTX = (
    "2\n3\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n0 1 0 0\n-1 0 0 0\n0 0 1 0\n10 20 30 1\n"
    "1 2 3 0.5\n4 5 6 0.5\n0 0 0 0.5\n7 8 9 0.5\n0 0 0 0.5\n1 1 1 0.25\n"
)


@pytest.mark.parametrize("suffix", [".ptx", ".txt"])
def test_ptx_is_read_in_the_common_frame_and_keeps_its_image(suffix: str) -> None:
    cloud = parse_cloud(PTX.encode(), suffix)
    # Row vectors: x becomes y, and y becomes -x.
    np.testing.assert_array_equal(cloud.points[:2], [[8.0, 21.0, 33.0], [5.0, 24.0, 36.0]])
    np.testing.assert_array_equal(cloud.rows, [0, 1, 3, 5])
    # Two columns of three rows, column by column.
    np.testing.assert_array_equal(cloud.fields["row"], [0, 1, 0, 2])
    np.testing.assert_array_equal(cloud.fields["column"], [0, 0, 1, 1])
    assert cloud.fields["image_rows"][0] == 3 and cloud.fields["intensity"][-1] == 0.25
    several = parse_cloud(f"{PTX}{PTX}".encode(), suffix)
    assert len(several) == 8 and list(several.fields) == ["intensity"]
    assert several.rows.tolist() == [0, 1, 3, 5, 6, 7, 9, 11]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PTX[: PTX.index("7 8 9")], "promises 6 points, but 3 lines follow; the file is cut off"),
        (PTX.replace("7 8 9 0.5", "7 8 9"), "the same count of numbers in each line"),
        (PTX + "1 2 3 4\n", "^line 17, '1 2 3 4', does not begin a scan"),
    ],
)
def test_a_damaged_ptx_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FileFormatError, match=reason):
        parse_cloud(text.encode(), ".ptx")


ROWS = "{0:.6e} {1:.6e} 1.5\n{1:.6e} 0.0 {0:.6e}\n2.5 {0:.6e} -{1:.6e}\n"
OF_FORTRAN = {
    ".xyz": "x y z\n" + ROWS,
    ".txt": "# sensor 3D4\n" + ROWS,
    ".asc": "//X Y Z\n" + ROWS.replace("\n", " 7.0\n"),
    ".csv": "x,y,z\n" + ROWS.replace(" ", ","),
    ".pts": "3\n" + ROWS,
    ".ptx": "1\n3\n" + "{0:.6e} 0 0\n" * 4 + "1.0e+00 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"
    + ROWS.replace("\n", " 0.5\n"),
    ".pcd": "FIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nWIDTH 3\nDATA ascii\n" + ROWS,
    ".ply": "ply\nformat ascii 1.0\nelement vertex 3\nproperty double x\nproperty double y\n"
    "property double z\nend_header\n" + ROWS,
    ".obj": "v " + ROWS[:-1].replace("\n", "\nv ") + "\nf 1 2 3\n",
    ".stl": "solid a\nfacet normal 0 0 1\nouter loop\nvertex "
    + ROWS[:-1].replace("\n", "\nvertex ") + "\nendloop\nendfacet\nendsolid a\n",
}  # fmt: skip


@pytest.mark.parametrize("suffix", OF_FORTRAN)
def test_exponents_of_fortran_are_read_as_any_others(suffix: str) -> None:
    text = OF_FORTRAN[suffix].format(123.456, 0.0125)
    usual = parse_cloud(text.encode(), suffix)
    assert usual.points[0].tolist() == [123.456, 0.0125, 1.5]
    for mark in "dD":
        written = re.sub(r"(?<=\d)e(?=[+-]\d)", mark, text)
        cloud = parse_cloud(written.encode(), suffix)
        np.testing.assert_array_equal(cloud.points, usual.points)
        assert list(cloud.fields) == list(usual.fields) and cloud.notices == usual.notices


def test_exponents_of_fortran_may_come_late_and_with_decimal_commas() -> None:
    late = parse_cloud(b"1.5 2.5 3.5\n" * 1500 + b"1.5D+01 2.5 3.5\n", ".xyz")
    assert late.points[-1].tolist() == [15.0, 2.5, 3.5]
    commas = parse_cloud(b"1,5D+01;2,5D0;3,5d-1\n", ".csv")
    assert commas.points.tolist() == [[15.0, 2.5, 0.35]]


@pytest.mark.parametrize("word", ["1.5D+01x", "1.5D", "1.5D+1D+1", "0x1D+01", "1.5D+0001"])
def test_what_only_looks_like_an_exponent_is_refused(word: str) -> None:
    with pytest.raises(FileFormatError, match=re.escape(f"line 2, '{word} 2.5 3.5'")):
        parse_cloud(f"1.5 2.5 3.5\n{word} 2.5 3.5\n".encode(), ".xyz")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("delimiter", [" ", ";", ","])
def test_a_number_of_many_digits_takes_no_longer_than_others(delimiter: str) -> None:
    """Its digits were once looked at again and again: minutes for one line."""
    row = delimiter.join([60_000 * "0" + "1.5", "2.5", "3.5"])
    assert parse_cloud(row.encode(), ".xyz").points.tolist() == [[1.5, 2.5, 3.5]]
