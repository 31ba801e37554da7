"""One scoring at a time, and a short queue before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import HTTPException

ResultT = TypeVar("ResultT")

RETRY_SECONDS = 2
RETRY_LATER = {"Retry-After": str(RETRY_SECONDS)}


class ScanQueue:
    """A queue of ``places``, the one whose turn it is included.

    Everything is called from the event loop; the work itself is done in a thread beside it.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self._stopped = asyncio.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scoring")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; taken before an upload is read, so that waiting ones need no memory.

        Raises:
            HTTPException: 503, when all places are taken.
        """
        if self.taken >= self.places:
            raise HTTPException(
                503, f"{self.places} scans are being scored or wait for it; try again", RETRY_LATER
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, work: Callable[[], ResultT], gone: Awaitable[None]) -> ResultT:
        """Do ``work`` when those before it are done.

        Work that has not begun when nobody waits for it any more is never done. Work that has
        begun goes on in its thread, which nothing can interrupt; its result is dropped.

        Args:
            work: what to do, in the thread.
            gone: ends when the client has gone.

        Raises:
            HTTPException: 400, the client has gone; 503, the server was stopped meanwhile.
        """
        result = asyncio.get_running_loop().run_in_executor(self._worker, work)
        leaving = asyncio.ensure_future(gone)
        either: set[asyncio.Future[Any]] = {result, leaving}
        try:
            await self.unless_stopped(asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED))
            if not result.done():
                raise HTTPException(400, "the client went away before its scan was scored")
            return result.result()
        finally:
            leaving.cancel()
            result.cancel()

    async def unless_stopped(self, awaited: Awaitable[ResultT]) -> ResultT:
        """What ``awaited`` gives.

        Raises:
            HTTPException: 503, the server was stopped before.
        """
        task, stopped = asyncio.ensure_future(awaited), asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise HTTPException(503, "the server is being stopped; try again", RETRY_LATER)
            return task.result()
        finally:
            task.cancel()
            stopped.cancel()

    def stop_after(self, seconds: float) -> None:
        """In ``seconds``, whoever still waits is sent away."""
        asyncio.get_running_loop().call_later(seconds, self._stopped.set)

    def close(self) -> None:
        """Let the thread end once it is idle."""
        self._worker.shutdown(wait=False, cancel_futures=True)
