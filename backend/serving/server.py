"""The process that serves: it loads the model, opens the port and runs until it is stopped."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from backend.errors import FlawsmithError
from backend.io.digest import file_identity
from backend.scoring.detector import Detector
from backend.serving.app import Limits, create_app
from backend.serving.queue import ScanQueue

LOCAL_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})
# Seconds that running requests may take after the server is asked to stop. Then they are refused,
# for which there are SENDING_SECONDS.
GRACE_SECONDS = 10
SENDING_SECONDS = 5


@dataclass(frozen=True)
class ServerSettings:
    """Where to listen (``port`` 0: any free one), and what to refuse."""

    host: str
    port: int
    limits: Limits


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def serve(model: Path, settings: ServerSettings, announce: Callable[[str], None]) -> None:
    """Serve the detector in the file ``model`` until interrupted.

    Args:
        model: a detector's file.
        settings: where and how much.
        announce: called with the address as soon as the server accepts requests.

    Raises:
        CheckpointError: the model cannot be loaded.
        FlawsmithError: the address cannot be listened at.
    """
    detector = Detector.load(model)
    hosts = LOCAL_NAMES | {settings.host.lower()} if is_loopback(settings.host) else None
    app = create_app(detector, file_identity(model).model_dump(), settings.limits, hosts)
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS + SENDING_SECONDS,
    )
    # Ctrl-C is how it ends: uvicorn first finishes what it is at, then hands the interrupt on.
    with _listen(settings) as listener, suppress(KeyboardInterrupt):
        announce(_address(settings.host, listener))
        Server(config, app.state.queue).run(sockets=[listener])


class Server(uvicorn.Server):
    """Answers what it has accepted before it ends, with a refusal if it must."""

    def __init__(self, config: uvicorn.Config, queue: ScanQueue) -> None:
        """``queue``: of the application in ``config``."""
        super().__init__(config)
        self._queue = queue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, and wait for those that there are."""
        self._queue.stop_after(GRACE_SECONDS)
        await super().shutdown(sockets)


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise FlawsmithError(
            f"cannot listen at {settings.host}, port {settings.port}: {error.strerror}; "
            "choose another --port or --host"
        ) from error


def _address(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
