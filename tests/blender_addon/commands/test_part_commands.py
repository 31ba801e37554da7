"""``apply``, ``export`` and ``validate`` as people call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from backend.io import read_labeled
from blender_addon.batch.jobs import open_blend
from blender_addon.batch.saving import save_blend
from blender_addon.commands import main
from blender_addon.exchange.recipes import recipe_of
from blender_addon.stack.modifiers import add_defect
from shared_schema.load import load_template
from tests.blender import add_part, egg
from tests.blender_addon.egg_files import CENTER, DENT, write_egg, write_recipe

AWAY = {**DENT, "center": [0.0, 0.0, 50.0]}
RECIPES: dict[str, list[dict[str, Any]]] = {
    "top": [{**DENT, "name": "Top"}],
    "side": [{**DENT, "name": "Side", "center": [0.0, -7.0, 0.0], "label": 2}],
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An egg 20 mm long, away from the origin, and recipes for it."""
    folder = tmp_path_factory.mktemp("inputs")
    write_egg(folder)
    for name, defects in RECIPES.items():
        # A suffix may be in capitals.
        suffix = ".JSON" if name == "side" else ".json"
        write_recipe(folder / "recipes" / f"{name}{suffix}", *defects)
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs a command; returns its exit status and what it said on the standard error."""

    def run(*arguments: object) -> tuple[int, str]:
        status = main([*map(str, arguments)])
        return status, capfd.readouterr().err

    return run


def parts_of(path: Path) -> dict[str, list[str]]:
    """The names of the defects on each object of a .blend file."""
    open_blend(path)
    documents = {obj.name: recipe_of(obj) for obj in bpy.data.objects if obj.modifiers}
    return {name: [d["name"] for d in one["defects"]] for name, one in documents.items()}


def test_each_recipe_is_applied_to_each_part(inputs: Path, tmp_path: Path, run: Any) -> None:
    options = ["--recipes", inputs / "recipes", "--out", tmp_path, "--jobs", 1]
    status, said = run("apply", inputs / "egg.stl", *options)
    assert status == 0, said
    assert parts_of(tmp_path / "egg" / "top.blend") == {"egg": ["Top"]}
    assert parts_of(tmp_path / "egg" / "side.blend") == {"egg": ["Side"]}
    assert "2 of them done already" in run("apply", inputs / "egg.stl", *options)[1]


def test_one_file_gets_the_defects_of_all_recipes(inputs: Path, tmp_path: Path, run: Any) -> None:
    recipes = [inputs / "recipes" / name for name in ("top.json", "side.JSON")]
    options = ["--recipes", *recipes, "--out", tmp_path / "both.blend"]
    status, said = run("apply", inputs / "egg.stl", *options)
    assert status == 0, said
    assert parts_of(tmp_path / "both.blend") == {"egg": ["Top", "Side"]}


def test_a_labelled_mesh_has_the_marks_of_all_recipes(
    inputs: Path, tmp_path: Path, run: Any
) -> None:
    folder = ["--recipes", inputs / "recipes"]
    options = [inputs / "egg.stl", *folder, "--mesh", "--out", tmp_path, "--jobs", 1]
    status, said = run("apply", *options)
    assert status == 0, said
    assert set(read_labeled(tmp_path / "egg" / "top.ply").labels) == {0, 3}
    assert run("apply", inputs / "egg.stl", *folder, "--out", tmp_path / "egg.ply")[0] == 0
    labeled = read_labeled(tmp_path / "egg.ply")
    assert set(labeled.labels) == {0, 2, 3}
    low, high = labeled.points.min(axis=0), labeled.points.max(axis=0)
    np.testing.assert_allclose((low + high) / 2.0, CENTER, atol=1.0)


def test_one_file_is_of_one_part(inputs: Path, tmp_path: Path, run: Any) -> None:
    (tmp_path / "other.stl").write_bytes((inputs / "egg.stl").read_bytes())
    parts = [inputs / "egg.stl", tmp_path / "other.stl"]
    status, said = run("apply", *parts, "--out", tmp_path / "x.blend")
    assert status == 1
    assert "x.blend is one file, but there are several parts: egg, other" in said
    assert not (tmp_path / "x.blend").exists()


@pytest.fixture
def two_parts(tmp_path: Path) -> Path:
    """A .blend file with two parts."""
    for name in ("left", "right"):
        add_defect(add_part(*egg(10.0), name), "dent", {**DENT, "name": f"On {name}"})
    save_blend(bpy.data.objects["left"], tmp_path / "two.blend")
    return tmp_path / "two.blend"


def test_every_part_is_exported_to_a_folder(two_parts: Path, tmp_path: Path, run: Any) -> None:
    status, said = run("export", two_parts, "--out", tmp_path / "recipes")
    assert status == 0, said
    found = {
        path.name: json.loads(path.read_text(encoding="utf-8"))["defects"][0]["name"]
        for path in (tmp_path / "recipes").iterdir()
    }
    assert found == {"two.left.json": "On left", "two.right.json": "On right"}


def test_files_take_no_letters_of_an_objects_name_that_would_harm(
    two_parts: Path, tmp_path: Path, run: Any
) -> None:
    open_blend(two_parts)
    bpy.data.objects["left"].name = "../left"
    save_blend(bpy.data.objects["../left"], two_parts)
    status, said = run("export", two_parts, "--out", tmp_path / "recipes")
    assert status == 0, said
    names = sorted(path.name for path in (tmp_path / "recipes").iterdir())
    assert names == ["two.___left.json", "two.right.json"]


def test_one_file_is_of_a_named_part(two_parts: Path, tmp_path: Path, run: Any) -> None:
    status, said = run("export", two_parts, "--out", tmp_path / "recipe.json")
    assert status == 1
    assert "recipe.json is one file, but there are 2 parts: left, right; name one" in said
    assert run("export", two_parts, "--object", "right", "--out", tmp_path / "recipe.json")[0] == 0
    recipe = json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["part"]["name"] == "right"


def test_a_template_is_exported(two_parts: Path, tmp_path: Path, run: Any) -> None:
    options = ["--object", "left", "--template", "--out", tmp_path / "template.json"]
    status, said = run("export", two_parts, *options)
    assert status == 0, said
    [dent] = load_template(tmp_path / "template.json").defects
    assert (dent.kind, dent.name, dent.label) == ("dent", "On left", 3)


def test_only_blend_files_hold_recipes(inputs: Path, tmp_path: Path, run: Any) -> None:
    status, said = run("export", inputs / "egg.stl", "--out", tmp_path / "recipe.json")
    assert status == 1
    assert "egg.stl: recipes are exported from .blend files only" in said


def test_sound_files_are_valid(inputs: Path, two_parts: Path, run: Any) -> None:
    status, said = run("validate", inputs / "recipes", two_parts, "--part", inputs / "egg.stl")
    assert (status, said) == (0, "3 files have no problem\n")


def test_each_problem_is_a_line(inputs: Path, tmp_path: Path, run: Any) -> None:
    deep = write_recipe(tmp_path / "deep.json", {**DENT, "depth": "deep", "radius": -1.0})
    away = write_recipe(tmp_path / "away.json", DENT, AWAY)
    status, said = run("validate", deep, away, "--part", inputs / "egg.stl")
    assert status == 1
    lines = said.splitlines()
    assert lines[:2] == [
        f"{deep}: defects[0].radius: -1.0; it must be greater than 0",
        f'{deep}: defects[0].depth: "deep"; it must be a number',
    ]
    assert lines[2].startswith(f'{away}: "Dent.001": marks no point of the part')
    assert lines[3:] == ["flawsmith: 2 of 2 files have problems, 3 in all"]


def test_without_a_part_places_are_not_tried(tmp_path: Path, run: Any) -> None:
    away = write_recipe(tmp_path / "away.json", AWAY)
    assert run("validate", away) == (0, "1 file has no problem\n")
