"""What holds for every request and every answer."""

from __future__ import annotations

from collections.abc import Collection

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared_schema.api import ErrorResponse

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SecurityMiddleware:
    """Refuses requests that were meant for another host, and sets the headers of safe answers.

    A page from elsewhere whose name was made to point to this machine (DNS rebinding) still names
    itself in the Host header.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        """``hosts``: names this server answers to; None for any."""
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self.app if self._is_meant(scope) else _refuse_host
        await app(scope, receive, send_safely)

    def _is_meant(self, scope: Scope) -> bool:
        name = Headers(scope=scope).get("host", "")
        without_port = name.rpartition(":")[0] if name.rpartition(":")[2].isdecimal() else name
        return self.hosts is None or without_port.strip("[]").lower() in self.hosts


async def _refuse_host(scope: Scope, receive: Receive, send: Send) -> None:
    text = "the Host header names another machine; use the address that flawsmith serve printed"
    response = JSONResponse(ErrorResponse(detail=text).model_dump(), status_code=400)
    await response(scope, receive, send)
