"""The main job for real, at a reduced size: a real Blender, a real scan, a real browser.

The first run is interrupted twice, by a polite signal and by one that cannot be caught, and then
finished. A second folder gets the first three steps from it, and the rest without any interruption.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.dataset.folder import NOMINAL
from backend.demo.design import PREVIEWS
from backend.demo.sizes import QUICK
from backend.io import read_cloud
from backend.samples import load_sample
from backend.training import WORK_FOLDER, TrainingConfig
from shared_schema.defects import SPECS
from shared_schema.load import load_recipe
from tests.backend.cli.conftest import Run
from tests.backend.cli.conftest import run as run
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


def scans_of(out: Path) -> list[Path]:
    """The scans that were made, nominal and anomalous ones."""
    return [path for use in ("train", "test") for path in sorted(out.glob(f"{use}/*/*al*/0*"))]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """A folder finished after two interruptions; what was said, and the first one's status."""
    out = tmp_path_factory.mktemp("interrupted") / "demo"
    status, said = stopped_when(
        out, lambda: len(list(out.glob("test/*/anomalous/0*"))) >= 5, signal.SIGINT
    )
    work = out / "model" / WORK_FOLDER
    _, more = stopped_when(out, lambda: any(work.rglob("network.safetensors")), signal.SIGKILL)
    return out, said + more + finished(out), status


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
    # They were not interrupted; doing them again only takes time.
    for name in ("registration", "blender", "replay"):
        shutil.copytree(done / name, tmp_path / "demo" / name)
    printed = finished(tmp_path / "demo")
    again = json.loads((tmp_path / "demo" / "metrics.json").read_text("utf-8"))
    assert again["rows"] == metrics["rows"] and again["scans"] == metrics["scans"]
    for scan in scans_of(done):
        assert (tmp_path / "demo" / scan.relative_to(done)).read_bytes() == scan.read_bytes()
    for row in metrics["rows"]:
        assert f"{row['p_auroc']:.3f}" in printed and f"{row['aupro']:.3f}" in printed


def test_each_command_is_printed_and_can_be_run_again(
    interrupted: tuple[Path, str, int], run: Run
) -> None:
    out, said, _ = interrupted
    printed = [shlex.split(line[2:]) for line in said.splitlines() if line.startswith("$ ")]
    # The interrupted command was printed again when the run went on.
    commands = list(dict.fromkeys(map(tuple, printed)))
    names = ["synthesize"] * len(QUICK.categories) + ["train", "evaluate"]
    assert [name for _, name, *_ in commands] == names
    before = {path: path.read_bytes() for path in scans_of(out)}
    detector = out / "model" / "detector.safetensors"
    digest = detector.read_bytes()
    for _, *arguments in commands[:-1]:
        run(*arguments)
    assert {path: path.read_bytes() for path in scans_of(out)} == before
    assert detector.read_bytes() == digest


def test_second_run_reuses_everything(done: Path) -> None:
    kept = [path for path in done.rglob("*") if path.is_file() and path.parent != done]
    before = {path: path.stat().st_mtime_ns for path in kept}
    printed = finished(done)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert printed.count("as before") == 7


def test_damaged_result_is_made_again(done: Path, tmp_path: Path) -> None:
    copied = tmp_path / "demo"
    shutil.copytree(done, copied)
    damaged = next(copied.glob("test/*/anomalous/00003*"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:1000])
    printed = finished(copied)
    assert damaged.read_bytes() == whole
    assert printed.count("as before") == 6


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


def test_there_are_as_many_scans_as_planned(done: Path, metrics: dict) -> None:
    parts = len(QUICK.categories)
    assert metrics["train"]["nominal"] == (QUICK.learn + QUICK.calibrate) * parts
    assert metrics["test"] == {"nominal": QUICK.test * parts, "anomalous": QUICK.anomalous * parts}
    assert len(metrics["scans"]) == (QUICK.test + QUICK.anomalous) * parts
    assert {scan["kind"] for scan in metrics["scans"]} <= {NOMINAL, *SPECS}
    assert len(scans_of(done)) == metrics["train"]["nominal"] + len(metrics["scans"])


def test_what_learns_calibrates_and_tests_shares_nothing(done: Path) -> None:
    def measured(files: list[Path]) -> set[bytes]:
        return {row.tobytes() for path in files for row in read_cloud(path).points.round(1)}

    files = sorted((done / "train" / "pawn_scan" / NOMINAL).iterdir())
    learned, calibrated = files[: QUICK.learn], files[QUICK.learn :]
    assert len(calibrated) == QUICK.calibrate == round(TrainingConfig().holdout * len(files))
    tested = sorted((done / "test" / "pawn_scan" / NOMINAL).iterdir())
    one, two, three = measured(learned), measured(calibrated), measured(tested)
    assert one and two and three and not (one & two or two & three or one & three)


def test_report_shows_in_a_browser_without_any_address_outside(
    done: Path, metrics: dict, browser: Browser
) -> None:
    report = done / "report.html"
    browser.open(report)
    assert browser.complaints == []
    assert browser.addresses == [report.resolve().as_uri()]
    broken = "[...document.images].filter(i => !i.complete || i.naturalWidth < 50).length"
    assert browser.evaluate(broken) == 0
    pictures = len(PREVIEWS) + 2 + 2 + len(metrics["worst"])
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
