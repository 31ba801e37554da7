"""The service as its users meet it: a process of its own at a free port of this machine."""

from __future__ import annotations

import http.client
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 120.0


@dataclass(frozen=True)
class Service:
    """A running service and a client for it."""

    address: str
    client: httpx.Client
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def score(self, path: Path, **query: str | bool) -> httpx.Response:
        """Upload the file at ``path``."""
        return self.upload(path.name, path.read_bytes(), **query)

    def upload(self, name: str, data: bytes, **query: str | bool) -> httpx.Response:
        """Upload ``data`` as a file called ``name``."""
        return self.client.post("/v1/score", files={"scan": (name, data)}, params=query)

    def begin_upload(self, *parts: bytes) -> socket.socket:
        """A connection over which an upload without a stated length has begun, in chunks."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        head = (
            f"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        opening = b'--edge\r\nContent-Disposition: form-data; name="scan"; filename="a.xyz"\r\n\r\n'
        connection.sendall(head.encode())
        for part in (opening, *parts):
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        return connection


def answer_over(connection: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the answer that comes back."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    with response:
        return response.status, json.loads(response.read())


@contextmanager
def running(
    model: Path,
    *options: str,
    program: Sequence[str] = (sys.executable, "-m", "backend.cli"),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """``flawsmith serve`` on ``model`` until the end of the block, stopped as by Ctrl-C."""
    command = [*program, "serve", str(model), "--port", "0", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, text=True, cwd=cwd, env=env) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
            line = process.stdout.readline() if ready else ""
            assert "Serving" in line, f"the server says {line!r}"
            address = line.split()[-1]
            with httpx.Client(base_url=address, timeout=PATIENCE, trust_env=False) as client:
                yield Service(address, client, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
