"""The command line, in a process of its own as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blender_addon.data.attributes import read_positions
from blender_addon.documents.errors import AddonError
from blender_addon.examples.showcase import add_defects
from blender_addon.exchange.recipes import recipe_of
from blender_addon.parts.opening import open_part
from blender_addon.stack.modifiers import defect_modifiers
from shared_schema.load import load_recipe
from tests.architecture.project import ROOT
from tests.backend.shapes import KINDS
from tests.blender import evaluate
from tests.blender_addon.egg_files import CENTER, write_egg

PREVIEWS = {f"preview_{kind}.png" for kind in KINDS} | {"preview_stack.png"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An egg 20 mm long, away from the origin."""
    return write_egg(tmp_path_factory.mktemp("model"))


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "blender_addon", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def shown(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small showcase."""
    out = tmp_path_factory.mktemp("showcase") / "out"
    result = run("showcase", model, "--out", out, "--size", 32)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert "added a crack" in result.stderr
    return out


def test_a_showcase_is_pictures_recipe_and_file(shown: Path) -> None:
    record = json.loads((shown / "showcase.json").read_text(encoding="utf-8"))
    written = {path.name for path in shown.iterdir()}
    assert written == {*PREVIEWS, "recipe.json", "showcase.blend", "showcase.json"}
    assert set(record["files"]) == written - {"showcase.json"}
    assert all((shown / name).read_bytes()[1:4] == b"PNG" for name in PREVIEWS)
    assert {defect["kind"] for defect in record["defects"]} == set(KINDS)


def test_its_recipe_is_valid_and_in_the_parts_frame(shown: Path) -> None:
    recipe = load_recipe(shown / "recipe.json")
    assert recipe.part.name == "egg"
    assert {defect.kind for defect in recipe.defects} == set(KINDS)
    assert recipe.defects[-1].kind == "bend"
    np.testing.assert_allclose(recipe.origin, CENTER, atol=1e-3)


def test_a_second_run_reuses_the_first(model: Path, shown: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in shown.iterdir()}
    result = run("showcase", model, "--out", shown, "--size", 32)
    assert (result.returncode, result.stdout) == (0, "")
    assert "already holds this showcase" in result.stderr
    assert {path.name: path.stat().st_mtime_ns for path in shown.iterdir()} == before


def test_the_recipe_of_its_file_is_exported(shown: Path, tmp_path: Path) -> None:
    out = tmp_path / "recipe.json"
    result = run("export", shown / "showcase.blend", "--object", "egg", "--out", out)
    assert result.returncode == 0, result.stderr
    assert out.read_bytes() == (shown / "recipe.json").read_bytes()


def test_an_unknown_object_lists_those_with_defects(shown: Path, tmp_path: Path) -> None:
    result = run("export", shown / "showcase.blend", "--object", "x", "--out", tmp_path / "r.json")
    assert result.returncode == 1
    expected = f"{shown / 'showcase.blend'}: there is no object 'x'; objects with defects: 'egg'"
    assert result.stderr == f"flawsmith: {expected}\n"


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    result = run("showcase", tmp_path / "none.stl", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "none.stl: there is no such file" in result.stderr
    assert not (tmp_path / "out").exists()


def test_each_defect_lies_in_the_region(model: Path) -> None:
    part = open_part(model, edge_ratio=0.02)
    region = np.array([(-8.0, -9.0, 0.0), (8.0, 9.0, 9.0)])
    add_defects(part, region, say=lambda step: None)
    assert sorted(defect["kind"] for defect in recipe_of(part)["defects"]) == KINDS
    points = read_positions(part.data)
    stack = defect_modifiers(part)
    for modifier in stack:
        for other in stack:
            other.show_viewport = other == modifier
        after = evaluate(part)
        assert after.mask.any()
        middle = np.average(points[after.source_index], axis=0, weights=after.weight)
        # A bend goes round the part, whose middle is at the region's lower side.
        assert (middle > region[0] - (0.0, 0.0, 1.0)).all()
        assert (middle < region[1]).all()


def test_the_same_part_gets_the_same_defects(model: Path) -> None:
    recipes = []
    for _ in range(2):
        part = open_part(model, edge_ratio=0.02)
        add_defects(part, None, say=lambda step: None)
        recipes.append({**recipe_of(part), "name": "", "part": None})
    assert recipes[0] == recipes[1]


def test_an_empty_region_is_refused_with_the_parts_extent(model: Path) -> None:
    part = open_part(model)
    with pytest.raises(AddonError, match=r"holds no vertex of 'egg', which spans \[90\."):
        add_defects(part, np.array([(50.0, 0.0, 0.0), (60.0, 1.0, 1.0)]), say=print)
