"""One scoring at a time, and a short queue before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from fastapi import HTTPException

ResultT = TypeVar("ResultT")

RETRY_SECONDS = 2


class Turns:
    """A queue of ``places``, the one whose turn it is included.

    Everything is called from the event loop; the work itself is done in a thread beside it.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; taken before an upload is read, so that waiting ones need no memory.

        Raises:
            HTTPException: 503, when all places are taken.
        """
        if self.taken >= self.places:
            raise HTTPException(
                503,
                f"{self.places} scans are being scored or wait for it; try again",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """Do ``work`` when those before it are done."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def close(self) -> None:
        """Let the thread end once it is idle."""
        self._worker.shutdown(wait=False, cancel_futures=True)
