"""Work that is spread over processes comes back whole, and ends with who asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest

from backend.engine import processes
from backend.engine.lock import locked
from backend.engine.processes import Workers, in_order, map_unordered
from backend.errors import EngineError

PARENT = """
import sys, time
from pathlib import Path
from functools import partial
from itertools import count, islice
from tests.backend.engine.test_processes import note_and_wait
from backend.engine.processes import map_unordered
if __name__ == "__main__":
    list(map_unordered(partial(note_and_wait, Path(sys.argv[1])), [1, 2]))
"""
UNGUARDED = """
from tests.backend.engine.test_processes import square
from backend.engine.processes import map_unordered
print("began")
print(sorted(map_unordered(square, [1, 2, 3])))
"""


GUARDED = """
from functools import partial
from backend.engine.processes import map_unordered
def power(number, exponent):
    return number**exponent
if __name__ == "__main__":
    print("began")
    print(sorted(map_unordered(partial(power, exponent=2), [1, 2, 3])))
"""


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise ValueError(f"{number} is not welcome")


def place(number: int) -> tuple[int, int]:
    return number, os.getpid()


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def note_and_stop(folder: Path, number: int) -> None:
    (folder / str(number)).write_text("")
    time.sleep(0.2)


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def note_and_wait(folder: Path, number: int) -> None:
    (folder / f"{os.getpid()}").write_text("")
    time.sleep(300)


def test_little_work_is_done_in_this_process_and_more_by_others_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert list(in_order(place, range(4), jobs=2)) == [(n, os.getpid()) for n in range(4)]
    monkeypatch.setattr(processes, "SECONDS_TO_BEGIN", 0.0)
    found = list(in_order(place, range(12), jobs=2))
    assert [number for number, _ in found] == list(range(12))
    assert os.getpid() not in {process for _, process in found}
    assert list(in_order(place, range(3), jobs=1)) == [(n, os.getpid()) for n in range(3)]
    assert list(in_order(place, [7], jobs=2)) == [(7, os.getpid())]


def test_every_item_comes_back() -> None:
    assert sorted(map_unordered(square, list(range(20)))) == [number**2 for number in range(20)]
    assert list(map_unordered(square, [])) == []


def test_items_that_belong_together_go_to_one_process() -> None:
    with Workers(2) as workers:
        done = list(workers.map_unordered(place, list(range(10)), chunk_size=5))
        assert sorted(number for number, _ in done) == list(range(10))
        halves = [{process for number, process in done if number // 5 == half} for half in (0, 1)]
        assert [len(processes) for processes in halves] == [1, 1]
        again = {process for _, process in workers.map_unordered(place, list(range(10)))}
    assert len(again | {process for _, process in done}) <= 2


def test_a_killed_process_is_an_error_that_says_so() -> None:
    with pytest.raises(EngineError, match="was killed"):
        list(map_unordered(die, [1, 2]))


def test_no_more_is_begun_once_nobody_wants_it(tmp_path: Path) -> None:
    with Workers(1) as workers:
        next(workers.map_unordered(partial(note_and_stop, tmp_path), list(range(40)), chunk_size=2))
    assert 2 <= len(list(tmp_path.iterdir())) <= 4


def test_one_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "work" / "lock"
    refused = pytest.raises(EngineError, match="another run is at work")
    with locked(lock), refused, locked(lock):
        pass
    with locked(lock):
        pass


def test_error_is_passed_on() -> None:
    with pytest.raises(ValueError, match="3 is not welcome"):
        list(map_unordered(fail, [3]))


def test_each_process_has_one_thread() -> None:
    before = dict(os.environ)
    assert set(map_unordered(threads, [1, 2])) == {"1"}
    assert dict(os.environ) == before


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


def test_results_come_in_order_while_further_ones_are_made() -> None:
    with Workers(2) as workers:
        endless = workers.in_order(_slow_if_even, count(), ahead=3)
        assert list(islice(endless, 7)) == list(range(7))
        assert list(workers.in_order(_slow_if_even, range(3), ahead=5)) == [0, 1, 2]
        assert list(workers.in_order(_slow_if_even, [], ahead=2)) == []


def _slow_if_even(number: int) -> int:
    time.sleep(0.05 * (number % 2 == 0))
    return number


@pytest.mark.parametrize("code", [UNGUARDED, GUARDED], ids=["no guard", "work of its own"])
def test_a_program_is_run_by_its_workers_only_for_work_of_its_own(
    code: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(code)
    done = subprocess.run(
        [sys.executable, program],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "began\n[1, 4, 9]\n", done.stderr
