"""What becomes of 10,000 damaged files of every format and encoding.

    python -m benchmarks.hostile_files > benchmarks/hostile_files.txt

The files, and what may come of each, are those of ``tests/backend/io/hostile.py``. They are read in
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
from collections.abc import Iterator
from pathlib import Path

from backend.io import isolation
from tests.backend.io.hostile import hostile_file, originals, verdict

COUNT = 10_000
SEED = 2026
SECONDS = 10.0
MEMORY = 512 * 1024**2
COLUMNS = ("refused", "contained", "accepted", "crash", "hang", "over memory", "wrong count")


def work(first: int, last: int) -> None:
    """Read the files from ``first`` to before ``last``; a line of JSON before and after each."""
    for index in range(first, last):
        print(json.dumps({"begin": index}), flush=True)
        file = hostile_file(index, SEED)
        before = sum(map(_reset_peak, _processes()))
        try:
            found = verdict(file)
        except Exception as error:
            found = f"crash: {type(error).__name__}: {error}"
        peak = sum(map(_peak, _processes())) - before
        print(json.dumps({"end": index, "found": found, "memory": peak}), flush=True)


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
    kinds = list(originals())
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    memory = dict.fromkeys(kinds, 0)
    start = time.perf_counter()
    for index, found, extra in outcomes():
        kind = kinds[index % len(kinds)]
        column = found.partition(":")[0]
        counts[kind]["wrong count" if column == "unsound" else column] += 1
        counts[kind]["over memory"] += extra > MEMORY
        memory[kind] = max(memory[kind], extra)
    seconds = time.perf_counter() - start
    print(
        f"{COUNT} damaged files, seed {SEED}, {platform.machine()}, Python "
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
