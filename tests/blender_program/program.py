"""A real Blender program with the extension installed from its zip, as people have it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import build
from tests.architecture.project import ROOT

MODULE = "bl_ext.user_default.flawsmith"
TIMEOUT = 240


@dataclass(frozen=True)
class Blender:
    """A Blender program that keeps its settings and extensions in a folder of its own.

    Attributes:
        path: of the program.
        resources: folder of its settings and extensions.
    """

    path: str
    resources: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run it in background mode with ``arguments`` and wait for its end."""
        return subprocess.run(
            [self.path, "--background", *map(str, arguments)],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )

    def script(self, path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a Python file, which finds ``arguments`` after ``--``; an exception ends in 9."""
        return self.run("--python-exit-code", 9, "--python", path, "--", *arguments)

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the extension's command line."""
        return self.run("--command", "flawsmith", *arguments)

    def environment(self) -> dict[str, str]:
        """The environment in which it finds its folder."""
        return {**os.environ, "BLENDER_USER_RESOURCES": str(self.resources)}


def blender_program() -> str:
    """Path of Blender: that of ``FLAWSMITH_BLENDER``, else the ``blender`` on the PATH."""
    found = os.environ.get("FLAWSMITH_BLENDER") or shutil.which("blender")
    if found is None:
        pytest.skip("no Blender program; put blender on the PATH or name it in FLAWSMITH_BLENDER")
    return found


@pytest.fixture(scope="session")
def blender(tmp_path_factory: pytest.TempPathFactory) -> Blender:
    """Blender with the extension installed and enabled."""
    folder = tmp_path_factory.mktemp("blender")
    program = Blender(blender_program(), folder / "resources")
    archive = build.build_addon(ROOT / "blender_addon", folder)
    options = ["-r", "user_default", "-e", archive]
    installed = program.run("--command", "extension", "install-file", *options)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return program
