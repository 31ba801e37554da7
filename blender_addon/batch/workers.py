# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that jobs are done in: each is this program again, and takes one job at a time.

A worker reads jobs from its standard input, one a line, and answers each with a line on its
standard error; what else stands there is Blender's. Where Blender itself crashes, the job is tried
once more in a new worker; if that dies too, the job has failed, and the others go on.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy

from ..documents.errors import AddonError
from .jobs import UNFINISHED, Job, Session, Task, is_done, read_record

ANSWER = "flawsmith answers: "
# Of what a worker that ended by itself has written.
LAST_LINES = 5

Say = Callable[[str], None]


def run_jobs(
    jobs: Sequence[Job], out: Path, tasks: Mapping[str, Task], processes: int, say: Say
) -> dict[str, str]:
    """Do all jobs that are not done yet.

    Args:
        jobs: with different names.
        out: folder that everything is written to.
        tasks: what a job's task does.
        processes: how many work side by side, beside this one, which cannot crash so; with 0 it
            does the work itself.
        say: told of each job when it is done or has failed.

    Returns:
        What went wrong with each job that failed, by its name.
    """
    waiting = [job for job in jobs if not is_done(out, job)]
    there = f", {len(jobs) - len(waiting)} of them done already" if len(waiting) < len(jobs) else ""
    say(f"{len(jobs)} in all{there}; writing to {out}")
    run = _Run(waiting, out, say)
    if processes == 0 or _worker_command(out) is None:
        _work_here(run, Session(tasks, out))
    else:
        _work_in_processes(run, out, min(processes, len(waiting)))
    if (out / UNFINISHED).is_dir() and not any((out / UNFINISHED).iterdir()):
        (out / UNFINISHED).rmdir()
    return run.failed


class _Run:
    """The jobs that wait, and what became of those that do not; safe to share among threads."""

    def __init__(self, waiting: Sequence[Job], out: Path, say: Say) -> None:
        self.failed: dict[str, str] = {}
        self._waiting, self._out, self._say = list(waiting), out, say
        self._count, self._ended, self._start = len(waiting), 0, time.monotonic()
        self._stopped = False
        self._lock = threading.Lock()

    def next_job(self, last: Job | None) -> Job | None:
        """The next one, of the part of the last if there is any; None where all are given out."""
        with self._lock:
            if not self._waiting:
                return None
            same = (n for n, job in enumerate(self._waiting) if last and job.part == last.part)
            return self._waiting.pop(next(same, 0))

    def stop(self) -> None:
        """Give no more jobs out; what becomes of the others is not told any more."""
        with self._lock:
            self._waiting.clear()
            self._stopped = True

    def died(self, job: Job, death: _DiedError) -> bool:
        """Tell that a worker died of a job; whether the job is to be tried again."""
        with self._lock:
            if not self._stopped:
                self._say(f"{job.name}: {death}; it is tried once more")
            return not self._stopped

    def ended(self, job: Job, error: str | None, seconds: float) -> None:
        """Note, and tell, what became of a job."""
        with self._lock:
            if self._stopped:
                return
            self._ended += 1
            left = self._count - self._ended
            rest = left * (time.monotonic() - self._start) / self._ended
            width = len(str(self._count))
            head = f"[{self._ended:{width}}/{self._count}] {job.name}"
            if error is not None:
                self.failed[job.name] = error
                self._say(f"{head}  FAILED: {error}")
            else:
                about = f", about {_duration(rest)} left" if left else ""
                self._say(f"{head}  {seconds:.1f} s{about}")
                for warning in (read_record(self._out, job) or {}).get("warnings", ()):
                    self._say(f"warning: {job.name}: {warning}")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _work_here(run: _Run, session: Session) -> None:
    job = None
    while (job := run.next_job(job)) is not None:
        start = time.monotonic()
        run.ended(job, attempt(session, job), time.monotonic() - start)


