"""The same work on many items, on all cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Event
from types import ModuleType
from typing import Self, TypeVar

from backend.children import ONE_THREAD_EACH, SAFE_PATH, cores
from backend.errors import EngineError

Item = TypeVar("Item")
Result = TypeVar("Result")

KILLED = (
    "a worker process was killed, probably because memory ran out. Finished files are whole: run "
    "the same command again, with fewer --jobs"
)

# A process that uses torch takes about so long to begin, of a core's time.
SECONDS_TO_BEGIN = 3.0

# In a worker: set when the parent wants no more results.
_stop: Event | None = None


class Workers:
    """Processes for several rounds of work, for ``with``; they begin with the first.

    Each computes with one thread, so that a result does not depend on the machine. At the end what
    has not begun is dropped, and what has begun is waited for.

    Args:
        jobs: how many processes; as many as there are cores if None.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or cores()
        # Fresh ones: a copy of one that has threads (of torch, of a progress display) may hang.
        context = multiprocessing.get_context("spawn")
        with _environment_of_workers(None):  # the event begins a process that watches over it
            self._stop = context.Event()
        self._executor = ProcessPoolExecutor(
            self.jobs, context, initializer=_begin_worker, initargs=(self._stop,)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def map_unordered(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, chunk_size: int = 1
    ) -> Iterator[Result]:
        """Results of ``work`` on each of ``items``, as they are finished.

        Args:
            work: a function that another process can import, with arguments bound by ``partial``.
            items: small ones: each is sent to a process.
            chunk_size: number of consecutive items that go to one process, one by one; for work
                that is quicker with what the item before has left in memory.

        Raises:
            EngineError: a process was killed from outside.
        """
        groups = [items[start : start + chunk_size] for start in range(0, len(items), chunk_size)]
        try:
            with _environment_of_workers(work):
                futures = [self._executor.submit(_each, work, group) for group in groups]
            for future in as_completed(futures):
                yield from future.result()
        except BrokenProcessPool as error:
            raise EngineError(KILLED) from error

    def in_order(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
    ) -> Iterator[Result]:
        """Results of ``work`` on ``items``, endless ones too, in their order.

        The processes are at work on the next ``ahead`` items while a result is used.

        Raises:
            EngineError: a process was killed from outside.
        """
        pending: deque[Future[list[Result]]] = deque()
        try:
            for item in items:
                with _environment_of_workers(work):
                    pending.append(self._executor.submit(_each, work, [item]))
                if len(pending) > ahead:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        except BrokenProcessPool as error:
            raise EngineError(KILLED) from error


def map_unordered(
    work: Callable[[Item], Result], items: Sequence[Item], *, jobs: int | None = None
) -> Iterator[Result]:
    """Results of ``work`` on each of ``items``, by processes of their own; see ``Workers``.

    An error or an interrupt drops what has not begun and is passed on.
    """
    if items:
        with Workers(min(jobs or cores(), len(items))) as workers:
            yield from workers.map_unordered(work, items)


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, jobs: int | None = None
) -> Generator[Result]:
    """Results of ``work`` on each of ``items``, in their order; by processes once those pay.

    This process does the work until that has taken as long as processes take to begin. So little
    work does not wait for them, and much work takes at most twice as long as by the better way
    (the rule of ski rental: Karlin et al., "Competitive snoopy caching", 1988).

    Args:
        work: a function that another process can import, with arguments bound by ``partial``.
        items: not endless.
        jobs: how many processes; as many as there are cores if None. With 1 none is started.

    Raises:
        EngineError: a process was killed from outside.
    """
    rest, jobs = deque(items), jobs or cores()
    started = time.monotonic()
    while rest and (min(jobs, len(rest)) == 1 or time.monotonic() - started < SECONDS_TO_BEGIN):
        yield work(rest.popleft())
    if rest:
        with Workers(min(jobs, len(rest))) as workers:
            yield from workers.in_order(work, rest, ahead=2 * jobs)


def _each(work: Callable[[Item], Result], group: Sequence[Item]) -> list[Result]:
    results = []
    for item in group:
        if _stop is not None and _stop.is_set():
            break
        results.append(work(item))
    return results


@contextmanager
def _environment_of_workers(work: Callable[..., object] | None) -> Iterator[None]:
    """Processes that begin meanwhile compute with one thread, and import nothing of this folder.

    Nor do they run the user's program again, which would begin the same work, unless ``work`` is a
    function of that program itself.
    """
    meanwhile = ONE_THREAD_EACH | SAFE_PATH
    before = {name: os.environ.get(name) for name in meanwhile}
    program = sys.modules["__main__"]
    os.environ.update(meanwhile)
    if not _is_of_program(work):
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _is_of_program(work: Callable[..., object] | None) -> bool:
    """Whether ``work`` is defined in the program that runs, so that its processes need that."""
    while isinstance(work, partial):
        work = work.func
    return work is not None and work.__module__ == "__main__"


def _begin_worker(stop: Event) -> None:
    """Leave interrupts to the parent, and end with it."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
