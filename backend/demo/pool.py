"""The same work on many clouds, on all cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Each holds the parts' meshes and a little more.
MOST_WORKERS = 8
ONE_THREAD_EACH = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def spread(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results of ``work`` on each of ``items``, as they are finished.

    Each process computes with one thread, so that a result does not depend on the machine. An
    error or an interrupt drops what has not begun and is passed on.
    """
    if not items:
        return
    workers = min(MOST_WORKERS, os.cpu_count() or 1, len(items))
    # Fresh processes: a copy of one that has threads (of torch, of the progress display) may hang.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker)
    try:
        for future in as_completed([executor.submit(work, item) for item in items]):
            yield future.result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave interrupts to the parent, end with it, and compute with one thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read when numpy and torch are first imported, which the first item's work does.
    os.environ.update(dict.fromkeys(ONE_THREAD_EACH, "1"))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
