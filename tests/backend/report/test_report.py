"""Reports are self-contained pages that hold what they are given, as text and not as markup."""

from __future__ import annotations

import base64
import io
import math
import re
from importlib.resources import files

import pytest
from jinja2 import UndefinedError
from rich.console import Console

import backend.report
from backend.evaluation.measure import MetricRow
from backend.report import as_text, data_address, render_report
from backend.report.metrics_table import COLUMNS, metrics_table

NAN = float("nan")
ROWS = (
    MetricRow("dent", 4, 6, 0.8125, (0.5, 1.0), 0.91234, 0.25, 0.75),
    MetricRow("all", 4, 6, NAN, (NAN, NAN), NAN, NAN, NAN),
)
OUTSIDE = re.compile(r"""(?:src|href)=["'](?!data:|{{|#)|@import|url\((?!data:)|https?://""")
TEMPLATES = [path.name for path in files(backend.report).iterdir() if path.name.endswith(".j2")]


def printed(rows: tuple[MetricRow, ...]) -> str:
    text = io.StringIO()
    Console(file=text, width=120).print(metrics_table(rows))
    return text.getvalue()


def test_picture_is_inside_its_address() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    kind, _, content = data_address(png).partition(",")
    assert kind == "data:image/png;base64" and base64.b64decode(content) == png


def test_content_that_is_left_out_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render_report(TEMPLATES[0])


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_loads_nothing_from_elsewhere(name: str) -> None:
    source = files(backend.report).joinpath(name).read_text(encoding="utf-8")
    assert not OUTSIDE.findall(source)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_says_its_language_and_describes_its_pictures(name: str) -> None:
    source = files(backend.report).joinpath(name).read_text(encoding="utf-8")
    assert '<html lang="en">' in source and 'name="viewport"' in source
    images = re.findall(r"<img[^>]*>", source)
    assert images and all(' alt="' in image for image in images)
    assert source.count("<caption>") == source.count("<table")


def test_table_prints_every_row_and_a_dash_for_what_is_undefined() -> None:
    text = printed(ROWS)
    assert all(name in text for name in COLUMNS)
    dent = next(line for line in text.splitlines() if "dent " in line and "kind" not in line)
    assert dent.split() == ["dent", "4", "0.812", "0.500–1.000", "0.912", "0.250", "0.750"]
    overall = next(line for line in text.splitlines() if "all " in line)
    assert overall.split() == ["all", "4", *"–––––"]


def test_numbers_have_three_decimals() -> None:
    assert (as_text(1.0), as_text(0.12345), as_text(math.nan)) == ("1.000", "0.123", "–")
