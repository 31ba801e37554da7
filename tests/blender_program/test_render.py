"""A part is rendered, scanned and saved by a real Blender, in processes of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from backend.io import read_labeled
from shared_schema.views import ViewSet
from tests.blender_program.program import Blender

DENT = {"kind": "dent", "center": [0.0, 0.0, 10.0], "radius": 5.0, "depth": 1.0, "label": 300}
RECIPE = {"schema_version": 1, "part": {"diagonal": 34.0}, "defects": [DENT]}
SIZE = 32
# A fault that killed one run in two is seen by so many items in one process.
MANY = 20
RENDER_HERE = Path(__file__).with_name("render_here.py")
# So many that a run is still at work when its first is done.
JOBS = 8


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ball of radius 10 and two recipes for it."""
    folder = tmp_path_factory.mktemp("inputs")
    trimesh.creation.icosphere(subdivisions=5, radius=10.0).export(folder / "ball.stl")
    (folder / "recipes").mkdir()
    for name in ("first", "second"):
        (folder / "recipes" / f"{name}.json").write_text(json.dumps(RECIPE), encoding="utf-8")
    return folder


def test_two_processes_render_exact_passes(blender: Blender, inputs: Path, tmp_path: Path) -> None:
    small = ["--views", 1, "--elevation", 89, 90, "--size", SIZE, SIZE, "--samples", 1]
    options = ["--recipes", inputs / "recipes", "--out", tmp_path, "--jobs", 2, *small]
    result = blender.command("render", inputs / "ball.stl", *options)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "ball" / "first"
    [camera] = ViewSet.model_validate_json((folder / "views.json").read_text("utf-8")).cameras
    ids = np.array(Image.open(folder / camera.passes["defect_id"]))
    assert set(np.unique(ids)) == {0, 300}
    # The dent is 5 in radius in the middle of a ball of 10.
    assert 0.15 < (ids > 0).sum() / (np.pi * (SIZE / 2) ** 2) < 0.3
    assert np.array(Image.open(folder / camera.passes["rgb"])).shape == (SIZE, SIZE, 3)
    for file in camera.passes.values():
        assert (folder / file).read_bytes() == (folder.parent / "second" / file).read_bytes()
    again = blender.command("render", inputs / "ball.stl", *options)
    assert "2 of them done already" in again.stderr


@pytest.fixture(scope="module")
def many(blender: Blender, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .blend file of the ball with a dent, and beside it many recipes."""
    folder = tmp_path_factory.mktemp("many")
    recipe = ["--recipes", inputs / "recipes" / "first.json"]
    result = blender.command("apply", inputs / "ball.stl", *recipe, "--out", folder / "ball.blend")
    assert result.returncode == 0, result.stderr
    (folder / "recipes").mkdir()
    for number in range(MANY):
        recipe_text = json.dumps({**RECIPE, "defects": [{**DENT, "depth": 0.1 * number}]})
        path = folder / "recipes" / f"{number:02}.json"
        path.write_text(recipe_text, encoding="utf-8")
    return folder


def test_many_items_are_rendered_one_after_the_other_in_one_process(
    blender: Blender, many: Path, tmp_path: Path
) -> None:
    ended = blender.script(RENDER_HERE, many / "ball.blend", many / "recipes", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(list(tmp_path.glob("records/part/*.json"))) == MANY
    # No renderer keeps a dependency graph of a scene that is gone.
    after = ended.stdout.partition("all done")[2]
    assert "DEG_relations_tag_update" in after
    assert "[RENDER]" not in after


def test_one_worker_renders_many_items_and_does_not_die(
    blender: Blender, many: Path, tmp_path: Path
) -> None:
    small = ["--views", 1, "--size", 16, 12, "--samples", 1, "--passes", "rgb", "mask"]
    options = ["--recipes", many / "recipes", "--nominal", "--jobs", 1, "--out", tmp_path, *small]
    result = blender.command("render", many / "ball.blend", *options)
    assert result.returncode == 0, result.stderr
    assert "ended by itself" not in result.stderr
    assert len(list(tmp_path.glob("records/ball/*.json"))) == MANY + 1


def test_ctrl_c_ends_a_run_and_its_workers_and_it_goes_on(
    blender: Blender, inputs: Path, tmp_path: Path
) -> None:
    for number in range(JOBS):
        (tmp_path / f"{number}.json").write_text(json.dumps(RECIPE), encoding="utf-8")
    out, small = tmp_path / "out", ["--views", 2, "--size", SIZE, SIZE, "--samples", 1]
    arguments = ["render", inputs / "ball.stl", "--recipes", tmp_path, "--out", out, *small]
    arguments += ["--jobs", 2]
    with subprocess.Popen(
        [blender.path, "--background", "--command", "flawsmith", *map(str, arguments)],
        env=blender.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not list(out.glob("records/ball/*.json")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.endswith("Interrupted; the same command continues from here.\n")
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [command for command in commands if str(tmp_path).encode() in command]
    again = blender.command(*arguments)
    assert again.returncode == 0, again.stderr
    assert "of them done already" in again.stderr
    assert len(list(out.glob("records/ball/*.json"))) == JOBS


def test_a_part_is_applied_saved_checked_and_exported(
    blender: Blender, inputs: Path, tmp_path: Path
) -> None:
    recipe = ["--recipes", inputs / "recipes" / "first.json"]
    for name in ("part.blend", "part.ply"):
        result = blender.command("apply", inputs / "ball.stl", *recipe, "--out", tmp_path / name)
        assert result.returncode == 0, result.stderr
    assert set(read_labeled(tmp_path / "part.ply").labels) == {0, 300}
    result = blender.command("export", tmp_path / "part.blend", "--out", tmp_path / "recipe.json")
    assert result.returncode == 0, result.stderr
    files = [tmp_path / "part.blend", tmp_path / "recipe.json"]
    result = blender.command("validate", *files, "--part", inputs / "ball.stl")
    assert result.returncode == 0, result.stderr
    assert result.stderr == "2 files have no problem\n"
