"""Steps whose results are kept: done once, and again when what they depend on has changed.

Each step has a folder with a ``step.json`` in it: a digest of everything the step depends on, and
of every file it made. A step that was interrupted finds in its folder what it had finished, as
long as the digest is the same; a folder of another digest is emptied first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import FlawsmithError
from backend.io.atomic import write_json
from backend.io.digest import file_digest

STEP_FILE = "step.json"
PACKAGES = Path(__file__).parents[2]
SOURCE_SUFFIXES = {".py", ".json", ".j2"}


@dataclass(frozen=True)
class Step:
    """A finished step.

    Attributes:
        folder: where its files are.
        figures: what it found out, as JSON.
        digest: of its files and figures; what later steps depend on.
        seconds: how long it took when it was done (since its last interruption).
        cpu_seconds: of all processors together, in the same time.
        reused: whether it had been done before.
    """

    folder: Path
    figures: Mapping[str, Any]
    digest: str
    seconds: float
    cpu_seconds: float
    reused: bool


def run_step(
    folder: Path, inputs: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]
) -> Step:
    """Do a step, or take what is there if it was done from the same ``inputs``.

    Args:
        folder: the step's own; files in it that another digest's run left are deleted.
        inputs: everything that the result depends on, as JSON.
        make: writes files into the folder, each whole or not at all, and may skip those it finds
            there; returns figures, as JSON.

    Raises:
        FlawsmithError: the folder holds files of somebody else.
    """
    key = _digest(inputs)
    found = _read(folder)
    if found.get("key") == key and "files" in found:
        changed = _changed(folder, found["files"])
        if not changed:
            return _step(folder, found, reused=True)
        for path in changed:
            path.unlink(missing_ok=True)
    if found.get("key") != key:
        _clear(folder, found)
        write_json(folder / STEP_FILE, {"key": key, "inputs": inputs})
    for path in list(folder.rglob(".*.tmp")):
        path.unlink()  # a killed run was about to write it, as ``backend.io.atomic`` does
    clocks = time.perf_counter(), _cpu_seconds()
    figures = make(folder)
    done: dict[str, Any] = {"key": key, "inputs": inputs, "figures": figures}
    done |= {
        "seconds": time.perf_counter() - clocks[0],
        "cpu_seconds": _cpu_seconds() - clocks[1],
    }
    done["files"] = {name: file_digest(folder / name) for name in _files(folder)}
    write_json(folder / STEP_FILE, done)
    return _step(folder, done, reused=False)


def code_digest(package: str, *, without: Collection[str] = ()) -> str:
    """Digest of the sources of ``package``, but for the named modules or packages in it."""
    root = PACKAGES / package
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        left_out = any(place.is_relative_to(name) for name in without)
        if path.suffix in SOURCE_SUFFIXES and not left_out:
            digest.update(place.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _step(folder: Path, document: Mapping[str, Any], *, reused: bool) -> Step:
    digest = _digest([document["figures"], document["files"]])
    times = (document["seconds"], document["cpu_seconds"])
    return Step(folder, document["figures"], digest, *times, reused)


def _cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def _read(folder: Path) -> dict[str, Any]:
    """What the folder's step file says; empty where there is none, or none that can be read."""
    try:
        document = json.loads((folder / STEP_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        return {"key": None}
    return document if isinstance(document, dict) else {"key": None}


def _changed(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """The files that are missing or not what their digests say."""
    paths = [(folder / name, digest) for name, digest in files.items()]
    return [p for p, digest in paths if not p.is_file() or file_digest(p) != digest]


def _clear(folder: Path, found: Mapping[str, Any]) -> None:
    """Empty the folder of a step, its step file last; refuse one that was not made by a step."""
    inside = [path for path in folder.glob("*") if path.name != STEP_FILE]
    if not found and any(not path.name.startswith(".") for path in inside):
        raise FlawsmithError(
            f"{folder} holds files that are not the demo's; choose another folder with --out"
        )
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _files(folder: Path) -> list[str]:
    """Files of a step, as paths from its folder; hidden ones are nobody's result."""
    own = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    visible = [path for path in own if not any(part.startswith(".") for part in path.parts)]
    return sorted(path.as_posix() for path in visible if path.name != STEP_FILE)
