"""``flawsmith train``: a folder of data in, a detector out, interrupted and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.evaluation.pod.closed_loop import closed_loop
from backend.io import read_cloud, write_cloud
from backend.models.pointwise.model import PointwiseModel
from backend.models.unrolled.matching import Windows
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from backend.training import DETECTOR_FILE, WORK_FOLDER
from backend.training.config import to_record
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledFittingConfig
from shared_schema.load import dump, load_template
from tests.backend.cli.conftest import Run
from tests.backend.evaluation.pod.test_closed_loop import examination
from tests.backend.parts import TINY, scan, write_folder
from tests.backend.shapes import TEMPLATES

QUICK = ("--epochs", 1, "--threads", 1)
PATIENCE = 120.0
# How well it learns is for other tests, so that small networks are enough. The parts are of
# revolution, so that they are unrolled where there are scans enough.
UNROLLED = UnrolledTrainingConfig(
    windows=(Windows(12, 4, 60),), fitting=UnrolledFittingConfig(networks=1, epochs=2, crop=48)
)
SMALL = replace(TINY, family="auto", unrolled=UNROLLED)


@pytest.fixture
def small(tmp_path: Path) -> tuple[str | Path, ...]:
    """The options that train a small network."""
    return "--config", settings(tmp_path / "small.json")


def settings(path: Path, **changes: object) -> Path:
    """Write the settings of a small network, with ``changes``, to ``path``."""
    path.write_text(json.dumps({**to_record(SMALL), **changes}))
    return path


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "dents.json"
    path.write_text(f'{{"schema_version": 1, "defects": [{TEMPLATES["dent"]}]}}')
    return path


def test_a_detector_of_labelled_and_drawn_anomalies(
    run: Run, template: Path, small: tuple[str | Path, ...], tmp_path: Path
) -> None:
    data = write_folder(tmp_path / "data", nominal=4, anomalous=2)
    drawn = ("--template", template, "--count", 3)
    options = ("--unit", "mm", "--seed", 7, *drawn, *small, *QUICK)
    result = run("train", data, "--out", tmp_path, *options)
    path = tmp_path / DETECTOR_FILE
    assert (
        "8 nominal clouds and 10 anomalous clouds" in result.stderr and str(path) in result.stderr
    )
    detector = Detector.load(path)
    assert detector.info["seed"] == 7 and detector.unit == "mm"
    assert detector.info["config"]["fitting"]["epochs"] == 1
    assert detector.info["labeled_clouds"] == {"ball": 5, "egg": 5}
    assert f"Point threshold {detector.point_threshold:.3f}" in result.stdout
    # One held-out scan of each category cannot certify anything.
    assert detector.categories["egg"].rule.reject.value is None
    assert "egg: no limit of the object score" in result.stdout
    assert "; 19 of all parts can" in " ".join(result.stdout.split())


def test_files_that_are_no_scans_are_named_and_left_out(
    run: Run, small: tuple[str | Path, ...], tmp_path: Path
) -> None:
    data = write_folder(tmp_path / "data", nominal=3, anomalous=1)
    nominal = data / "egg" / "nominal"
    (nominal / "README.txt").write_text("scans of eggs, made on Monday\n")
    (nominal / "s8.xyz").write_text("1 2 3\n4 5 6\n7 8 9\n")
    for empty in (nominal / "s9.ply", data / "ball" / "anomalous" / "s9.ply"):
        empty.touch()
    result = run("train", data, "--out", tmp_path, *small, *QUICK)
    for bad in ("egg/nominal/README.txt", "egg/nominal/s8.xyz", "egg/nominal/s9.ply"):
        assert f"{data / bad}: left out, " in result.stderr
    assert f"{data / 'ball' / 'anomalous' / 's9.ply'}: left out, " in result.stderr
    assert Detector.load(tmp_path / DETECTOR_FILE).info["nominal_clouds"] == {"ball": 3, "egg": 3}
    for path in nominal.glob("*.ply"):
        path.write_bytes(b"")
    result = run("train", data, "--out", tmp_path / "again", *small, *QUICK, status=1)
    assert "none of the 6 nominal scans of 'egg' can be used: " in result.stderr
    assert "README.txt: " in result.stderr and "s9.ply: " in result.stderr


def test_a_certified_threshold_is_printed(run: Run, tmp_path: Path) -> None:
    for seed in range(24):
        write_cloud(tmp_path / "data" / "egg" / "nominal" / f"{seed:02}.npy", scan("egg", seed))
    config = settings(tmp_path / "config.json", holdout=0.8)
    options = ("--out", tmp_path, "--config", config)
    result = run("train", tmp_path / "data", *options)
    limit = Detector.load(tmp_path / DETECTOR_FILE).categories["egg"].rule.reject
    assert limit.value is not None and not limit.is_shared
    assert f"above a score of {limit.value:.3f}, certified on 19" in result.stdout
    assert "it may be 0.1% to 17.6% (95 %)" in " ".join(result.stdout.split())


def test_held_out_scans_carry_no_anomalies(
    run: Run, template: Path, small: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """Scans that no defect can be drawn on are no hindrance where they only calibrate."""
    for seed in range(2):
        write_cloud(tmp_path / "data" / "egg" / "nominal" / f"{seed}.ply", scan("egg", seed))
    coincident = PointCloud(np.zeros((40, 3)) + scan("egg", 2).points[:1])
    held_out = tmp_path / "data" / "egg" / "nominal" / "9.ply"
    write_cloud(held_out, coincident)
    arguments = ("train", tmp_path / "data", "--out", tmp_path / "out", "--template", template)
    arguments += (*small, *QUICK)
    result = run(*arguments, status=1)
    assert "all 40 points lie at one place" in result.stderr  # nothing is drawn on it
    held_out.rename(held_out.with_name("0.ply"))
    result = run(*arguments, status=1)
    assert "have no extent" in result.stderr


def test_an_interrupted_training_goes_on(
    run: Run, small: tuple[str | Path, ...], tmp_path: Path
) -> None:
    data = write_folder(tmp_path / "data", nominal=2, anomalous=2)
    arguments = ["train", data, *small, "--threads", 1, "--epochs", 2]
    run(*arguments, "--out", tmp_path / "whole")
    command = [sys.executable, "-m", "backend.cli", *map(str, arguments), "--out"]
    work = tmp_path / "cut" / WORK_FOLDER

    def begun() -> bool:
        return any(work.rglob("network.safetensors"))

    with subprocess.Popen(
        [*command, str(tmp_path / "cut")], stderr=subprocess.PIPE, text=True
    ) as process:
        end = time.monotonic() + PATIENCE
        while not begun() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "Interrupted" in errors and "Traceback" not in errors
    assert begun() and not (tmp_path / "cut" / DETECTOR_FILE).exists()
    run(*arguments, "--out", tmp_path / "cut")
    whole, resumed = (tmp_path / name / DETECTOR_FILE for name in ("whole", "cut"))
    assert whole.read_bytes() == resumed.read_bytes()
    assert not work.exists()


def test_the_closed_loop_draws_what_an_earlier_detector_found_at_times(
    run: Run, template: Path, tmp_path: Path
) -> None:
    examined = examination()
    (tmp_path / "pod.json").write_text(dump(examined, nulls=True))
    aimed = closed_loop(load_template(template), examined)
    (tmp_path / "aimed.json").write_text(dump(aimed))
    data = write_folder(tmp_path / "data", nominal=3, anomalous=0)
    config = settings(tmp_path / "settings.json", channels=["histograms"], family="pointwise")
    trained = []
    for name, drawn in {
        "loop": ("--template", template, "--closed-loop", tmp_path / "pod.json"),
        "same": ("--template", tmp_path / "aimed.json"),
        "other": ("--template", template),
    }.items():
        run("train", data, "--out", tmp_path / name, "--config", config, *drawn)
        trained.append(Detector.load(tmp_path / name / DETECTOR_FILE).info["fingerprint"])
    loop, same, other = trained
    assert loop == same != other
    result = run("train", data, "--out", tmp_path, "--closed-loop", template, status=2)
    assert "--closed-loop needs --template" in result.stderr
    wrong = ("--template", template, "--closed-loop", template)
    result = run("train", data, "--out", tmp_path, *wrong, status=1)
    assert "dents.json: model: must be given" in result.stderr


def test_missing_data_is_named(run: Run, template: Path, tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", nominal=0, anomalous=1)
    result = run("train", data, "--out", tmp_path / "out", status=1)
    assert "category 'ball' has labelled clouds, but no nominal cloud" in result.stderr
    result = run("train", data, "--out", tmp_path / "out", "--count", 3, status=2)
    assert "--template" in result.stderr


def test_scans_are_placed_on_the_nominal_model_of_the_folder(run: Run, tmp_path: Path) -> None:
    part, rng = load_sample("motor_holder"), np.random.default_rng(0)
    folder = tmp_path / "data" / "holder"
    for number in range(3):
        cloud = virtual_scan(part, views=6, points=2_000, noise=0.02, rng=rng)
        if number == 1:
            cloud = beside_a_shelf(cloud)
        write_cloud(folder / "nominal" / f"{number}.ply", cloud)
    write_cloud(folder / "model.stl", PointCloud(part.points / 25.4, faces=part.faces))
    config = settings(tmp_path / "config.json", target_points=1000)
    units = ("--unit", "mm", "--nominal-unit", "inch")
    result = run("train", tmp_path / "data", "--out", tmp_path, "--config", config, *units, *QUICK)
    assert result.stderr.count("do not belong to the part and were cut away") == 1
    assert f"1.ply: {SHELF} of " in result.stderr.replace("\n", "")
    category = Detector.load(tmp_path / DETECTOR_FILE).categories["holder"]
    assert isinstance(category.model, PointwiseModel) and "surface" in category.tails
    assert category.model.surface is not None and category.model.surface.usual.fitness > 0.99
    scored = tmp_path / "scored"
    run("score", tmp_path / DETECTOR_FILE, folder / "nominal" / "1.ply", "--out", scored,
        "--category", "holder")  # fmt: skip
    record = json.loads((scored / "1.json").read_text())
    assert record["crop"]["cut"] == SHELF
    cloud, whole = read_cloud(scored / "1.ply"), read_cloud(folder / "nominal" / "1.ply")
    assert len(cloud) == record["point_count"] == len(whole) - SHELF
    np.testing.assert_array_equal(cloud.fields["source_index"], np.arange(SHELF, len(whole)))


SHELF = 80


def beside_a_shelf(cloud: PointCloud) -> PointCloud:
    """The scan of a part, and a shelf a little beside it, whose points come first."""
    rng = np.random.default_rng(1)
    corner = cloud.points.max(axis=0) + np.array([0.1 * cloud.diagonal, 0.0, 0.0])
    shelf = corner + rng.uniform(0.0, 0.5, (SHELF, 3)) * [cloud.diagonal, -cloud.diagonal, 0.0]
    return PointCloud(np.concatenate([shelf, cloud.points]))
