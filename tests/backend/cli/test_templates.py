"""``flawsmith templates``, and bundled names where a command takes a template."""

from __future__ import annotations

import json
from pathlib import Path

from backend.io import write_cloud
from backend.samples import sample_path
from backend.templates import FOLDER, PROCESSES, template_path, templates
from shared_schema.load import load_recipe
from tests.backend.cli.conftest import Run
from tests.backend.parts import scan

NAME = "machining/handling_dents"


def test_all_are_listed_by_process_with_what_they_show(run: Run) -> None:
    paragraphs = run("templates").stdout.rstrip("\n").split("\n\n")
    assert [paragraph.split("\n")[0] for paragraph in paragraphs] == list(PROCESSES.values())
    lines = [line for paragraph in paragraphs for line in paragraph.split("\n")[1:]]
    for line, one in zip(lines, templates().values(), strict=True):
        assert line.split()[0] == one.name
        assert one.title in line and one.description in line


def test_one_is_shown_and_copied_out(run: Run, tmp_path: Path) -> None:
    text = template_path(NAME).read_text(encoding="utf-8")
    assert run("templates", "--show", NAME).stdout == text
    run("templates", "--show", NAME, "--out", tmp_path / "mine.json")
    assert (tmp_path / "mine.json").read_text(encoding="utf-8") == text


def test_a_bundled_template_is_not_written_over(run: Run) -> None:
    result = run("templates", "--show", NAME, "--out", FOLDER / f"{NAME}.json", status=2)
    assert "would be overwritten" in result.stderr


def test_out_alone_asks_which(run: Run, tmp_path: Path) -> None:
    result = run("templates", "--out", tmp_path / "mine.json", status=2)
    assert "name it with --show" in result.stderr
    assert not list(tmp_path.iterdir())


def test_unknown_names_bring_up_close_ones(run: Run, tmp_path: Path) -> None:
    shown = run("templates", "--show", "casting/porosit", status=1)
    assert "did you mean casting/porosity" in shown.stderr
    drawn = run("sample", "casting/porosit", sample_path("pawn"), "--out", tmp_path, status=2)
    assert "no such file" in drawn.stderr and "did you mean casting/porosity" in drawn.stderr


def test_a_bundled_name_is_a_template(run: Run, tmp_path: Path) -> None:
    run("sample", NAME, sample_path("pawn"), "--out", tmp_path)
    recipe = load_recipe(tmp_path / "handling_dents-00000.json")
    assert {defect.kind for defect in recipe.defects} == {"dent"}


def test_a_data_set_is_made_from_a_bundled_name(run: Run, tmp_path: Path) -> None:
    write_cloud(tmp_path / "egg" / "0.ply", scan("egg", 0, 9000))
    scans, out = tmp_path / "egg", tmp_path / "out"
    run("synthesize", NAME, "--scans", scans, "--count", 1, "--jobs", 1, "--out", out)
    manifest = json.loads((out / "egg" / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["samples"]) == 1


def test_a_copy_that_was_taken_out_is_a_template(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "own.json"
    run("templates", "--show", "welding/spatter", "--out", copy)
    write_cloud(tmp_path / "part.ply", scan("egg", 0))
    run("sample", copy, tmp_path / "part.ply", "--out", tmp_path / "out")
    assert load_recipe(tmp_path / "out" / "own-00000.json").defects[0].kind == "deposit"
