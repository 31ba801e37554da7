"""Work that is spread over processes comes back whole, and ends with who asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backend.demo.pool import spread

PARENT = """
import sys, time
from pathlib import Path
from functools import partial
from tests.backend.demo.test_pool import note_and_wait
from backend.demo.pool import spread
if __name__ == "__main__":
    list(spread(partial(note_and_wait, Path(sys.argv[1])), [1, 2]))
"""


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise ValueError(f"{number} is not welcome")


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def note_and_wait(folder: Path, number: int) -> None:
    (folder / f"{os.getpid()}").write_text("")
    time.sleep(300)


def test_every_item_comes_back() -> None:
    assert sorted(spread(square, list(range(20)))) == [number**2 for number in range(20)]
    assert list(spread(square, [])) == []


def test_error_is_passed_on() -> None:
    with pytest.raises(ValueError, match="3 is not welcome"):
        list(spread(fail, [3]))


def test_each_process_has_one_thread() -> None:
    assert set(spread(threads, [1, 2])) == {"1"}


def runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes through /proc")
def test_processes_end_with_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    end = time.monotonic() + 60.0
    while len(list(tmp_path.iterdir())) < min(2, os.cpu_count() or 1):
        assert parent.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    while any(map(runs, workers)):
        assert time.monotonic() < end, "a process outlives its parent"
        time.sleep(0.05)
