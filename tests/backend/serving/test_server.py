"""Starting and stopping, and faults that are the server's own."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from backend.cli import main
from backend.io import WRITERS
from backend.scoring.detector import Detector
from backend.serving.app import Limits, create_app
from backend.serving.server import is_loopback
from tests.backend.parts import scan
from tests.backend.serving.service import PATIENCE, running


def test_an_interrupt_ends_it_well(model: Path) -> None:
    with running(model) as service:
        assert service.address.startswith("http://127.0.0.1:")
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(PATIENCE) == 0


def test_a_taken_port_is_named(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", str(model), "--port", str(port)])
    assert result.exit_code == 1
    assert f"port {port}" in result.stderr and "--port" in result.stderr
    assert "Warning" not in result.stderr


def test_listening_to_others_is_warned_of(model: Path) -> None:
    # An address for documentation (RFC 5737): no machine has it, so nothing is opened.
    result = CliRunner().invoke(main, ["serve", str(model), "--host", "192.0.2.1"])
    assert result.exit_code == 1
    assert "Warning: 192.0.2.1 can be reached from other machines" in result.stderr


@pytest.mark.parametrize(
    ("expected", "hosts"),
    [
        (True, ("127.0.0.1", "127.9.9.9", "::1", "localhost")),
        (False, ("0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example.org")),
    ],
)
def test_is_loopback(expected: bool, hosts: tuple[str, ...]) -> None:
    assert {is_loopback(host) for host in hosts} == {expected}


def test_a_fault_of_the_server_tells_nothing_of_its_inside(model: Path) -> None:
    broken = replace(Detector.load(model), categories={})
    app = create_app(broken, {"file": "m", "sha256": "0"}, Limits(1 << 20, 1000))

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            files = {"scan": ("a.ply", WRITERS[".ply"](scan("egg", 1)))}
            return await client.post("/v1/score", files=files, params={"category": "egg"})

    response = asyncio.run(post())
    assert response.status_code == 500
    assert "fault of the server" in response.json()["detail"]
    assert "KeyError" not in response.text


def test_an_upload_that_stalls_is_ended(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.serving.upload.UPLOAD_SECONDS", 0.05)
    app = create_app(Detector.load(model), {"file": "m", "sha256": "0"}, Limits(1 << 20, 1000))

    async def stalling() -> AsyncIterator[bytes]:
        yield b"--edge\r\n"
        await asyncio.Event().wait()

    async def post() -> httpx.Response:
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://test"
        ) as client:
            return await client.post("/v1/score", content=stalling(), headers=headers)

    response = asyncio.run(post())
    assert response.status_code == 408 and "took over" in response.json()["detail"]
