"""The main job for real, at a reduced size: a real Blender, a real scan, a real browser.

The first run is interrupted twice, by a polite signal and by one that cannot be caught, and then
finished; a second folder is filled without any interruption.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.cloud import LabeledCloud
from backend.dataset.shards import read_sample
from backend.demo.dataset import NOMINAL, make_shard, plan
from backend.demo.design import PREVIEWS
from backend.demo.real_scan import SCAN_IN_PART
from backend.demo.sizes import QUICK
from backend.io import read_cloud
from backend.samples import load_sample
from backend.scoring.detector import Detector
from backend.training import DETECTOR_FILE, WORK_FOLDER
from shared_schema.defects import SPECS
from shared_schema.load import load_recipe
from tests.browser import Browser

COMMAND = [sys.executable, "-m", "backend.cli", "demo", "--quick", "--out"]
PATIENCE = 600.0

pytestmark = pytest.mark.timeout(1800)


def start(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Threads that wait must not take the cores from the tests beside.
        env={**os.environ, "COLUMNS": "200", "OMP_WAIT_POLICY": "PASSIVE"},
        start_new_session=True,
    )


def finished(out: Path) -> str:
    """Run to the end; what was printed."""
    process = start(out)
    text, _ = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, text
    return text


def stopped_when(out: Path, reached: Callable[[], bool], how: signal.Signals) -> tuple[int, str]:
    """Run until ``reached``, then send the signal ``how`` to the program and all it started."""
    process = start(out)
    end = time.monotonic() + PATIENCE
    while not reached():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, how)
    text, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, text


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """A folder finished after two interruptions; what the first one said, and its status."""
    out = tmp_path_factory.mktemp("interrupted") / "demo"
    shards = out / "dataset"
    status, said = stopped_when(
        out, lambda: len(list(shards.rglob("*.safetensors"))) >= 5, signal.SIGINT
    )
    work = out / "model" / WORK_FOLDER
    stopped_when(out, lambda: any(work.rglob("network.safetensors")), signal.SIGKILL)
    finished(out)
    return out, said, status


@pytest.fixture(scope="module")
def done(interrupted: tuple[Path, str, int]) -> Path:
    return interrupted[0]


@pytest.fixture(scope="module")
def metrics(done: Path) -> dict:
    return json.loads((done / "metrics.json").read_text("utf-8"))


def test_interruption_says_how_to_go_on(interrupted: tuple[Path, str, int]) -> None:
    _, said, status = interrupted
    assert status == 130, said
    assert "Interrupted; finished files are intact. Run the same command again" in said
    assert "Traceback" not in said


def test_interrupted_run_ends_like_an_uninterrupted_one(
    done: Path, metrics: dict, tmp_path: Path
) -> None:
    # What Blender drew is the same whatever happened later; drawing it again only takes time.
    shutil.copytree(done / "blender", tmp_path / "demo" / "blender")
    printed = finished(tmp_path / "demo")
    again = json.loads((tmp_path / "demo" / "metrics.json").read_text("utf-8"))
    assert again["rows"] == metrics["rows"]
    assert again["registration"] == metrics["registration"]
    for shard in sorted((done / "dataset").rglob("*.safetensors")):
        other = tmp_path / "demo" / shard.relative_to(done)
        assert other.read_bytes() == shard.read_bytes(), shard.name
    for row in metrics["rows"]:
        assert f"{row['p_auroc']:.3f}" in printed and f"{row['aupro']:.3f}" in printed


def test_second_run_reuses_everything(done: Path) -> None:
    kept = [path for path in done.rglob("*") if path.is_file() and path.parent != done]
    before = {path: path.stat().st_mtime_ns for path in kept}
    printed = finished(done)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert printed.count("as before") == 6


def test_damaged_result_is_made_again(done: Path, tmp_path: Path) -> None:
    copied = tmp_path / "demo"
    shutil.copytree(done, copied)
    shard = copied / "dataset" / plan(QUICK)[0].file
    whole = shard.read_bytes()
    shard.unlink()
    printed = finished(copied)
    assert shard.read_bytes() == whole
    assert printed.count("as before") == 5


def test_blender_drew_every_kind_and_exported_the_stack(done: Path) -> None:
    for name in PREVIEWS.values():
        assert (done / "blender" / name).read_bytes().startswith(b"\x89PNG")
    recipe = load_recipe(done / "blender" / "recipe.json")
    assert sorted(defect.kind for defect in recipe.defects) == sorted(SPECS)
    assert (done / "blender" / "showcase.blend").exists()


def test_registration_is_near_the_published_pose(metrics: dict) -> None:
    registration = metrics["registration"]
    assert registration["axis_tilt_degrees"] < 1.0
    assert registration["axis_shift_mm"] < 0.5
    assert registration["fitness"] > 0.99


def test_every_defect_shows_on_the_real_scan(done: Path, metrics: dict) -> None:
    figures = metrics["replay"]["pawn_scan"]
    assert all(defect["points"] > 0 for defect in figures["defects"])
    written = read_cloud(done / "replay" / "pawn_scan.ply")
    assert set(written.fields) >= {"mask", "label", "weight", "source_index"}
    assert int(written.fields["mask"].sum()) == figures["anomalous"]
    still = written.fields["weight"] == 0
    source = written.fields["source_index"]
    original = load_sample("pawn_scan").points[source]
    unmoved = (written.points == original).all(axis=1)
    assert unmoved[still].mean() > 0.05
    assert (written.fields["mask"] == (written.fields["label"] > 0)).all()


def test_data_set_is_what_was_planned(done: Path, metrics: dict) -> None:
    for item in plan(QUICK):
        labeled, record = read_sample(done / "dataset" / item.file)
        assert labeled.mask.any() == (item.kind != NOMINAL)
        assert record["plan"]["category"] == item.category
    assert sum(metrics["clouds"].values()) == len(plan(QUICK))


def test_a_shard_is_made_again_from_its_plan(done: Path, tmp_path: Path) -> None:
    scan = done / "registration" / SCAN_IN_PART
    for item in plan(QUICK)[::9]:
        again = make_shard(tmp_path, item, QUICK, 0, scan)
        assert again.read_bytes() == (done / "dataset" / item.file).read_bytes()


def test_learning_and_test_clouds_share_nothing(done: Path) -> None:
    def measured(use: str) -> set[bytes]:
        clouds: list[LabeledCloud] = [
            read_sample(done / "dataset" / item.file)[0]
            for item in plan(QUICK)
            if item.use == use and item.category == "pawn_scan" and item.kind == NOMINAL
        ]
        return {row.tobytes() for cloud in clouds for row in cloud.points.round(1)}

    learned, tested = measured("learn"), measured("test")
    assert learned and tested and not learned & tested


def test_detector_scores_as_the_evaluation_says(done: Path, metrics: dict) -> None:
    detector = Detector.load(done / "model" / DETECTOR_FILE)
    example = next(e for e in metrics["examples"] if e["kind"] == NOMINAL)
    clouds = [item for item in plan(QUICK) if item.use == "test" and item.kind == NOMINAL]
    scores = []
    for item in clouds:
        cloud, _ = read_sample(done / "dataset" / item.file)
        scores.append(detector.score(cloud.points, cloud.normals, item.category).object_score)
    assert example["object_score"] == pytest.approx(max(scores), rel=1e-6)


def test_report_shows_in_a_browser_without_any_address_outside(
    done: Path, metrics: dict, browser: Browser
) -> None:
    report = done / "report.html"
    browser.open(report)
    assert browser.complaints == []
    assert browser.addresses == [report.resolve().as_uri()]
    broken = "[...document.images].filter(i => !i.complete || i.naturalWidth < 50).length"
    assert browser.evaluate(broken) == 0
    pictures = len(PREVIEWS) + 2 + 2 + len(metrics["examples"])
    assert browser.evaluate("document.images.length") == pictures
    assert browser.evaluate("[...document.images].every(i => i.alt)")
    text = browser.text()
    for row in metrics["rows"]:
        assert row["kind"] in text and f"{row['p_auroc']:.3f}" in text
    assert "flawsmith serve" in text


def test_report_fits_a_narrow_screen(done: Path, browser: Browser) -> None:
    browser.open(done / "report.html")
    width = browser.evaluate(
        "(() => { const f = document.createElement('iframe'); f.style.width = '390px';"
        "f.srcdoc = document.documentElement.outerHTML; document.body.append(f);"
        "return new Promise(r => f.onload = () => r(f.contentDocument.body.scrollWidth)); })()"
    )
    assert width <= 390


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "registration").mkdir()
    (tmp_path / "registration" / "thesis.txt").write_text("mine")
    process = start(tmp_path)
    text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "holds files that are not the demo's; choose another folder with --out" in text
    assert (tmp_path / "registration" / "thesis.txt").read_text() == "mine"
