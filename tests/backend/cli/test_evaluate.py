"""``flawsmith evaluate``: the table of a folder of data, on the screen and in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import LabeledCloud
from backend.engine import processes
from backend.evaluation.cases import TestCase
from backend.evaluation.measure import evaluate
from backend.io import read_cloud, write_cloud, write_labeled
from backend.scoring.detector import Detector
from tests.backend.cli.conftest import Run
from tests.backend.parts import SIZES, labeled, scan, write_folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", nominal=3, anomalous=3)


def test_the_table_is_that_of_the_evaluation(
    run: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    result = run("evaluate", model, data, "--out", tmp_path / "out")
    cases = [
        case
        for part in SIZES
        for seed in range(300, 303)
        for case in (
            TestCase(LabeledCloud.nominal(scan(part, seed)), part, "nominal"),
            TestCase(labeled(part, seed, 0.3), part, "dent"),
        )
    ]
    expected = evaluate(Detector.load(model), cases)
    document = json.loads((tmp_path / "out" / "metrics.json").read_text())
    for row, wanted in zip(document["rows"], expected.to_record(), strict=True):
        for name, value in wanted.items():
            assert row[name] == (pytest.approx(value) if name != "kind" else value), name
    dent = next(line for line in result.stdout.splitlines() if "dent " in line)
    assert f"{expected.rows[0].o_auroc:.3f}" in dent and f"{expected.rows[0].aupro:.3f}" in dent
    assert [scan["file"] for scan in document["scans"]][:4] == [
        *(f"ball/nominal/{seed}.ply" for seed in range(300, 303)),
        "ball/anomalous/300.ply",
    ]
    worst = document["worst"]
    assert worst[0]["why"] == "nominal, the highest score" and worst[0]["kind"] == "nominal"
    assert {one["file"] for one in worst} <= {scan["file"] for scan in document["scans"]}
    for name in ("roc.png", "roc_points.png", *(one["picture"] for one in worst)):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_results_do_not_depend_on_the_number_of_processes(
    run: Run, model: Path, benchmark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SECONDS_TO_BEGIN", 0.0)
    written = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        run("evaluate", model, benchmark, "--layout", "real3d-ad", "--out", out, "--jobs", jobs)
        files = [path for path in out.rglob("*") if path.is_file()]
        written.append({path.relative_to(out): path.read_bytes() for path in files})
    assert written[0] == written[1] and len(written[0]) > 4


def test_cases_in_memory_are_scored_by_several_processes(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SECONDS_TO_BEGIN", 0.0)
    cases = [TestCase(LabeledCloud.nominal(scan("egg", n)), "egg", "nominal") for n in range(3)]
    found = [evaluate(Detector.load(model), cases, jobs=jobs).cases for jobs in (1, 2)]
    for one, other in zip(*found, strict=True):
        assert one.result.object_score == other.result.object_score
        np.testing.assert_array_equal(one.result.point_scores, other.result.point_scores)


def test_kinds_come_from_the_records(run: Run, model: Path, data: Path, tmp_path: Path) -> None:
    folder = data / "egg" / "anomalous"
    folder.joinpath("300.json").unlink()
    folder.joinpath("301.json").write_text(
        json.dumps({"defects": [{"kind": "dent", "points": 4}, {"kind": "crack", "points": 9}]})
    )
    folder.joinpath("302.json").write_text(
        json.dumps({"defects": [{"kind": "dent", "points": 0}, {"kind": "crack", "points": 9}]})
    )
    run("evaluate", model, data, "--out", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "metrics.json").read_text())
    kinds = {scan["file"]: scan["kind"] for scan in document["scans"]}
    assert kinds["egg/anomalous/300.ply"] == "anomalous"
    assert kinds["egg/anomalous/301.ply"] == "several"
    assert kinds["egg/anomalous/302.ply"] == "crack"
    rows = [row["kind"] for row in document["rows"]]
    assert rows == ["dent", "anomalous", "several", "crack", "all"]


def test_without_nominal_scans_there_is_no_curve_of_objects(
    run: Run, model: Path, tmp_path: Path
) -> None:
    data = write_folder(tmp_path / "data", nominal=0, anomalous=2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "roc.png").write_bytes(b"an older one")
    run("evaluate", model, data, "--out", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "metrics.json",
        "pro.png",
        "report.html",
        "roc_points.png",
        "worst",
    }


def test_clouds_without_a_marked_point_are_left_out(
    run: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    unmarked = data / "egg" / "anomalous" / "unmarked.ply"
    write_labeled(unmarked, labeled("egg", 400, 0.0))
    result = run("evaluate", model, data, "--out", tmp_path / "out")
    assert f"{unmarked}: left out" in result.stderr
    document = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert document["rows"][-1]["anomalous_clouds"] == document["rows"][-1]["nominal_clouds"] == 6


def test_files_that_cannot_be_read_are_named_and_the_others_measured(
    run: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    empty = data / "egg" / "nominal" / "zz.ply"
    empty.touch()
    (data / "egg" / "nominal" / "README.txt").write_text("what is here\n")
    result = run("evaluate", model, data, "--out", tmp_path / "out", status=1)
    assert f"{empty}: left out, " in result.stderr and "README.txt: left out, " in result.stderr
    assert "2 scans are left out" in result.stderr
    document = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert document["rows"][-1]["nominal_clouds"] == 6


def test_units_are_converted(run: Run, model: Path, data: Path, tmp_path: Path) -> None:
    run("evaluate", model, data, "--out", tmp_path / "mm")
    for path in data.rglob("*.ply"):
        cloud = read_cloud(path)
        write_cloud(path, replace(cloud, points=cloud.points / 1000.0))
    run("evaluate", model, data, "--unit", "m", "--out", tmp_path / "m")
    rows = [
        json.loads((tmp_path / name / "metrics.json").read_text())["rows"] for name in ("mm", "m")
    ]
    assert rows[1][-1]["p_auroc"] == pytest.approx(rows[0][-1]["p_auroc"], abs=0.01)


def test_what_is_no_folder_of_data_is_refused(
    run: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    result = run("evaluate", model, tmp_path / "empty", "--out", tmp_path / "out", status=1)
    assert "CATEGORY/nominal" in result.stderr
    write_cloud(data / "egg" / "anomalous" / "unlabelled.ply", scan("egg", 1))
    result = run("evaluate", model, data, "--out", tmp_path / "out", status=1)
    assert "unlabelled.ply" in result.stderr and "'mask'" in result.stderr
    (data / "egg").rename(data / "cube")
    (data / "cube" / "anomalous" / "unlabelled.ply").unlink()
    result = run("evaluate", model, data, "--out", tmp_path / "out", status=1)
    assert "unknown category 'cube'" in result.stderr


@pytest.fixture
def benchmark(run: Run, data: Path, tmp_path: Path) -> Path:
    """The same data as Real3D-AD has them, two of three nominal scans to learn from."""
    out = tmp_path / "benchmark"
    run("export", data, "--layout", "real3d-ad", "--out", out, "--unit", "mm")
    return out


def test_a_benchmark_is_measured_by_its_own_protocol(
    run: Run, model: Path, benchmark: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("evaluate", model, benchmark, "--layout", "real3d-ad", "--out", out)
    document = json.loads((out / "metrics.json").read_text())
    assert document["layout"] == "real3d-ad"
    assert set(document["categories"]) == {"ball", "egg"}
    assert document["rows"][-1]["anomalous_clouds"] == 6
    assert document["rows"][-1]["nominal_clouds"] == 2
    assert all(scan["file"].split("/")[1] == "test" for scan in document["scans"])
    assert "category" in result.stdout and "egg" in result.stdout
    page = (out / "report.html").read_text()
    assert "measured as Real3D-AD does" in page and "nominal, the highest score" in page
    assert all(f"<b>{name}</b> are compared point by point" in page for name in ("ball", "egg"))
    assert list((out / "worst").iterdir()) and not (out / "partial").exists()


def test_a_detector_learns_from_a_benchmark(run: Run, benchmark: Path, tmp_path: Path) -> None:
    arguments = ("--layout", "real3d-ad", "--epochs", 1, "--threads", 1, "--unit", "mm")
    run("train", benchmark, "--out", tmp_path / "trained", *arguments)
    detector = Detector.load(tmp_path / "trained" / "detector.safetensors")
    assert detector.info["nominal_clouds"] == {"ball": 2, "egg": 2}


def test_a_scan_that_fails_is_named_and_the_others_are_measured(
    run: Run, model: Path, benchmark: Path, tmp_path: Path
) -> None:
    broken = next((benchmark / "egg" / "test").glob("*_good.pcd"))
    broken.write_bytes(b"no points")
    out = tmp_path / "out"
    result = run("evaluate", model, benchmark, "--layout", "real3d-ad", "--out", out, status=1)
    assert str(broken) in result.stderr.replace("\n", "") and "1 scan is left out" in result.stderr
    document = json.loads((out / "metrics.json").read_text())
    assert document["rows"][-1]["nominal_clouds"] == 1


def test_an_interrupted_run_scores_only_what_is_left(
    run: Run, model: Path, benchmark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    score = Detector.score

    def interrupted(self: Detector, *arguments: object) -> object:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return score(self, *arguments)  # type: ignore[arg-type]

    arguments = ("evaluate", model, benchmark, "--layout", "real3d-ad", "--out", tmp_path / "out")
    arguments = (*arguments, "--jobs", 1)
    with monkeypatch.context() as patched:
        patched.setattr(Detector, "score", interrupted)
        run(*arguments, status=130)
    assert len(list((tmp_path / "out" / "partial").rglob("*.safetensors"))) == 3
    run("evaluate", model, benchmark, "--layout", "real3d-ad", "--out", tmp_path / "whole")
    counted: list[int] = []

    def counting(self: Detector, *arguments: object) -> object:
        counted.append(1)
        return score(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Detector, "score", counting)
    run(*arguments)
    assert len(counted) == 8 - 3
    one, other = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("out", "whole"))
    assert one["rows"] == other["rows"]
