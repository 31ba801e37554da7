"""A real Blender with the extension installed from its zip, as people have it.

The program is that of ``FLAWSMITH_BLENDER``, else the ``blender`` on the PATH. Some tests run in
Blender as a module too: in that of this Python, and in that of ``FLAWSMITH_BPY_PYTHON``, where a
Python is named there that has another version of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import build
from tests.architecture.project import ROOT

MODULE = "bl_ext.user_default.flawsmith"
TIMEOUT = 240
# What Blender says when nothing is the matter: its version, which files it reads, and its farewell.
USUAL = re.compile(r'|Blender \d.*|(?:[\d:.]+ +blend +\| )?Read (?:blend|prefs): ".*"|Blender quit')
# Blender's folders for what belongs to its user.
FOLDERS = ("config", "datafiles", "extensions", "scripts")
# Where an add-on cannot be enabled, Blender's module may hang when Python ends as it usually does.
INSTALL = """
import os, sys, traceback, bpy
try:
    bpy.ops.extensions.package_install_files(
        filepath=sys.argv[1], repo="user_default", enable_on_install=True
    )
except RuntimeError:
    traceback.print_exc()
    os._exit(1)
"""

Ended = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Installation:
    """A Blender that keeps its settings and extensions in a folder of its own.

    Attributes:
        path: of the program.
        resources: folder of its settings and extensions; made where there is none.
    """

    path: str
    resources: Path

    def __post_init__(self) -> None:
        # Instead of a folder that is missing here, Blender takes the one in the user's home.
        for name in FOLDERS:
            (self.resources / name).mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """The environment in which it finds its folder."""
        return {**os.environ, "BLENDER_USER_RESOURCES": str(self.resources)}

    def start(self, *arguments: object) -> Ended:
        """Run ``path`` with ``arguments`` and wait for its end."""
        return subprocess.run(
            [self.path, *map(str, arguments)],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )

    def script(self, path: Path, *arguments: object) -> Ended:
        """Run a Python file, which finds ``arguments`` after ``--``; an exception is a failure."""
        raise NotImplementedError


class Blender(Installation):
    """A Blender program."""

    def run(self, *arguments: object) -> Ended:
        """Run it in background mode with ``arguments`` and wait for its end."""
        return self.start("--background", *arguments)

    def script(self, path: Path, *arguments: object) -> Ended:
        """Run a Python file, which finds ``arguments`` after ``--``; an exception ends in 9."""
        return self.run("--python-exit-code", 9, "--python", path, "--", *arguments)

    def command(self, *arguments: object) -> Ended:
        """Run the extension's command line."""
        return self.run("--command", "flawsmith", *arguments)


class BlenderModule(Installation):
    """Blender as a module of the Python at ``path``."""

    def script(self, path: Path, *arguments: object) -> Ended:
        """Run a Python file, which finds ``arguments`` after ``--``; an exception ends in 1."""
        return self.start(path, "--", *arguments)


def complaints(ended: Ended) -> list[str]:
    """All that Blender wrote, without what it says when nothing is the matter."""
    lines = (ended.stdout + ended.stderr).splitlines()
    return [line for line in lines if not USUAL.fullmatch(line)]


def blender_program() -> str:
    """Path of Blender: that of ``FLAWSMITH_BLENDER``, else the ``blender`` on the PATH."""
    found = os.environ.get("FLAWSMITH_BLENDER") or shutil.which("blender")
    if found is None:
        pytest.skip("no Blender program; put blender on the PATH or name it in FLAWSMITH_BLENDER")
    return found


def pythons() -> dict[str, str]:
    """The Pythons that have Blender as a module, by what the tests call them."""
    named = os.environ.get("FLAWSMITH_BPY_PYTHON")
    return {"module": sys.executable, **({"other-module": named} if named else {})}


def extension_zip(folder: Path) -> Path:
    """The extension as people get it, packed into ``folder``."""
    library = build.build_library(folder / build.ASSETS)
    return build.build_addon(ROOT / "blender_addon", folder, library)


def install(program: Blender, archive: Path) -> Blender:
    """The program with the extension installed and enabled."""
    options = ["-r", "user_default", "-e", archive]
    installed = program.run("--command", "extension", "install-file", *options)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return program


def with_extension(path: str, folder: Path) -> Blender:
    """The Blender at ``path`` with the extension enabled; its settings are in ``folder``."""
    return install(Blender(path, folder / "resources"), extension_zip(folder))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip."""
    return extension_zip(tmp_path_factory.mktemp("zip"))


@pytest.fixture(scope="session")
def blender(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Blender:
    """The Blender program with the extension installed and enabled."""
    return install(Blender(blender_program(), tmp_path_factory.mktemp("blender")), archive)


@pytest.fixture(scope="session", params=["program", *pythons()])
def any_blender(
    request: pytest.FixtureRequest, archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """Blender with the extension installed: the program, then each module of it."""
    if request.param == "program":
        program: Blender = request.getfixturevalue("blender")
        return program
    module = BlenderModule(pythons()[request.param], tmp_path_factory.mktemp(request.param))
    installed = module.start("-c", INSTALL, archive)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return module
