"""Computations of torch that do not depend on one another, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from backend.children import threads

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results of ``work`` on each of ``items``, in their order.

    Each is computed with one thread, so that it does not depend on the number of cores.
    """
    count = min(threads(), len(items))
    if count <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.map(work, items)
