"""View sets as people render them, in a process of its own: exact, resumable, repeatable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
import tifffile
from PIL import Image

from shared_schema.load import load_recipe
from shared_schema.views import Camera, ViewSet
from tests.architecture.project import ROOT
from tests.blender_addon.egg_files import CENTER, DENT, RADII, write_egg, write_recipe

SIZE = 48
SMALL = ["--size", SIZE, SIZE, "--samples", 1, "--views", 2]
TOP: dict[str, Any] = {**DENT, "label": 300}
SIDE: dict[str, Any] = {
    "kind": "dent",
    "center": [0.0, -7.0, 0.0],
    "radius": 3.0,
    "depth": 0.5,
    "label": 2,
}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "blender_addon", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An egg 20 mm long, away from the origin, and recipes for it."""
    folder = tmp_path_factory.mktemp("inputs")
    write_egg(folder)
    write_recipe(folder / "recipes" / "both.json", TOP, SIDE)
    write_recipe(folder / "recipes" / "dent.json", TOP)
    return folder


@pytest.fixture(scope="module")
def rendered(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All recipes and the nominal part, by two processes."""
    out = tmp_path_factory.mktemp("rendered") / "out"
    options = ["--recipes", inputs / "recipes", "--nominal", "--out", out, "--jobs", 2, *SMALL]
    result = run("render", inputs / "egg.stl", *options)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert "[3/3] egg/" in result.stderr
    return out


def view_set(folder: Path) -> ViewSet:
    return ViewSet.model_validate_json((folder / "views.json").read_text(encoding="utf-8"))


def read_exr(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    pixels = np.empty((SIZE, SIZE, 4), dtype=np.float32)
    image.pixels.foreach_get(pixels.ravel())
    return pixels[::-1, :, :3]


def read_png(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def in_part_frame(camera: Camera, depth: np.ndarray) -> np.ndarray:
    """Places (P, 3) of the pixels with a depth, by the formula of the schema."""
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns].astype(np.float64)
    x = (columns + 0.5 - camera.cx) / camera.fx * z
    y = (rows + 0.5 - camera.cy) / camera.fy * z
    pose = np.array(camera.T_camera_part)
    return (np.stack([x, y, z], axis=1) - pose[:3, 3]) @ pose[:3, :3]


def test_each_recipe_has_its_folder_with_every_pass(rendered: Path) -> None:
    for name, count in {"both": 2, "dent": 1, "nominal": 0}.items():
        folder = rendered / "egg" / name
        views = view_set(folder)
        assert (views.part, views.unit) == ("egg", "mm")
        assert [camera.name for camera in views.cameras] == ["view_000", "view_001"]
        for camera in views.cameras:
            assert set(camera.passes) == {"rgb", "depth", "normal", "mask", "defect_id"}
            assert all((folder / file).is_file() for file in camera.passes.values())
            assert read_png(folder / camera.passes["rgb"]).shape == (SIZE, SIZE, 3)
        assert len(load_recipe(folder / "recipe.json").defects) == count


def test_depth_and_normals_are_those_of_the_part(rendered: Path) -> None:
    folder = rendered / "egg" / "nominal"
    for camera in view_set(folder).cameras:
        depth = read_exr(folder / camera.passes["depth"])[..., 0]
        places = in_part_frame(camera, depth) - CENTER
        assert len(places) > 300
        np.testing.assert_allclose(np.linalg.norm(places / RADII, axis=1), 1.0, atol=5e-3)
        normals = read_exr(folder / camera.passes["normal"])[depth != 0]
        outward = places / RADII**2
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        assert np.einsum("ij,ij->i", normals, outward).min() > 0.99
        assert not read_png(folder / camera.passes["mask"]).any()


def test_masks_and_numbers_are_exact_and_lie_on_the_defects(rendered: Path) -> None:
    folder = rendered / "egg" / "both"
    found = set()
    for camera in view_set(folder).cameras:
        ids = read_png(folder / camera.passes["defect_id"])
        mask = read_png(folder / camera.passes["mask"])
        depth = read_exr(folder / camera.passes["depth"])[..., 0]
        assert set(np.unique(mask)) <= {0, 255}
        np.testing.assert_array_equal(mask == 255, ids > 0)
        places = in_part_frame(camera, depth) - CENTER
        for defect in (TOP, SIDE):
            away = np.linalg.norm(places - defect["center"], axis=1)
            marked = ids[depth != 0] == defect["label"]
            assert (away[marked] < defect["radius"]).all()
            found |= {defect["label"]} if marked.any() else set()
        assert set(np.unique(ids)) <= {0, 2, 300}
    assert found == {2, 300}


def test_the_record_tells_in_how_many_pixels_each_defect_is_seen(rendered: Path) -> None:
    record = json.loads((rendered / "records" / "egg" / "both.json").read_text(encoding="utf-8"))
    folder = rendered / "egg" / "both"
    for defect in record["defects"]:
        seen = [
            int((read_png(folder / camera.passes["defect_id"]) == defect["label"]).sum())
            for camera in view_set(folder).cameras
        ]
        assert defect["pixels"] == seen


def test_a_second_run_does_nothing_and_one_process_makes_the_same_bytes(
    inputs: Path, rendered: Path, tmp_path: Path
) -> None:
    options = ["--recipes", inputs / "recipes", "--nominal", *SMALL]
    before = {path: path.stat().st_mtime_ns for path in rendered.rglob("*")}
    again = run("render", inputs / "egg.stl", *options, "--out", rendered)
    assert "3 of them done already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in rendered.rglob("*")} == before
    alone = run("render", inputs / "egg.stl", *options, "--out", tmp_path, "--jobs", 1)
    assert alone.returncode == 0, alone.stderr
    files = sorted(path.relative_to(rendered) for path in rendered.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert not [f for f in files if (tmp_path / f).read_bytes() != (rendered / f).read_bytes()]


def test_other_options_replace_the_results(inputs: Path, tmp_path: Path) -> None:
    recipe = ["--recipes", inputs / "recipes" / "dent.json", "--passes", "mask", "--jobs", 1]
    for views in (2, 1):
        result = run("render", inputs / "egg.stl", *recipe, *SMALL[:-1], views, "--out", tmp_path)
        assert result.returncode == 0, result.stderr
    masks = sorted(path.name for path in (tmp_path / "egg" / "dent").glob("*.png"))
    assert masks == ["view_000_mask.png"]


def test_a_killed_run_goes_on_where_it_was(inputs: Path, tmp_path: Path) -> None:
    options = ["--recipes", inputs / "recipes", "--nominal", *SMALL, "--out", tmp_path]
    arguments = command("render", inputs / "egg.stl", *options, "--jobs", 1)
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while not list(tmp_path.glob("records/egg/*.json")):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("records/egg/*.json")}
    result = run("render", inputs / "egg.stl", *options, "--jobs", 1)
    assert result.returncode == 0, result.stderr
    assert "of them done already" in result.stderr
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("records/egg/*.json")}
    assert len(after) == 3
    assert first.items() <= after.items()
    assert not (tmp_path / ".unfinished").exists()


def test_what_fails_is_named_and_does_not_stop_the_others(inputs: Path, tmp_path: Path) -> None:
    bad = write_recipe(tmp_path / "bad.json", TOP, SIDE, unit="inch")
    recipes = [bad, inputs / "recipes" / "dent.json"]
    options = ["--passes", "mask", *SMALL, "--out", tmp_path / "out", "--jobs", 2]
    result = run("render", inputs / "egg.stl", "--recipes", *recipes, *options)
    assert result.returncode == 1
    assert "egg/bad  FAILED:" in result.stderr and "the recipe is in inch" in result.stderr
    assert "1 of 2 failed" in result.stderr
    assert (tmp_path / "out" / "egg" / "dent" / "view_000_mask.png").exists()


def test_given_cameras_are_taken(inputs: Path, rendered: Path, tmp_path: Path) -> None:
    views = rendered / "egg" / "dent" / "views.json"
    recipe = ["--recipes", inputs / "recipes" / "dent.json", "--passes", "mask", "--jobs", 1]
    result = run("render", inputs / "egg.stl", *recipe, "--cameras", views, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    for name in ("view_000_mask.png", "view_001_mask.png"):
        expected = rendered / "egg" / "dent" / name
        assert (tmp_path / "egg" / "dent" / name).read_bytes() == expected.read_bytes()


def test_mvtecs_layout(inputs: Path, tmp_path: Path) -> None:
    recipe = ["--recipes", inputs / "recipes" / "both.json", "--nominal"]
    options = [*recipe, "--layout", "mvtec-3d-ad"]
    small = ["--size", SIZE, SIZE, "--samples", 1, "--views", 5, "--out", tmp_path, "--jobs", 1]
    result = run("render", inputs / "egg.stl", *options, *small)
    assert result.returncode == 0, result.stderr
    found = {
        split.relative_to(tmp_path / "egg").as_posix(): len(list((split / "xyz").iterdir()))
        for split in (tmp_path / "egg").glob("*/*")
    }
    # The recipe holds nothing but dents.
    assert found == {"train/good": 3, "validation/good": 1, "test/good": 1, "test/dent": 5}
    folder = tmp_path / "egg" / "test" / "dent"
    for name in ("rgb", "xyz", "gt"):
        stems = sorted(path.stem for path in (folder / name).iterdir())
        assert stems == [f"{number:03}" for number in range(5)]
    places = tifffile.imread(folder / "xyz" / "000.tiff")
    assert (places.shape, places.dtype) == ((SIZE, SIZE, 3), np.float32)
    seen = places[..., 2] != 0
    # In metres, the egg 20 mm long.
    assert 0.008 < np.ptp(places[seen], axis=0).max() < 0.021
    marked = read_png(folder / "gt" / "000.png")
    assert set(np.unique(marked)) <= {0, 255}
    assert not marked[~seen].any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.stl"], "none.stl: there is no such file"),
        (["egg.stl", "egg.stl"], "two files are named 'egg'"),
        (["egg.stl", "--fov", "200"], "--fov: 200.0 is not within 1.0 and 170.0"),
        (["egg.stl", "--cameras", "recipes/dent.json"], "recipes/dent.json: not a view set"),
        (
            ["egg.stl", "--recipes", "none"],
            "none: there is no such file, or the folder holds no recipe",
        ),
    ],
)
def test_what_cannot_be_done_is_said(inputs: Path, arguments: list[str], says: str) -> None:
    result = subprocess.run(
        command("render", *arguments, "--out", "out"),
        cwd=inputs,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert says in result.stderr
