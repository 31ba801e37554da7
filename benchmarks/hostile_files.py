"""What becomes of 10,000 files of every format and encoding, damaged or in foreign dialects.

    python -m benchmarks.hostile_files > benchmarks/hostile_files.txt

The files, and what may come of each, are those of ``tests/backend/io/hostile.py``, which are
damaged, and of ``tests/backend/io/dialects``, whole, which are to be accepted, and damaged. "silent
loss" counts the files of which a reader gave other points, or another count of them, than the file
holds (by what it was made from, or by a second, plain reader), and did not say so. They are read in
a worker process: if it dies, its file counts as a crash; if a file takes longer than ``SECONDS``,
as a hang, and the worker is killed. The memory that the worker and its own reading processes take
for a file, beyond what they had before, must stay below ``MEMORY``; a reading process that starts
counts whole. "contained" are files that made a reading process of ``backend.io.isolation`` crash or
be stopped: they are refused as others are. Memory is told by Linux alone.
"""

from __future__ import annotations

import json
import platform
import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from backend.io import isolation
from tests.backend.io import dialects, hostile

DAMAGED, DIALECTS, DAMAGED_DIALECTS = 5_000, 2_500, 2_500
COUNT = DAMAGED + DIALECTS + DAMAGED_DIALECTS
SEED = 2026
SECONDS = 10.0
MEMORY = 512 * 1024**2
COLUMNS = ("refused", "contained", "accepted", "crash", "hang", "over memory", "silent loss")


def work(first: int, last: int) -> None:
    """Read the files from ``first`` to before ``last``; a line of JSON before and after each."""
    for index in range(first, last):
        print(json.dumps({"begin": index}), flush=True)
        judge = _judge(index)
        before = sum(map(_reset_peak, _processes()))
        try:
            found = judge()
        except Exception as error:
            found = f"crash: {type(error).__name__}: {error}"
        peak = sum(map(_peak, _processes())) - before
        print(json.dumps({"end": index, "found": found, "memory": peak}), flush=True)


def _judge(index: int) -> Callable[[], str]:
    """What reads file number ``index`` and says what came of it."""
    if index < DAMAGED:
        return partial(hostile.verdict, hostile.hostile_file(index, SEED))
    index -= DAMAGED
    if index < DIALECTS:
        return partial(dialects.verdict, dialects.dialect_file(index, SEED))
    return partial(hostile.verdict, dialects.damaged_dialect(index - DIALECTS, SEED))


def _kind(index: int) -> str:
    """The name of the table's row that file number ``index`` counts in."""
    if index < DAMAGED:
        return list(hostile.originals())[index % len(hostile.originals())]
    index -= DAMAGED
    if index < DIALECTS:
        return f"dialects of {list(dialects.KINDS)[index % len(dialects.KINDS)]}"
    kinds = dialects.PLAIN_KINDS
    return f"damaged, {kinds[(index - DIALECTS) % len(kinds)]}"


def _processes() -> list[str]:
    """The process itself and its reading processes, as they are named under /proc."""
    workers = [worker for workers in isolation._idle.values() for worker in workers]
    return ["self", *(str(worker.process.pid) for worker in workers)]


def _reset_peak(process: str) -> int:
    """Forget the peak of a process's memory; its memory now, in bytes."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    return _memory(process, "VmRSS")


def _peak(process: str) -> int:
    return _memory(process, "VmHWM")


def _memory(process: str, key: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"{key}:\s+(\d+) kB", status)
    return int(found.group(1)) * 1024 if found else 0


def outcomes() -> Iterator[tuple[int, str, int]]:
    """Index, outcome and extra memory of every file; a dead worker is replaced."""
    done = 0
    while done < COUNT:
        for outcome in _one_worker(done):
            yield outcome
            done = outcome[0] + 1


def _one_worker(first: int) -> Iterator[tuple[int, str, int]]:
    """Outcomes until the worker ends, by itself or by the file that is told last."""
    command = [sys.executable, "-m", "benchmarks.hostile_files", str(first), str(COUNT)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_forward, args=(worker, lines), daemon=True).start()
    begun, patience = first, 60.0
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            worker.kill()
            yield begun, "hang", 0
            return
        patience = SECONDS
        if not line:
            if worker.wait() != 0:
                yield begun, "crash", 0
            return
        told = json.loads(line)
        if "begin" in told:
            begun = told["begin"]
        else:
            yield told["end"], told["found"], told["memory"]


def _forward(worker: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    """Every line, then an empty one for the end."""
    assert worker.stdout is not None
    for line in worker.stdout:
        lines.put(line)
    lines.put("")


def main() -> None:
    """Print the table."""
    kinds = list(dict.fromkeys(map(_kind, range(COUNT))))
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    memory = dict.fromkeys(kinds, 0)
    start = time.perf_counter()
    for index, found, extra in outcomes():
        kind, column = _kind(index), found.partition(":")[0]
        counts[kind][column if column in COLUMNS else "silent loss"] += 1
        counts[kind]["over memory"] += extra > MEMORY
        memory[kind] = max(memory[kind], extra)
    seconds = time.perf_counter() - start
    print(
        f"{COUNT} files, seed {SEED}, {platform.machine()}, Python "
        f"{platform.python_version()}, {seconds:.0f} s"
    )
    print(f"limits: {SECONDS:.0f} s and {MEMORY // 1024**2} MiB a file\n")
    print(
        "".join([f"{'kind':<26}{'files':>6}", *(f"{c:>13}" for c in COLUMNS), f"{'peak MiB':>10}"])
    )
    for kind in kinds:
        print(_row(kind, counts[kind], memory[kind]))
    print(_row("all", sum(counts.values(), Counter()), max(memory.values())))


def _row(kind: str, counts: Counter[str], memory: int) -> str:
    files = sum(count for column, count in counts.items() if column != "over memory")
    cells = [f"{kind:<26}{files:>6}", *(f"{counts[column]:>13}" for column in COLUMNS)]
    return "".join([*cells, f"{memory / 1024**2:>10.1f}"])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        work(int(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
