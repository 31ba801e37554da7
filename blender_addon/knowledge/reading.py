# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's command at work on a document, in a process of its own.

Meanwhile anything may happen: the part is renamed or deleted, another file is opened, the extension
is switched off. So nothing of Blender's is kept but a number, and ``end_all`` ends the process and
removes its files at any time.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.app.handlers import persistent

from ..data.attributes import read_items, read_positions
from ..documents.errors import AddonError
from ..documents.ply import write_ply
from ..parts.frame import part_origin, part_unit
from ..stack.baked import require_unbaked
from ..stack.scaling import require_true_size
from .program import find_command

# What the command reads.
SUFFIXES = (".txt", ".md", ".html", ".docx", ".pdf")
# A text block's name tells its format where it ends so.
TEXT_SUFFIXES = (".txt", ".md", ".html")
# What the command writes before its message, if it refuses.
ERROR = "Error: "
# Of what a command that ended without a message has written.
LAST_LINES = 3
# Python's output is UTF-8 and plain on every system.
ENVIRONMENT = {"PYTHONUTF8": "1", "NO_COLOR": "1"}
# What says where Blender's own Python has its modules, which are not those of the command.
BLENDERS = ("PYTHONHOME", "PYTHONPATH")


@dataclass(frozen=True)
class Source:
    """What is read: a file, or a text that is given a file.

    Attributes:
        name: what people call it, with a suffix.
        path: of the file; None for a text.
        text: read if there is no file.
    """

    name: str
    path: Path | None = None
    text: str = ""


def file_source(path: Path) -> Source:
    """A document.

    Raises:
        AddonError: there is no such file, or the command does not read its kind.
    """
    if not path.is_file():
        raise AddonError(f"{path}: there is no such document.")
    if path.suffix.lower() not in SUFFIXES:
        raise AddonError(f"{path}: documents end in {', '.join(SUFFIXES)}.")
    return Source(path.name, path)


def text_source(name: str, text: str) -> Source:
    """A text block, which is read as plain text unless its name says otherwise.

    Raises:
        AddonError: it is empty.
    """
    if not text.strip():
        raise AddonError(f"The text block {name!r} is empty.")
    known = Path(name).suffix.lower() in TEXT_SUFFIXES
    return Source(name if known else f"{name}.txt", None, text)


@dataclass(frozen=True)
class Outcome:
    """What came of a document; the files are there until the reading is ended.

    Attributes:
        failure: why there is no template, in a sentence; None if there is one.
        template: the file of the template.
        report: the file of the items and findings; it may be there without a template.
        page: the file of the page; it may be there without a template.
    """

    failure: str | None
    template: Path | None
    report: Path | None
    page: Path | None


