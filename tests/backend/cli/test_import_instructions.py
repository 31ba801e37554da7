"""``flawsmith import-instructions``: from a file of Synthesis4AD's format to labelled points."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import flawsmith as fs
from shared_schema.load import load_template
from tests.backend.cli.conftest import Run
from tests.backend.instruct.test_synthesis4ad import ROUND, SCRATCH, VIEWS


def test_the_command_writes_a_template_that_is_sampled_and_replayed(
    run: Run, tmp_path: Path
) -> None:
    plate, file, out = (tmp_path / name for name in ("plate.stl", "paper.json", "t.json"))
    fs.write_cloud(plate, fs.load_sample("plate_holes"))
    file.write_text(json.dumps([ROUND, SCRATCH | {"View": "view_000"}]), encoding="utf-8")
    arguments = ["import-instructions", file, plate, "--views", VIEWS, "--out", out]
    assert "does not say in which of the 2 views" in run(*arguments, status=1).output
    assert not out.exists()
    printed = run(*arguments, "--view", "view_000", "--fix").output
    assert "note V65 Scratch 2: the parameter m has no meaning" in printed
    assert [one.location.type for one in load_template(out).defects] == ["view_box", "view_box"]
    recipes = tmp_path / "recipes"
    run("sample", out, plate, "--views", VIEWS, "--count", "1", "--out", recipes)
    (recipe,) = recipes.iterdir()
    spread = fs.subsample_surface(fs.load_sample("plate_holes"), 6000, np.random.default_rng(0))
    fs.write_cloud(tmp_path / "scan.ply", spread)
    run("replay", recipe, tmp_path / "scan.ply", "--out", tmp_path / "labelled")
    labelled = fs.read_labeled(next((tmp_path / "labelled").glob("*.ply")))
    assert labelled.mask.any()
