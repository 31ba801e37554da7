"""An HTTP client that reads answers up to a bound only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2

from backend.errors import LanguageModelError

MAX_ANSWER_BYTES = 4 * 1024**2
HERE = ("127.0.0.1", "::1", "localhost")


def bounded_client(address: str) -> httpx2.AsyncClient:
    """A client for ``address``, which follows no redirection.

    A server on this machine is asked directly, whatever proxy the environment names.
    """
    return httpx2.AsyncClient(
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=urlsplit(address).hostname not in HERE,
        event_hooks={"response": [_bound]},
        # The whole request has its own clock; see providers.
        timeout=None,
    )


async def _bound(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise LanguageModelError("the model's server sent a compressed answer, unasked")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _BoundedStream(response.stream)


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise LanguageModelError(
                    f"the model's server sent more than {MAX_ANSWER_BYTES} bytes; is it the "
                    "right address?"
                )
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