class Reading:
    """A document that is being read for a part, from the start until ``end``.

    Attributes:
        name: of the document.
        part_name: what the part was called at the start.
        release: called once at the end, to let go of what belongs to Blender's windows.
        told: what the windows say of it.
    """

    def __init__(self, obj: bpy.types.Object, source: Source, process: str) -> None:
        """Start the command.

        Raises:
            AddonError: another one is running, the command is missing, or the part cannot be
                given to it.
        """
        if _running:
            raise AddonError(f"{_running[0].name} is being read; wait for it, or cancel it.")
        command = find_command()
        require_true_size(obj)
        require_unbaked(obj)
        self.name: str = source.name
        self.part_name, self._uid = obj.name, obj.session_uid
        self.release: Callable[[], None] = lambda: None
        self.told = ""
        self._start = time.monotonic()
        self._folder = Path(tempfile.mkdtemp(prefix="flawsmith_reading_", dir=temporary_folder()))
        self._process: subprocess.Popen[bytes] | None = None
        _running.append(self)
        try:
            self._begin(command, obj, source, process)
        except BaseException:
            self.end()
            raise

    def _begin(self, command: Path, obj: Any, source: Source, process: str) -> None:
        part = self._folder / "part" / f"{safe_name(obj.name)}.ply"
        write_nominal(part, obj)
        document = source.path
        if document is None:
            document = self._folder / "text" / safe_name(source.name)
            document.parent.mkdir()
            document.write_text(source.text, encoding="utf-8")
        self._out = self._folder / "out" / f"{safe_name(document.stem)}.json"
        self._out.parent.mkdir()
        options = ["--nominal-unit", part_unit(obj), "--fix"]
        if process:
            options += ["--process", process]
        files = [str(part), "--text", str(document.absolute()), "--out", str(self._out)]
        with (self._folder / "said").open("wb") as said:
            self._process = _started([str(command), "instruct", *files, *options], said)

    @property
    def goes_on(self) -> bool:
        """Whether nobody has ended it yet."""
        return self in _running

    @property
    def is_done(self) -> bool:
        """Whether the command has come to its end."""
        return self._process is not None and self._process.poll() is not None

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._start

    def wait(self) -> None:
        """Wait until the command has come to its end."""
        if self._process is not None:
            self._process.wait()

    def part(self) -> Any:
        """The part that it began with, whatever it is called by now.

        Raises:
            AddonError: it was deleted.
        """
        for obj in bpy.data.objects:
            # One that is in no scene is deleted, though the file may still hold it.
            if obj.session_uid == self._uid and obj.users_scene:
                return obj
        raise AddonError(
            f"{self.part_name!r} was deleted while {self.name} was read for it; nothing was added."
        )

    def outcome(self) -> Outcome:
        """What the command has made, once it is done."""
        assert self._process is not None
        status, out = self._process.returncode, self._out
        failure = None
        if status or not out.is_file():
            said = (self._folder / "said").read_text(encoding="utf-8", errors="replace")
            # The folder is none that its user knows.
            failure = _message(status, said.replace(f"{self._folder}{os.sep}", ""))
        files = (out, out.with_name(f"{out.stem}.instruct.json"), out.with_suffix(".html"))
        there = (path if path.is_file() else None for path in files)
        return Outcome(failure, *there)

    def end(self) -> None:
        """Leave nothing behind: no process, no files, nothing in the windows."""
        if not self.goes_on:
            return
        _running.remove(self)
        try:
            if self._process is not None:
                _kill(self._process)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            self.release()


_running: list[Reading] = []


def running() -> Reading | None:
    """The document that is being read now."""
    return _running[0] if _running else None


def temporary_folder() -> Path:
    """Blender's own folder, which is gone when Blender is closed."""
    return Path(bpy.app.tempdir or tempfile.gettempdir())


def safe_name(name: str) -> str:
    """A name in letters that every system takes in the name of a file."""
    return re.sub(r"[^\w .-]", "_", name).strip(" .") or "part"


def write_nominal(path: Path, obj: bpy.types.Object) -> None:
    """Write a part without its defects as PLY: triangles, in the part frame and in its unit.

    Raises:
        AddonError: it has no faces.
    """
    mesh: Any = obj.data
    mesh.calc_loop_triangles()
    if not len(mesh.loop_triangles):
        raise AddonError(f"{obj.name!r} has no faces, and so no surface for a defect.")
    x, y, z = (read_positions(mesh).astype(np.float64) + part_origin(obj)).T
    write_ply(
        path, {"x": x, "y": y, "z": z}, read_items(mesh.loop_triangles, "vertices", 3, np.int32)
    )


def _started(command: list[str], said: Any) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if name not in BLENDERS}
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=kept | ENVIRONMENT,
            # A group of its own, to be ended with all that it has started.
            start_new_session=True,
            # No console on Windows.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise AddonError(f"{command[0]}: it cannot be started: {error.strerror}.") from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process, and on POSIX systems all that it has started."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _message(status: int, said: str) -> str:
    """Why a command ended with ``status``, by all that it has written."""
    lines = said.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(ERROR)]
    if starts:
        told = "\n".join(lines[starts[-1] :]).removeprefix(ERROR).strip()
        return sentence(told)
    last = " | ".join([line.strip() for line in lines if line.strip()][-LAST_LINES:])
    return sentence(f"the command ended with status {status}: {last or 'it said nothing'}")


def sentence(text: str) -> str:
    """A text with a capital at its start and a full stop at its end."""
    ended = text if text.endswith((".", "!", "?")) else f"{text}."
    return ended[:1].upper() + ended[1:]


@persistent  # type: ignore[untyped-decorator]
def end_all(*_: Any) -> None:
    """End what is being read; Blender calls it before it opens another file."""
    for one in list(_running):
        one.end()


def register() -> None:
    """Watch for other files."""
    bpy.app.handlers.load_pre.append(end_all)


def unregister() -> None:
    """End what is being read, and watch no more."""
    end_all()
    if end_all in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(end_all)
