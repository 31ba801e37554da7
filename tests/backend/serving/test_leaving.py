"""Clients that go away, and a server that is stopped, while scans are scored or wait for it."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import uvicorn

from backend.io import WRITERS
from backend.scoring.detector import Detector
from backend.serving import app as app_module
from backend.serving import server as server_module
from backend.serving.app import Limits, create_app
from shared_schema.api import ErrorResponse
from tests.backend.parts import scan
from tests.backend.serving.service import PATIENCE, running

UPLOAD = {"scan": ("a.ply", WRITERS[".ply"](scan("egg", 1)))}
PLACES = 4


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


class SlowService:
    """A server at a real port of this machine whose scoring lasts until ``release``."""

    def __init__(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Score with the detector in ``model``, and note which scans are begun."""
        self.begun = 0
        self.release = threading.Event()
        score = app_module.score_upload

        def score_slowly(*arguments):
            self.begun += 1
            assert self.release.wait(PATIENCE)
            return score(*arguments)

        monkeypatch.setattr(app_module, "score_upload", score_slowly)
        limits = Limits(1 << 20, 2000, PLACES)
        app = create_app(Detector.load(model), {"file": "m", "sha256": "0"}, limits)
        self.queue = app.state.queue
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=30)
        self.server = server_module.Server(config, self.queue)
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],))

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def upload(self) -> httpx.Response:
        address = f"http://127.0.0.1:{self.port}/v1/score"
        return httpx.post(address, files=UPLOAD, timeout=PATIENCE, trust_env=False)

    def upload_and_leave(self) -> socket.socket:
        """A connection with a whole request that nobody reads the answer of."""
        request = httpx.Request("POST", f"http://127.0.0.1:{self.port}/v1/score", files=UPLOAD)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(f"POST /v1/score HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        return connection


@pytest.fixture
def slow(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowService]:
    service = SlowService(model, monkeypatch)
    service.thread.start()
    yield service
    service.release.set()
    service.server.should_exit = True
    service.thread.join(PATIENCE)
    assert not service.thread.is_alive()


def test_who_goes_away_gives_the_place_on_and_is_not_scored(slow: SlowService) -> None:
    connections = [slow.upload_and_leave() for _ in range(PLACES)]
    wait_until(lambda: slow.begun == 1 and slow.queue.taken == PLACES)
    assert slow.upload().status_code == 503
    for connection in connections:
        connection.close()
    wait_until(lambda: slow.queue.taken == 0)
    with ThreadPoolExecutor(PLACES) as pool:
        answers = [pool.submit(slow.upload) for _ in range(PLACES)]
        wait_until(lambda: slow.queue.taken == PLACES)
        slow.release.set()
        assert [answer.result().status_code for answer in answers] == [200] * PLACES
    # Of those that went away only the first had been begun.
    assert slow.begun == 1 + PLACES


def test_a_stopped_server_finishes_what_it_has_accepted(slow: SlowService) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(slow.upload) for _ in range(2)]
        wait_until(lambda: slow.begun == 1 and slow.queue.taken == 2)
        slow.server.should_exit = True
        slow.release.set()
        assert [answer.result().status_code for answer in answers] == [200, 200]


def test_what_a_stopped_server_cannot_finish_is_to_be_sent_again(
    slow: SlowService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "GRACE_SECONDS", 0.1)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(slow.upload) for _ in range(2)]
        wait_until(lambda: slow.begun == 1 and slow.queue.taken == 2)
        slow.server.should_exit = True
        for answer in answers:
            assert answer.result().status_code == 503
            assert "being stopped" in ErrorResponse(**answer.result().json()).detail
            assert int(answer.result().headers["retry-after"]) > 0
    assert not caplog.records


def test_sigterm_is_no_fault_of_the_server(model: Path) -> None:
    large = WRITERS[".ply"](scan("ball", 0, count=60_000))
    with running(model) as service, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.upload, "a.ply", large, category="ball")
        # Nobody is told when the scan is accepted: it is, before what is asked for afterwards.
        time.sleep(0.5)
        for _ in range(3):
            assert httpx.get(
                f"{service.address}/v1/health", timeout=PATIENCE, trust_env=False
            ).is_success
        service.process.send_signal(signal.SIGTERM)
        assert answer.result().status_code in (200, 503)
        assert service.process.wait(PATIENCE) in (0, -signal.SIGTERM)
