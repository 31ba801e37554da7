"""``flawsmith replay --sensor``: the scan as the sensor gives it, and a record to make it again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backend.io import read_cloud, read_labeled, write_cloud
from backend.synthesis.sample_files import SampleFile
from shared_schema.load import dump
from tests.backend.cli.conftest import Run
from tests.backend.sensor.scenes import DEFECTS, TOP, recipe, surface


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a recipe with a hole, and of a scan of a plate."""
    cloud = surface("plate")
    hole = recipe(cloud, kind="hole", center=TOP["plate"], **DEFECTS["hole"])
    (tmp_path / "recipe.json").write_text(dump(hole))
    write_cloud(tmp_path / "scan.ply", cloud)
    return tmp_path / "recipe.json", tmp_path / "scan.ply"


def test_the_record_makes_the_sensed_cloud_again(
    run: Run, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run("replay", *inputs, "--sensor", "structured_light", "--seed", "3", "--out", out)
    record = json.loads((out / "scan.json").read_text())
    assert record["sensor"]["sensor"]["name"] == "structured light"
    assert record["sensor"]["effects"][0]["added"] > 100
    written = read_labeled(out / "scan.ply")
    again = SampleFile.read(out / "scan.json").remade()
    for name in ("points", "normals", "mask", "labels", "source_index"):
        np.testing.assert_array_equal(getattr(again, name), getattr(written, name))


def test_each_scan_gets_noise_of_its_own_and_each_run_the_same(
    run: Run, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    sensor = tmp_path / "noisy.json"
    sensor.write_text('{"schema_version": 1, "noise": [{"model": "normal", "sigma": 0.01}]}')
    other = tmp_path / "other.ply"
    write_cloud(other, read_cloud(inputs[1]).subset(np.arange(len(surface("plate"))) > 0))
    for folder in ("first", "second"):
        run("replay", *inputs, other, "--sensor", sensor, "--out", tmp_path / folder)
    for name in ("scan.ply", "scan.json", "other.ply"):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("first", "second"))
        assert first == second
    records = [
        json.loads((tmp_path / "first" / f"{n}.json").read_text()) for n in ("scan", "other")
    ]
    assert records[0]["sensor"]["seed"] != records[1]["sensor"]["seed"]


def test_the_sensor_may_stand_where_the_scan_was_made_from(
    run: Run, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    sensor = tmp_path / "own.json"
    sensor.write_text('{"schema_version": 1, "views": {"type": "scan"}, "occlusion": {}}')
    result = run("replay", *inputs, "--sensor", sensor, "--out", tmp_path / "out", status=1)
    assert "give the scan's viewpoint" in result.stderr
    place = ("--viewpoint", "0", "0", "60")
    run("replay", *inputs, "--sensor", sensor, *place, "--out", tmp_path / "out")
    seen = read_labeled(tmp_path / "out" / "scan.ply")
    assert (seen.normals[:, 2] > -0.1).all()


def test_an_unknown_sensor_is_refused_before_anything_is_done(
    run: Run, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    result = run("replay", *inputs, "--sensor", "sonar", "--out", tmp_path / "out", status=1)
    assert "depth_camera, laser_line, structured_light" in result.stderr
    assert not (tmp_path / "out").exists()
