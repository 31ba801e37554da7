"""A server on this machine that speaks OpenAI's protocol, well or badly."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers requests by what the server behaves like, and keeps them."""

    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        self.server.headers.append(self.headers)
        self.server.paths.append(self.path)
        behave = self.server.behaviours[min(len(self.server.requests), self.server.last) - 1]
        # The client may have hung up, as it should.
        with contextlib.suppress(OSError):
            behave(self)

    def send(self, body: bytes, status: int = 200, kind: str = "application/json", **more: str):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Behaviour = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    """Keeps what it was asked; the last behaviour goes on for ever."""

    daemon_threads = True

    def __init__(self, behaviours: tuple[Behaviour, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours, self.last = behaviours, len(behaviours)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Message] = []
        self.paths: list[str] = []
        self.ended = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def serving(*behaviours: Behaviour) -> Iterator[Server]:
    """A server that behaves so, as long as the context is open."""
    server = Server(behaviours)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def completion(content: str | None, reason: str = "stop", **message: Any) -> bytes:
    """A whole answer by the protocol."""
    choice = {
        "index": 0,
        "finish_reason": reason,
        "message": {"role": "assistant", "content": content, **message},
    }
    return _whole([choice])


def _whole(choices: list[dict[str, Any]]) -> bytes:
    usage = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}
    answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps(answer | {"choices": choices, "usage": usage}).encode()


def says(content: str, reason: str = "stop") -> Behaviour:
    return lambda handler: handler.send(completion(content, reason))


def calls(arguments: str) -> Behaviour:
    function = {"name": "instructions", "arguments": arguments}
    call = {"id": "c", "type": "function", "function": function}
    return lambda handler: handler.send(completion(None, "tool_calls", tool_calls=[call]))


def refuses(handler: Handler) -> None:
    handler.send(completion(None, refusal="I would rather not."))


def empty(handler: Handler) -> None:
    handler.send(_whole([]))


def hangs(handler: Handler) -> None:
    handler.server.ended.wait(30)


def trickles(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    while not handler.server.ended.is_set():
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def huge(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(50):
        handler.wfile.write(b" " * 1024**2)


def compressed(handler: Handler) -> None:
    handler.send(b"\x1f\x8b", 200, Content_Encoding="gzip")


def html(handler: Handler) -> None:
    handler.send(b"<html>SECRET, please log in</html>", kind="text/html")


def cut_off(handler: Handler) -> None:
    handler.send(completion("{}")[:-20])


def redirects(handler: Handler) -> None:
    handler.send(b"", 307, Location="http://127.0.0.1:9/v1/chat/completions")


def fails(status: int, **headers: str) -> Behaviour:
    body = json.dumps({"error": {"message": "the key SECRET is wrong"}}).encode()
    return lambda handler: handler.send(body, status, **headers)