def attempt(session: Session, job: Job) -> str | None:
    """Do a job; returns what went wrong, None if nothing did."""
    try:
        session.do(job)
    except (AddonError, OSError) as error:
        return str(error)
    except Exception as error:  # one job's failure is not that of the others
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return None


def _work_in_processes(run: _Run, out: Path, processes: int) -> None:
    workers = [_Worker(run, out) for _ in range(processes)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        run.stop()
        for worker in workers:
            worker.kill()
        raise


class _DiedError(Exception):
    """A worker ended before it had answered; says how, and its last words."""


class _Worker(threading.Thread):
    """A process and the thread that gives it jobs."""

    def __init__(self, run: _Run, out: Path) -> None:
        super().__init__(daemon=True)
        self._run, self._out = run, out
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        """Give out jobs until there are no more."""
        job = None
        while (job := self._run.next_job(job)) is not None:
            start = time.monotonic()
            self._run.ended(job, self._done(job), time.monotonic() - start)
        if self._process is not None:
            self._process.communicate()

    def kill(self) -> None:
        """End the process at once; results appear whole or not at all."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _done(self, job: Job) -> str | None:
        """Have a job done, once more where a worker dies of it; returns what went wrong."""
        try:
            return self._answer(job)
        except _DiedError as death:
            if not self._run.died(job, death):
                return str(death)
        try:
            return self._answer(job)
        except _DiedError as death:
            shutil.rmtree(self._out / UNFINISHED / job.digest(), ignore_errors=True)
            return f"{death}; so it was twice"

    def _answer(self, job: Job) -> str | None:
        """What the process answers to a job.

        Raises:
            _DiedError: it cannot be started, or ends before it has answered.
        """
        if self._process is None:
            self._process = _start(self._out)
        process = self._process
        assert process.stdin is not None and process.stderr is not None
        said: list[str] = []
        try:
            process.stdin.write(job.as_json() + "\n")
            process.stdin.flush()
            for line in process.stderr:
                if line.startswith(ANSWER):
                    error: str | None = json.loads(line.removeprefix(ANSWER))
                    return error
                said.append(line.strip())
        except BrokenPipeError:
            pass
        process.communicate()
        status, self._process = process.returncode, None
        last = " | ".join(filter(None, said[-LAST_LINES:]))
        raise _DiedError(f"Blender ended by itself, {_ending(status)}: {last or 'it said nothing'}")


def _ending(status: int) -> str:
    """How a process has ended: on POSIX systems a signal is a negative status."""
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"with status {status}"


def _start(out: Path) -> subprocess.Popen[str]:
    try:
        return _started(out)
    except OSError as error:
        raise _DiedError(f"Blender cannot be started again: {error}") from error


def _started(out: Path) -> subprocess.Popen[str]:
    command = _worker_command(out)
    assert command is not None
    above = str(Path(__file__).parents[2])
    paths = [above, *filter(None, [os.environ.get("PYTHONPATH")])]
    module = {} if bpy.app.binary_path else {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **module},
        # Ctrl-C is for the parent, which then ends the workers.
        start_new_session=True,
    )


def _worker_command(out: Path) -> list[str] | None:
    """The command line of a worker; None where this program cannot be started again."""
    rest = ["work", "--out", str(out)]
    if bpy.app.binary_path:
        return [bpy.app.binary_path, *_own_options(), "--command", "flawsmith", *rest]
    package = (__package__ or "").removesuffix(".batch")
    return None if "." in package else [sys.executable, "-P", "-m", package, *rest]


def _own_options() -> list[str]:
    """What this Blender was started with before its command: a worker is to be like it."""
    for place, option in enumerate(sys.argv):
        if option in ("-c", "--command"):
            return sys.argv[1:place]
    return ["--background"]


def work(out: Path, tasks: Mapping[str, Task]) -> None:
    """Do the jobs that come by the standard input, until it ends."""
    session = Session(tasks, out)
    for line in sys.stdin:
        answer: Any = attempt(session, Job(**json.loads(line)))
        print(ANSWER + json.dumps(answer), file=sys.stderr, flush=True)
