"""``flawsmith synthesize``: killed at any moment, it goes on, and nothing is lost or made twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backend.cli.synthesize import FORMATS
from backend.io import FIELD_SUFFIXES, write_cloud
from shared_schema.load import dump
from tests.backend.cli.conftest import Run
from tests.backend.parts import scan
from tests.backend.shapes import template

COUNT = 60


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[str, ...]:
    """Template and scans of an egg, as the command line names them."""
    document = template("dent", "scratch", "crack").model_copy(update={"draws": 1})
    (tmp_path / "template.json").write_text(dump(document))
    for number in range(5):
        write_cloud(tmp_path / "egg" / f"{number}.ply", scan("egg", number))
    return str(tmp_path / "template.json"), "--scans", str(tmp_path / "egg")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, hidden ones too, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "backend.cli", "synthesize", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def disturbed(
    process: subprocess.Popen[str], when: Callable[[], bool], how: int, delay: float = 0.0
) -> str:
    """Send ``process`` the signal ``how``, ``delay`` seconds after ``when``; what it had to say."""
    end = time.monotonic() + 60.0
    while not when():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(how)
    _, said = process.communicate(timeout=60.0)
    return said


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for ``process`` to succeed."""
    _, said = process.communicate(timeout=120.0)
    assert process.returncode == 0, said


def test_killed_at_random_moments_it_comes_out_the_same(
    run: Run, inputs: tuple[str, ...], tmp_path: Path
) -> None:
    run("synthesize", *inputs, "--count", COUNT, "--out", tmp_path / "whole", "--jobs", 1)
    out = tmp_path / "killed"
    arguments = (*inputs, "--count", str(COUNT), "--out", str(out), "--jobs", "2")
    rng = np.random.default_rng(0)

    def made() -> int:
        return len(list((out / "egg" / "anomalous").glob("0*.safetensors")))

    partial = []
    for how in (signal.SIGINT, signal.SIGKILL, signal.SIGKILL):
        enough = made() + int(rng.integers(1, COUNT // 12))
        process, delay = start(*arguments), rng.uniform(0.0, 0.02)
        said = disturbed(process, lambda enough=enough: made() >= enough, how, delay)  # type: ignore[misc]
        if how == signal.SIGINT:
            assert process.returncode == 130 and "Run the same command again" in said
        else:
            assert process.returncode == -signal.SIGKILL
        partial.append(made())
        assert not (out / "egg" / "manifest.json").exists()
    assert 0 < partial[0] < partial[1] < partial[2] < COUNT
    finish(start(*arguments))
    assert contents(out) == contents(tmp_path / "whole")
    manifest = json.loads((out / "egg" / "manifest.json").read_text())
    assert [entry["sample"] for entry in manifest["samples"]] == list(range(COUNT))


def test_killed_while_scans_are_prepared(run: Run, inputs: tuple[str, ...], tmp_path: Path) -> None:
    run("synthesize", *inputs, "--count", 2, "--out", tmp_path / "whole", "--jobs", 1)
    out = tmp_path / "killed"
    arguments = (*inputs, "--count", "2", "--out", str(out), "--jobs", "1")
    nominal = out / "egg" / "nominal"
    disturbed(start(*arguments), lambda: any(nominal.glob("[0-9]*")), signal.SIGKILL)
    finish(start(*arguments))
    assert contents(out) == contents(tmp_path / "whole")


def test_a_second_run_in_the_same_folder_is_refused(
    run: Run, inputs: tuple[str, ...], tmp_path: Path
) -> None:
    arguments = (*inputs, "--count", str(COUNT), "--out", str(tmp_path / "out"))
    first = start(*arguments)
    end = time.monotonic() + 60.0
    while not (tmp_path / "out" / "egg" / "synthesize.json").exists():
        assert first.poll() is None and time.monotonic() < end
        time.sleep(0.001)
    result = run("synthesize", *arguments, status=1)
    assert "another run is at work in this folder" in result.stderr
    first.kill()
    first.communicate()


def test_bad_scans_are_named_and_others_go_on(
    run: Run, inputs: tuple[str, ...], tmp_path: Path
) -> None:
    bad = tmp_path / "egg" / "bad.ply"
    bad.write_bytes(b"ply\n")
    out = ("--count", 4, "--out", tmp_path / "out", "--jobs", 1)
    result = run("synthesize", *inputs, *out, "--category", "part", "--format", "ply")
    assert f"{bad}: skipped: the PLY header" in result.stderr
    assert f"4 samples of 5 scans are in {tmp_path / 'out'}" in result.stderr
    written = sorted(path.name for path in (tmp_path / "out" / "part" / "anomalous").iterdir())
    assert written == [f"0000{number}.{end}" for number in range(4) for end in ("json", "ply")]


def test_errors_are_one_line(run: Run, inputs: tuple[str, ...], tmp_path: Path) -> None:
    out = ("--count", 2, "--out", tmp_path / "out", "--jobs", 1)
    run("synthesize", *inputs, *out)
    result = run("synthesize", *inputs, *out, "--seed", 1, status=1)
    assert "made with other inputs: seed was 0 and is 1" in result.stderr
    points = tmp_path / "points.xyz"
    points.write_text("0 0 0\n1 0 0\n0 1 0\n")
    result = run("synthesize", *inputs, *out, "--nominal", points, status=1)
    assert "a mesh is needed" in result.stderr


def test_formats_are_those_that_carry_labels() -> None:
    assert {f".{name}" for name in FORMATS} <= {".safetensors", *FIELD_SUFFIXES}
