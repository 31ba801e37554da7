"""The extension's commands in a real Blender, as people run them."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh

from shared_schema.load import load_recipe
from tests.backend.shapes import KINDS
from tests.blender import egg
from tests.blender_program.program import Blender


@pytest.fixture(scope="module")
def shown(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small showcase of an egg 20 mm long."""
    folder = tmp_path_factory.mktemp("showcase")
    points, faces = egg(10.0)
    trimesh.Trimesh(points, faces).export(folder / "egg.stl")
    ended = blender.command("showcase", folder / "egg.stl", "--out", folder / "out", "--size", 32)
    assert ended.returncode == 0, ended.stderr
    assert "added a crack" in ended.stderr
    return folder / "out"


def test_every_command_is_there(blender: Blender) -> None:
    ended = blender.command("--help")
    assert ended.returncode == 0, ended.stderr
    for name in ("apply", "example", "export", "render", "scan", "showcase", "validate"):
        assert f"\n    {name} " in ended.stdout


def test_a_showcase_shows_every_kind(shown: Path) -> None:
    assert sorted(defect.kind for defect in load_recipe(shown / "recipe.json").defects) == KINDS
    for kind in KINDS:
        assert (shown / f"preview_{kind}.png").read_bytes()[1:4] == b"PNG"


def test_the_recipe_of_its_file_is_exported(blender: Blender, shown: Path, tmp_path: Path) -> None:
    ended = blender.command("export", shown / "showcase.blend", "--out", tmp_path / "recipe.json")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "recipe.json").read_bytes() == (shown / "recipe.json").read_bytes()


def test_the_example_is_a_file_with_every_kind(blender: Blender, tmp_path: Path) -> None:
    made, recipe = tmp_path / "example.blend", tmp_path / "recipe.json"
    for command in (("example", "--out", made), ("export", made, "--out", recipe)):
        ended = blender.command(*command)
        assert ended.returncode == 0, ended.stderr
    assert sorted(defect.kind for defect in load_recipe(recipe).defects) == KINDS


def test_a_missing_file_is_named(blender: Blender, tmp_path: Path) -> None:
    ended = blender.command("export", "none.blend", "--out", tmp_path / "recipe.json")
    assert ended.returncode == 1
    assert ended.stderr == "flawsmith: none.blend: there is no such file\n"
    assert not (tmp_path / "recipe.json").exists()
