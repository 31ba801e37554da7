"""Work is done in processes that may die: an item is tried twice, and the others go on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blender_addon.batch import workers
from blender_addon.batch.jobs import UNFINISHED, Job
from blender_addon.batch.workers import ANSWER, run_jobs

# Stands in for Blender: it only notes what it was asked for, and dies of some items; of "once" only
# at the first try.
WORKER = f"""
import json, os, signal, sys
from pathlib import Path
out = Path(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    tries = out / job["name"].replace("/", "-")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if "deadly" in job["name"] or ("once" in job["name"] and tries.read_text() == "x"):
        print("last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    print({ANSWER!r} + "null", file=sys.stderr, flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the stand-in notes how often each item was tried."""
    program = tmp_path / "worker.py"
    program.write_text(WORKER, encoding="utf-8")
    monkeypatch.setattr(
        workers, "_worker_command", lambda out: [sys.executable, str(program), str(out)]
    )
    return tmp_path


def item(folder: Path, name: str) -> Job:
    (folder / "part.stl").touch()
    return Job(f"part/{name}", "render", str(folder / "part.stl"))


def run(folder: Path, *names: str, processes: int = 1) -> tuple[dict[str, str], list[str]]:
    """What failed of items of these names, and what was said."""
    said: list[str] = []
    jobs = [item(folder, name) for name in names]
    return run_jobs(jobs, folder, {}, processes, said.append), said


def tries(folder: Path, name: str) -> int:
    return len((folder / f"part-{name}").read_text())


def test_an_item_of_which_a_worker_dies_is_tried_once_more(worker: Path) -> None:
    failed, said = run(worker, "first", "once", "last")
    assert failed == {}
    assert [tries(worker, name) for name in ("first", "once", "last")] == [1, 2, 1]
    death = "Blender ended by itself, by SIGSEGV: last words"
    assert f"part/once: {death}; it is tried once more" in said
    assert sum(line.startswith("[") for line in said) == 3


@pytest.mark.parametrize("processes", [1, 2])
def test_an_item_that_kills_two_workers_is_named_and_the_others_go_on(
    worker: Path, processes: int
) -> None:
    # What a worker leaves behind when it dies.
    (worker / UNFINISHED / item(worker, "deadly").digest()).mkdir(parents=True)
    failed, _ = run(worker, "first", "deadly", "last", processes=processes)
    assert failed == {
        "part/deadly": "Blender ended by itself, by SIGSEGV: last words; so it was twice"
    }
    assert [tries(worker, name) for name in ("first", "deadly", "last")] == [1, 2, 1]
    assert not (worker / UNFINISHED).exists()


def test_a_program_that_cannot_be_started_is_no_success(
    worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_worker_command", lambda out: [str(worker / "none")])
    failed, _ = run(worker, "first")
    assert "Blender cannot be started again" in failed["part/first"]
