"""What is said of one thing, of several, and of the same several times."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import ClickException

from backend.cli.batch import for_each_scan
from backend.errors import CloudError
from backend.io import write_cloud
from backend.wording import counted, grouped, listed, open_directions
from shared_schema.load import dump, parse_document
from shared_schema.recipe import Recipe
from tests.backend.cli.conftest import Run
from tests.backend.shapes import sphere


def test_numbers_and_nouns_agree() -> None:
    assert [counted(number, "scan") for number in (0, 1)] == ["0 scans", "1 scan"]
    assert counted(2000, "scan") == "2,000 scans"
    assert open_directions(1).endswith("along it") and open_directions(3).endswith("along them")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("", ""),
        ("a", "a"),
        ("ab", "a and b"),
        ("abcd", "a, b, c and d"),
        ("abcdefg", "a, b, c and 4 others"),
    ],
)
def test_lists_are_short(names: str, text: str) -> None:
    assert listed(list(names)) == text


def test_equal_notes_are_one() -> None:
    notes = [("a", "cut off"), ("b", "empty"), ("c", "cut off")]
    assert grouped(notes) == [(["a", "c"], "cut off"), (["b"], "empty")]


@pytest.mark.parametrize(
    ("bad", "scans", "said"),
    [
        (1, 1, "the scan failed, for the reason above; no result is written"),
        (3, 3, "all 3 scans failed, for the reasons above; no result is written"),
        (1, 2, "1 of 2 scans failed, for the reason above; the result of the other one is written"),
        (2, 5, "2 of 5 scans failed, for the reasons above; the results of the other 3 are "),
    ],
)
def test_of_the_others_is_spoken_where_there_are_any(bad: int, scans: int, said: str) -> None:
    paths = [Path(f"{number}.ply") for number in range(scans)]

    def work(path: Path) -> None:
        if int(path.stem) < bad:
            raise CloudError("no points")

    with pytest.raises(ClickException) as raised:
        for_each_scan(paths, work, "Working")
    assert raised.value.message.startswith(said)


def test_defects_that_mark_nothing_are_one_line(run: Run, tmp_path: Path) -> None:
    away = '{"kind": "dent", "name": "pore", "center": [0, 0, 500], "radius": 1, "depth": 0.1, '
    near = '{"kind": "dent", "center": [0, 0, 10], "radius": 3, "depth": 0.1, "label": 1}'
    others = ", ".join(f'{away} "label": {label}}}' for label in range(2, 16))
    text = f'{{"schema_version": 1, "part": {{"diagonal": 34.6}}, "defects": [{near}, {others}]}}'
    (tmp_path / "recipe.json").write_text(dump(parse_document(text, Recipe)))
    write_cloud(tmp_path / "scan.ply", sphere())
    result = run(
        "replay", tmp_path / "recipe.json", tmp_path / "scan.ply", "--out", tmp_path / "out"
    )
    said = f"{tmp_path / 'scan.ply'}: 14 of 15 defects (dent 'pore') mark no point of the scan"
    assert result.stderr.count("no point") == 1 and said in result.stderr
