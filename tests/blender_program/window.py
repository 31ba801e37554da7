"""A real Blender in a window of a virtual display, led by a scene; see ``hand.py``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.blender_program.program import Blender

HAND = Path(__file__).with_name("hand.py")
SIZE = (1100, 750)
TIMEOUT = 240


@dataclass(frozen=True)
class Played:
    """What came of a scene.

    Attributes:
        result: what the scene returned.
        log: all that Blender wrote.
    """

    result: Any
    log: str


def require_display() -> None:
    """Skip the test where there is no virtual display or no program for pictures of it."""
    for program, package in (("Xvfb", "xvfb"), ("import", "imagemagick")):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}; install the package {package} to test in a window")


@contextmanager
def virtual_display(size: tuple[int, int]) -> Iterator[str]:
    """Name of a display that nobody sees, for the time of the block."""
    read, write = os.pipe()
    screen = f"{size[0]}x{size[1]}x24"
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", screen, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def play(
    blender: Blender,
    scene: Path,
    folder: Path,
    *arguments: object,
    size: tuple[int, int] = SIZE,
) -> Played:
    """Play a scene in a window that fills a display of its own.

    Args:
        blender: the program.
        scene: a Python file with a generator ``play``.
        folder: for what is written on the way.
        arguments: for ``play``, as strings.
        size: of the window in pixels.

    Raises:
        AssertionError: the scene raised, or Blender ended before it; the message shows why.
    """
    result = folder / "result.json"
    with virtual_display(size) as display:
        ended = subprocess.run(
            [
                blender.path,
                *("--gpu-backend", "opengl", "--enable-event-simulate", "--no-window-focus"),
                *("--window-geometry", "0", "0", *map(str, size)),
                *("--python-exit-code", "9", "--python", str(HAND), "--", str(scene), str(result)),
                *map(str, arguments),
            ],
            env={
                **blender.environment(),
                "DISPLAY": display,
                "LIBGL_ALWAYS_SOFTWARE": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
    log = ended.stdout
    assert result.exists(), f"the scene did not come to its end:\n{log}"
    document = json.loads(result.read_text(encoding="utf-8"))
    assert "error" not in document, document["error"]
    return Played(document, log)
