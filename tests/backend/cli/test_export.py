"""``flawsmith export``: a folder of data in, a benchmark's layout out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.cli.options import LAYOUT_NAMES as NAMES
from backend.dataset.layouts import LAYOUTS
from tests.backend.cli.conftest import Run
from tests.backend.parts import write_folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", nominal=3, anomalous=1)


def manifest_of(out: Path) -> dict:
    return json.loads((out / "export.json").read_text())


def test_names_are_those_of_the_layouts() -> None:
    assert list(NAMES) == list(LAYOUTS)


@pytest.mark.parametrize("layout", NAMES)
def test_a_data_set_is_written(layout: str, run: Run, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("export", data, "--layout", layout, "--out", out, "--unit", "inch")
    assert str(out / "export.json") in result.stderr
    manifest = manifest_of(out)
    splits = [sample["split"] for sample in manifest["samples"]]
    assert splits == ["train", "train", "test", "test"] * 2 and manifest["unit"] == "inch"
    assert all((out / name).exists() for sample in manifest["samples"] for name in sample["files"])


def test_options_reach_the_images(run: Run, data: Path, tmp_path: Path) -> None:
    asked = ("--pixels", 48, "--direction", 1, 0, "-0.5", "--test-share", 0.6, "--unit", "mm")
    run("export", data, "--layout", "mvtec-3d-ad", "--out", tmp_path / "out", *asked)
    manifest = manifest_of(tmp_path / "out")
    assert manifest["pixels"] == 48 and manifest["direction"] == [1.0, 0.0, -0.5]
    assert [sample["split"] for sample in manifest["samples"][:4]] == [
        "train",
        "validation",
        "test",
        "test",
    ]


def test_a_damaged_file_does_not_stop_the_others(run: Run, data: Path, tmp_path: Path) -> None:
    damaged = data / "ball" / "nominal" / "301.ply"
    damaged.write_bytes(damaged.read_bytes()[:200])
    out = tmp_path / "out"
    result = run("export", data, "--layout", "real3d-ad", "--out", out, status=1)
    assert str(damaged) in result.stderr and "1 of 8 scans failed" in result.stderr
    assert len(manifest_of(out)["samples"]) == 7
    assert sorted(path.name for path in (out / "ball" / "train").iterdir()) == ["0_template.pcd"]


def test_an_unmarked_cloud_is_named(run: Run, data: Path, tmp_path: Path) -> None:
    from backend.io import write_labeled
    from tests.backend.parts import labeled

    path = data / "egg" / "anomalous" / "300.ply"
    write_labeled(path, labeled("egg", 300, 0.0))
    result = run("export", data, "--layout", "real3d-ad", "--out", tmp_path / "out")
    assert f"{path}: left out, its mask marks no point" in result.stderr


def test_metres_need_a_unit(run: Run, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("export", data, "--layout", "mvtec-3d-ad", "--out", out, status=1)
    assert "MVTec 3D-AD is in metres" in result.stderr and "--unit" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("option", [("--pixels", 64), ("--direction", 0, 0, 1)])
def test_options_of_images_are_refused_elsewhere(
    option: tuple, run: Run, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("export", data, "--layout", "real3d-ad", "--out", out, *option, status=2)
    assert "need --layout mvtec-3d-ad" in result.stderr and not out.exists()


def test_a_direction_of_no_length_is_refused(run: Run, data: Path, tmp_path: Path) -> None:
    asked = ("--layout", "mvtec-3d-ad", "--unit", "mm", "--direction", 0, 0, 0)
    result = run("export", data, *asked, "--out", tmp_path / "out", status=2)
    assert "must not be zero" in result.stderr


def test_data_is_not_written_into(run: Run, data: Path) -> None:
    result = run("export", data, "--layout", "real3d-ad", "--out", data / "egg", status=1)
    assert "choose another --out folder" in result.stderr
    assert not (data / "egg" / "export.json").exists()


def test_a_path_that_loaders_misread_is_warned_of(run: Run, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "goods"
    result = run("export", data, "--layout", "real3d-ad", "--out", out)
    assert f"{out}: loaders misread paths with 'good'" in result.stderr
