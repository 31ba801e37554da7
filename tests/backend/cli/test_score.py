"""``flawsmith score``: the detector's own scores in files, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.engine import processes
from backend.io import read_cloud, write_cloud
from backend.io.digest import file_digest
from backend.scoring.detector import Detector
from tests.backend.cli.conftest import Run
from tests.backend.cli.test_replay import ply_properties
from tests.backend.parts import labeled, scan


@pytest.fixture
def dented(tmp_path: Path) -> Path:
    path = tmp_path / "dented.ply"
    sample = labeled("egg", 300, 0.3)
    write_cloud(path, PointCloud(sample.points, sample.normals))
    return path


def test_files_hold_what_the_detector_says(
    run: Run, model: Path, dented: Path, tmp_path: Path
) -> None:
    result = run("score", model, dented, "--out", tmp_path / "out")
    cloud = read_cloud(dented)
    expected = Detector.load(model).score(cloud.points, cloud.normals)
    written = read_cloud(tmp_path / "out" / "dented.ply")
    kinds = ply_properties(tmp_path / "out" / "dented.ply")
    assert kinds["score"] == "f4" and kinds["anomalous"] == "u1"
    np.testing.assert_array_equal(written.points, cloud.points)
    np.testing.assert_array_equal(written.normals, cloud.normals)
    np.testing.assert_array_equal(written.fields["score"], expected.point_scores)
    marked = expected.point_scores > expected.point_threshold
    np.testing.assert_array_equal(written.fields["anomalous"], marked)
    record = json.loads((tmp_path / "out" / "dented.json").read_text())
    assert record["object_score"] == expected.object_score
    assert record["verdict"] == expected.verdict == "reject"
    assert record["anomalous_points"] == marked.sum() and record["point_count"] == 900
    assert record["source"]["sha256"] == file_digest(dented)
    assert record["model"]["sha256"] == file_digest(model)
    assert record["category_given"] is False and record["category_distance"] < 0.2
    assert record["rival"] == "ball" and record["rival_distance"] > 0.5
    assert f"{dented}: reject, egg (recognised, distance 0." in result.stdout
    assert "; ball is at 0." in result.stdout and " (limit " in result.stdout
    first = record["regions"][0]
    assert written.fields["region"].max() == record["region_count"] >= 1
    assert first["number"] == 1 and first["extent"] >= first["width"] > 0.0 < first["area"]
    assert first["points"] == (written.fields["region"] == 1).sum()
    at_first = written.points[written.fields["region"] == 1]
    np.testing.assert_allclose(at_first.mean(axis=0), first["center"], atol=first["extent"] / 4)
    (row,) = [line for line in result.stdout.splitlines() if line.split()[:1] == ["1"]]
    assert f"{first['extent']:.3g}" in row
    with (tmp_path / "out" / "dented.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(one["number"]) for one in table] == [one["number"] for one in record["regions"]]
    assert float(table[0]["area"]) == first["area"]
    place = [float(table[0][f"center_{axis}"]) for axis in "xyz"]
    assert place == first["center"] and table[0]["center_in_part_x"] == table[0]["kind"] == ""


def test_stray_points_are_counted(run: Run, model: Path, dented: Path, tmp_path: Path) -> None:
    far = tmp_path / "far.ply"
    write_cloud(far, PointCloud(np.concatenate([read_cloud(dented).points, [[5e3, 0.0, 0.0]]])))
    result = run("score", model, far, "--category", "egg", "--out", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "far.json").read_text())
    assert record["stray_points"] >= 1 and record["category_given"] is True
    assert "of them stray" in result.stdout and "egg (given" in result.stdout
    assert read_cloud(tmp_path / "out" / "far.ply").fields["anomalous"][-1] == 1


def test_pictures_come_where_asked_for(run: Run, model: Path, dented: Path, tmp_path: Path) -> None:
    run("score", model, dented, "--out", tmp_path / "plain")
    assert sorted(path.name for path in (tmp_path / "plain").iterdir()) == [
        "dented.csv",
        "dented.json",
        "dented.ply",
    ]
    bare = tmp_path / "bare.xyz"
    write_cloud(bare, PointCloud(read_cloud(dented).points))
    run("score", model, dented, bare, "--picture", "--out", tmp_path / "drawn")
    for name in ("dented.png", "bare.png"):
        assert (tmp_path / "drawn" / name).read_bytes().startswith(b"\x89PNG")


def test_other_units_are_converted(run: Run, model: Path, dented: Path, tmp_path: Path) -> None:
    cloud = read_cloud(dented)
    in_inches = tmp_path / "inches.ply"
    write_cloud(in_inches, replace(cloud, points=cloud.points / 25.4))
    run("score", model, dented, "--out", tmp_path / "out")
    run("score", model, in_inches, "--unit", "inch", "--out", tmp_path / "out")
    first, second = (
        json.loads((tmp_path / "out" / name).read_text()) for name in ("dented.json", "inches.json")
    )
    assert second["object_score"] == pytest.approx(first["object_score"], rel=1e-3)
    assert second["source"]["unit"] == "inch"


def test_results_do_not_depend_on_the_number_of_processes(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SECONDS_TO_BEGIN", 0.0)
    scans = [tmp_path / f"{seed}.ply" for seed in range(300, 304)]
    for seed, path in enumerate(scans):
        write_cloud(path, scan("egg", seed))
    scans[1].write_bytes(b"no cloud")
    told, written = [], []
    for jobs in (1, 2):
        out = tmp_path / "out"
        result = run("score", model, *scans, "--out", out, "--jobs", jobs, status=1)
        told.append((result.stdout, result.stderr))
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
        shutil.rmtree(out)
    assert told[0] == told[1] and written[0] == written[1] and len(written[0]) == 9


def test_a_bad_scan_does_not_stop_the_others(
    run: Run, model: Path, dented: Path, tmp_path: Path
) -> None:
    bad, tiny, good = (tmp_path / name for name in ("bad.pcd", "tiny.xyz", "good.npy"))
    bad.write_bytes(b"nothing of the kind")
    write_cloud(tiny, PointCloud(scan("egg", 1).points / 1000.0))
    write_cloud(good, scan("egg", 301))
    result = run("score", model, bad, dented, tiny, good, "--out", tmp_path / "out", status=1)
    assert "1 of 4 scans failed" in result.stderr
    assert f"{bad}: the line" in result.stderr
    assert f"{tiny}: unknown, " in result.stdout and "not scored" in result.stdout
    assert "The scan does not look like any scan of a known part" in result.stdout
    record = json.loads((tmp_path / "out" / "tiny.json").read_text())
    assert record["verdict"] == "unknown" and record["object_score"] is None
    assert np.isnan(read_cloud(tmp_path / "out" / "tiny.ply").fields["score"]).all()
    written = {path.stem for path in (tmp_path / "out").iterdir()}
    assert written == {"dented", "good", "tiny"}


def test_a_category_that_is_unknown_is_refused(
    run: Run, model: Path, dented: Path, tmp_path: Path
) -> None:
    result = run("score", model, dented, "--category", "cube", "--out", tmp_path / "out", status=1)
    assert "knows: ball, egg" in result.stderr


def test_a_file_that_is_no_model_is_named(run: Run, dented: Path, tmp_path: Path) -> None:
    result = run("score", dented, dented, "--out", tmp_path / "out", status=1)
    assert f"{dented}: the file cannot be read as safetensors" in result.stderr
    assert not (tmp_path / "out").exists()


def test_inputs_are_never_written_over(run: Run, model: Path, dented: Path, tmp_path: Path) -> None:
    before = dented.read_bytes()
    result = run("score", model, dented, "--out", tmp_path, status=2)
    assert f"{dented} is an input" in result.stderr and dented.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(
    run: Run, model: Path, dented: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    result = run("score", model, dented, "--out", tmp_path / "file" / "out", status=1)
    assert str(tmp_path / "file") in result.stderr
