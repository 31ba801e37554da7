"""Sizes are read as they are meant, in three languages, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.instruct.normal import normalise
from backend.instruct.quantities import Decimal, Measure, Quantity, number, read_quantities


def read(text: str, decimal: Decimal | None = None) -> tuple[Quantity, ...]:
    return read_quantities(normalise(text).text, decimal)[0]


@pytest.mark.parametrize(
    ("text", "low", "high", "dimension"),
    [
        ("0,3 mm", 0.3, 0.3, None),
        ("1.250,5 mm", 1250.5, 1250.5, None),
        ("1,250.5 mm", 1250.5, 1250.5, None),
        (".5 mm", 0.5, 0.5, None),
        ("2-4 mm", 2, 4, None),
        ("2…4 mm", 2, 4, None),
        ("2~4 mm", 2, 4, None),
        ("0.5 mm – 2 mm", 0.5, 2, None),
        ("between 0.5 and 2 mm deep", 0.5, 2, "depth"),
        ("zwischen 2 und 4 mm tief", 2, 4, "depth"),
        ("2 bis 4 mm", 2, 4, None),
        ("2至4毫米", 2, 4, None),
        ("深度0.5~1.2毫米", 0.5, 1.2, "depth"),
        ("３．５㎜", 3.5, 3.5, None),
        ("300-800 µm", 0.3, 0.8, None),
        ("0.3 cm", 3, 3, None),
        ("20 thou", 0.508, 0.508, None),
        ("1/8 in", 3.175, 3.175, None),
        ('1 1/2"', 38.1, 38.1, None),
        ("½ inch", 12.7, 12.7, None),
        ("0.1 inch to 0.2 inch", 2.54, 5.08, None),
        ("half a millimetre", 0.5, 0.5, None),
        ("zwei Millimeter", 2, 2, None),
        ("三毫米", 3, 3, None),
        ("深5丝", 0.05, 0.05, "depth"),
        ("up to 0.2 mm deep", None, 0.2, "depth"),
        ("max. 0,5 mm tief", None, 0.5, "depth"),
        ("bis zu 3 mm", None, 3, None),
        ("nicht tiefer als 0,5 mm", None, 0.5, "depth"),
        ("0,3 mm nicht überschreiten", None, 0.3, None),
        ("不超过0.5mm", None, 0.5, None),
        ("≤ 0.5 mm", None, 0.5, None),
        ("deeper than 0.5 mm", 0.5, None, "depth"),
        ("0.5 mm or more", 0.5, None, None),
        ("5mm以上", 5, None, None),
        ("mindestens 3 mm", 3, None, None),
        ("radius 2 mm", 4, 4, "diameter"),
        ("3 mm apart", 3, 3, "spacing"),
        ("1° to 3°", 1, 3, "angle_deg"),
        ("Kratzertiefe 0,3 mm", 0.3, 0.3, "depth"),
    ],
)
def test_a_size_has_its_value_limit_and_dimension(
    text: str, low: float | None, high: float | None, dimension: str | None
) -> None:
    (found,) = read(text)
    assert (found.low, found.high) == (
        low if low is None else pytest.approx(low),
        high if high is None else pytest.approx(high),
    )
    assert (None if found.dimension is None else found.dimension.value) == dimension
    assert not found.aside


@pytest.mark.parametrize(
    "text",
    [
        "Ra 3.2 µm",
        "Rz 16 μm",
        "Ø 8 H7",
        "Ø 6 ±0.1 mm",
        "wall thickness 3 mm",
        "Blechdicke 1,0 mm",
        "壁厚8mm",
        "t = 6 mm",
        "6 mm plate",
        "Bohrung Ø 8 mm",
        "within 50 mm of the weld",
        "5 mm from the edge",
        "auf 100 mm Nahtlänge",
        "R5 mm",
    ],
)
def test_what_is_no_size_of_a_defect_is_put_aside(text: str) -> None:
    assert all(one.aside for one in read(text))


@pytest.mark.parametrize(
    "text", ["M8", "12.03.2024", "20 °C", "500 mm/min", "5 mm²", "2 in the flange", "ISO 2768-mK"]
)
def test_what_is_no_length_is_not_read(text: str) -> None:
    assert read(text) == ()


def test_sizes_relative_to_the_part_are_told_apart() -> None:
    assert [one.measure for one in read("0.05 t und 10 % der Wanddicke")] == [Measure.RELATIVE] * 2


def test_a_number_with_two_readings_is_not_guessed() -> None:
    found, unread = read_quantities("1,250 mm", None)
    assert found == () and [one.text for one in unread] == ["1,250"]
    assert read("1,250 mm", ",")[0].low == 1.25
    assert read("1,250 mm", ".")[0].low == 1250


LOCALES: dict[Decimal, str] = {".": ",", ",": "."}


@given(st.integers(0, 99_999_999), st.integers(0, 4), st.sampled_from(list(LOCALES)), st.booleans())
def test_a_number_comes_back_from_the_text_of_its_locale(
    digits: int, places: int, sign: Decimal, grouped: bool
) -> None:
    value = digits / 10**places
    written = f"{value:,.{places}f}" if grouped else f"{value:.{places}f}"
    written = written.translate(str.maketrans({",": LOCALES[sign], ".": sign}))
    assert number(written, sign) == pytest.approx(value)


@given(st.text(max_size=60))
def test_reading_never_fails_and_stays_within_the_text(text: str) -> None:
    normal = normalise(text)
    for one in read_quantities(normal.text)[0]:
        assert 0 <= one.start <= one.number < one.end <= len(normal.text)
        assert normal.quote(one.start, one.end) in text


@pytest.mark.parametrize("text", ["1." * 5000, "1" * 10_000, "1/2 " * 2000, "deep " * 2000])
def test_long_runs_are_read(text: str) -> None:
    read(text)
