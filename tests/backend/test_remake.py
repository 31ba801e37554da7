"""A record and the files that it names make a sample again, whatever it was made of."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from backend.cloud import PointCloud
from backend.errors import ReplayError
from backend.geometry.surface import subsample_surface
from backend.io import read_cloud, read_labeled, write_cloud
from backend.registration import search
from backend.remake import remake
from tests.backend.cli.conftest import Run, run

__all__ = ["run"]

SIDES = np.array([30.0, 20.0, 10.0])
EYE = (0.0, 0.0, 60.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A box with a lid, a scan of its top with and without normals, a recipe and a sensor."""
    box = trimesh.creation.box(SIDES)
    lid = trimesh.creation.box(
        (12.0, 8.0, 4.0), trimesh.transformations.translation_matrix((6, 4, 6))
    )
    whole = trimesh.util.concatenate([box, lid])
    mesh = PointCloud(np.array(whole.vertices), faces=np.array(whole.faces))
    write_cloud(tmp_path / "model.stl", mesh)
    spread = subsample_surface(mesh, 2_500, np.random.default_rng(0))
    top = spread.subset(spread.normals[:, 2] > -0.5)
    write_cloud(tmp_path / "file.ply", top)
    write_cloud(tmp_path / "bare.ply", PointCloud(top.points))
    defects = [
        {"kind": "dent", "center": [-8.0, 0.0, 5.0], "radius": 5.0, "depth": 1.0},
        {
            "kind": "scratch",
            "path": {"points": [[-12.0, -6.0, 5.0], [8.0, -6.0, 5.0]]},
            "width": 2.0,
            "depth": 0.5,
        },
    ]
    part = {"diagonal": 37.4, "unit": "mm"}
    document = {"schema_version": 1, "part": part, "defects": defects}
    (tmp_path / "recipe.json").write_text(json.dumps(document))
    noise = [{"model": "normal", "sigma": 0.01}]
    dropout = [{"model": "random", "share": 0.1}]
    sensor = {"schema_version": 1, "noise": noise, "dropout": dropout}
    (tmp_path / "sensor.json").write_text(json.dumps(sensor))
    return tmp_path


@pytest.fixture(autouse=True)
def _few_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the pose is right is for other tests; here it need but be the same."""
    monkeypatch.setattr(search, "COARSE_ROTATIONS", 60)
    monkeypatch.setattr(search, "COARSE_ANCHORS", 4)


def replayed(run: Run, folder: Path, scan: str, *options: Any) -> tuple[dict[str, Any], Path]:
    """The record of ``flawsmith replay``, and the cloud that it wrote."""
    out = folder / "out"
    run("replay", folder / "recipe.json", folder / scan, "--out", out, *options)
    path = (out / scan).with_suffix(".ply")
    return json.loads(path.with_suffix(".json").read_text()), path


def assert_same(record: dict[str, Any], written: Path, scan: Path, **given: Any) -> None:
    again, labeled = remake(record, scan, **given), read_labeled(written)
    for name in ("points", "normals", "mask", "labels", "source_index"):
        assert getattr(again, name).tobytes() == getattr(labeled, name).tobytes(), name
    assert again.weight.astype(np.float32).tobytes() == labeled.weight.astype(np.float32).tobytes()
    assert labeled.mask.any()


@pytest.mark.parametrize(
    ("scan", "viewpoint", "registered", "sensor"),
    [
        *product(["file", "bare"], [False, True], [False], [False, True]),
        ("file", False, True, True),
        ("bare", False, True, False),
        ("bare", True, True, True),
    ],
)
def test_a_sample_is_made_again(
    run: Run, folder: Path, scan: str, viewpoint: bool, registered: bool, sensor: bool
) -> None:
    options: list[Any] = ["--viewpoint", *EYE] if viewpoint else []
    options += ["--nominal", folder / "model.stl", "--min-fitness", 0.1] if registered else []
    options += ["--sensor", folder / "sensor.json"] if sensor else []
    record, written = replayed(run, folder, f"{scan}.ply", *options, "--seed", 3, "--unit", "mm")
    told = record["alignment"]["normals"]
    if scan == "bare" and viewpoint:
        assert told == "viewpoint"
    else:
        assert told == ("nominal" if registered else {"file": "file", "bare": "consistent"}[scan])
    assert (record["alignment"]["registration"] is None) != registered
    assert_same(record, written, folder / f"{scan}.ply")


def test_a_mesh_in_metres_is_made_again_from_the_cloud_as_it_was_read(
    run: Run, folder: Path
) -> None:
    mesh = read_cloud(folder / "model.stl")
    faces = np.vstack([mesh.faces[:5, ::-1], mesh.faces[5:]])
    write_cloud(folder / "mesh.ply", PointCloud(0.001 * mesh.points, faces=faces))
    record, written = replayed(run, folder, "mesh.ply", "--unit", "m")
    assert record["alignment"]["normals"] == "mesh"
    again = remake(record, read_cloud(folder / "mesh.ply", unit="m"))
    assert again.points.tobytes() == read_labeled(written).points.tobytes()


def test_a_text_is_read_again_as_it_was_told_to_be(run: Run, folder: Path) -> None:
    points = read_cloud(folder / "bare.ply").points
    lines = ["; ".join(f"{value:.4f}".replace(".", ",") for value in point) for point in points]
    (folder / "comma.txt").write_text("\n".join(lines))
    record, _ = replayed(run, folder, "comma.txt", "--decimal", "comma", "--delimiter", "semicolon")
    assert record["source"]["text"] == {"decimal": ",", "delimiter": ";"}
    again = remake(record, folder / "comma.txt")
    assert again.points.tobytes() == read_labeled(folder / "out" / "comma.ply").points.tobytes()


def test_the_nominal_model_is_found_beside_the_scan_or_given(run: Run, folder: Path) -> None:
    options = ("--nominal", folder / "model.stl", "--min-fitness", 0.1)
    record, written = replayed(run, folder, "bare.ply", *options)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    shutil.move(folder / "model.stl", elsewhere / "renamed.stl")
    with pytest.raises(ReplayError, match=r"nominal model 'model\.stl'.*; give its file"):
        remake(record, folder / "bare.ply")
    assert_same(record, written, folder / "bare.ply", nominal=elsewhere / "renamed.stl")


def test_files_that_the_record_does_not_mean_are_refused(run: Run, folder: Path) -> None:
    record, _ = replayed(run, folder, "bare.ply")
    with pytest.raises(ReplayError, match=r"file\.ply is not the scan 'bare\.ply'"):
        remake(record, folder / "file.ply")
    record["T_part_scan"][0][3] = 1.0
    with pytest.raises(ReplayError, match="placed by"):
        remake(record, folder / "bare.ply")
