"""A real browser without a window, to look at pages as a person would.

Chromium is spoken to by its DevTools protocol over a pair of pipes, which needs no package and no
port (https://chromedevtools.github.io/devtools-protocol/).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--window-size=1200,900",
)
PATIENCE = 60.0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for the tests of a file."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is in PATH; install chromium")
    with Browser(program, tmp_path_factory.mktemp("browser")) as running:
        yield running


class Browser:
    """One tab.

    Attributes:
        complaints: errors on the console, exceptions and failed loads since ``open``.
        addresses: everything the page has asked for since ``open``, ``data:`` left out.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        self._loaded = False
        self._number = 0
        self._unread = b""
        command = [program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=lambda: _as_three_and_four(theirs_in, theirs_out),
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session: str | None = None

    def __enter__(self) -> Self:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def open(self, page: str | Path) -> None:
        """Open an address or a file and wait until it has loaded."""
        # What the page before still has to say is not to be taken for this one's.
        self._navigate("about:blank")
        self._navigate(page.resolve().as_uri() if isinstance(page, Path) else page)

    def _navigate(self, address: str) -> None:
        self.complaints, self.addresses, self._loaded = [], [], False
        self._call("Page.navigate", url=address)
        end = time.monotonic() + PATIENCE
        while not self._loaded:
            self._notice(self._next(end))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript ``expression``, awaited where it is a promise."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {_description(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until a JavaScript ``expression`` is true."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(f"Boolean({expression})"):
            assert time.monotonic() < end, f"never came true: {expression}; page: {self.text()}"
            time.sleep(0.05)

    def text(self) -> str:
        """What can be read on the page."""
        return str(self.evaluate("document.body.innerText"))

    def html(self) -> str:
        """The page's elements as they are now."""
        return str(self.evaluate("document.documentElement.outerHTML"))

    def click(self, selector: str) -> None:
        """Click the first element that a CSS ``selector`` finds."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in the input that a CSS ``selector`` finds."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self) -> bytes:
        """PNG of the whole page."""
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while (answer := self._next(end)).get("id") != self._number:
            self._notice(answer)
        assert "error" not in answer, f"{method}: {answer['error']['message']}"
        return answer["result"]

    def _next(self, end: float) -> dict[str, Any]:
        """The browser's next message."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._in, 1 << 20) if ready else b""
            assert part, "the browser does not answer"
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _notice(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                address = details["request"]["url"]
                if not address.startswith("data:"):
                    self.addresses.append(address)
            case "Runtime.exceptionThrown":
                self.complaints.append(_description(details["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if details["type"] in ("error", "assert"):
                values = [str(a.get("value", a.get("description"))) for a in details["args"]]
                self.complaints.append(" ".join(values))
            case "Log.entryAdded" if details["entry"]["level"] == "error":
                self.complaints.append(details["entry"]["text"])


def _description(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description", details["text"]))


def _as_three_and_four(reads: int, writes: int) -> None:
    """In the browser's process: the numbers at which it looks for its pipes."""
    apart = [fcntl.fcntl(number, fcntl.F_DUPFD, 10) for number in (reads, writes)]
    for number, place in zip(apart, (3, 4), strict=True):
        os.dup2(number, place)
