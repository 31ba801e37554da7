"""Scans of parts as people make them; the folder is one that the backend learns from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.dataset.folder import data_files, read_samples
from backend.io import read_cloud
from shared_schema.recipe import Recipe
from shared_schema.scanner import Scanner
from tests.architecture.project import ROOT
from tests.blender_addon.egg_files import CENTER, DENT, RADII, write_egg, write_recipe

SMALL = ["--size", 96, 96, "--views", 3, "--scanner", "laser_line", "--seed", 4]


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", program, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An egg 20 mm long, away from the origin, and a recipe beside it."""
    folder = tmp_path_factory.mktemp("model")
    write_recipe(folder / "dent.json", DENT)
    return write_egg(folder)


@pytest.fixture(scope="module")
def scanned(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scans") / "data"
    options = ["--recipes", model.with_name("dent.json"), "--nominal", "--repeats", 2]
    result = run("blender_addon", "scan", model, *options, *SMALL, "--out", out, "--jobs", 2)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    return out


def test_it_is_a_folder_of_data(scanned: Path) -> None:
    files = data_files(scanned)
    assert [(file.path.name, file.anomalous) for file in files] == [
        ("nominal-000.ply", False),
        ("nominal-001.ply", False),
        ("dent-000.ply", True),
        ("dent-001.ply", True),
    ]
    samples, unmarked = read_samples(files)
    assert not unmarked
    assert [sample.kind for sample in samples] == ["nominal", "nominal", "dent", "dent"]
    for sample in samples:
        assert sample.cloud.normals is not None
        away = np.linalg.norm((sample.cloud.points - CENTER) / RADII, axis=1)
        assert np.abs(np.median(away) - 1.0) < 0.01
        assert set(sample.cloud.labels[sample.cloud.mask]) <= {3}


def test_each_scan_is_another_one(scanned: Path) -> None:
    first, second = (
        read_cloud(scanned / "egg" / "nominal" / f"nominal-{n:03}.ply") for n in (0, 1)
    )
    assert first.points.shape != second.points.shape or (first.points != second.points).any()


def test_the_record_tells_all(scanned: Path) -> None:
    path = scanned / "egg" / "anomalous" / "dent-000.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert Recipe.model_validate(record["recipe"]).defects[0].label == 3
    assert Scanner.model_validate(record["scanner"]).width == 96
    assert (record["seed"], record["unit"]) == (4, "mm")
    count = len(read_cloud(path.with_suffix(".ply")))
    assert record["points"] == count
    [dent] = record["defects"]
    assert 0 < dent["points"] < count
    rays = [sum(view["lost"].values()) + view["measured"] for view in record["views"]]
    assert rays == [96 * 96] * 3


def test_one_process_makes_the_same_bytes(model: Path, scanned: Path, tmp_path: Path) -> None:
    options = ["--recipes", model.with_name("dent.json"), "--nominal", "--repeats", 2]
    result = run("blender_addon", "scan", model, *options, *SMALL, "--out", tmp_path, "--jobs", 1)
    assert result.returncode == 0, result.stderr
    files = sorted(p.relative_to(scanned) for p in scanned.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert not [f for f in files if (tmp_path / f).read_bytes() != (scanned / f).read_bytes()]


def test_the_backend_exports_it_in_a_benchmarks_layout(scanned: Path, tmp_path: Path) -> None:
    layout = ["--layout", "mvtec-3d-ad", "--unit", "mm", "--pixels", 64]
    result = run("backend.cli", "export", scanned, *layout, "--out", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(list((tmp_path / "egg" / "test" / "dent" / "xyz").iterdir())) == 2
    assert list((tmp_path / "egg" / "train" / "good" / "xyz").iterdir())


def test_an_unknown_scanner_is_named(model: Path, tmp_path: Path) -> None:
    result = run("blender_addon", "scan", model, "--scanner", "radar", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert "radar: no such file and no bundled scanner" in result.stderr
