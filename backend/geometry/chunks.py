"""Work on many rows, some at a time: in bounded memory, on all cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backend.children import threads

CHUNK = 100_000


def each_chunk(count: int, work: Callable[[slice], None], size: int = CHUNK) -> None:
    """Call ``work`` with slices of at most ``size`` rows that cover 0 … ``count`` − 1.

    The calls share the cores, as numpy and scipy let go of Python's lock; each has rows of its own
    to write to, so that the result does not depend on their order.
    """
    slices = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    if min(len(slices), threads()) == 1:
        for part in slices:
            work(part)
        return
    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(work, slices):
            pass
