"""Steps whose results are kept: done once, and again when what they depend on has changed.

Each step has a folder with a ``step.json`` in it: a digest of everything the step depends on, and
of every file it made. A step that was interrupted finds in its folder what it had finished, as
long as the digest is the same; a folder of another digest is emptied first.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
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
        reused: whether it had been done before.
    """

    folder: Path
    figures: Mapping[str, Any]
    digest: str
    seconds: float
    reused: bool


def run_step(
    folder: Path,
    inputs: Mapping[str, Any],
    make: Callable[[Path], Mapping[str, Any]],
    *,
    beside: Sequence[Path] = (),
) -> Step:
    """Do a step, or take what is there if it was done from the same ``inputs``.

    Args:
        folder: the step's own; files in it that another digest's run left are deleted.
        inputs: everything that the result depends on, as JSON.
        make: writes files into the folder, each whole or not at all, skipping those it finds
            there; returns figures, as JSON.
        beside: files that it writes elsewhere.

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
    _drop_unfinished(folder)
    started = time.perf_counter()
    figures = make(folder)
    seconds = time.perf_counter() - started
    files = {path: file_digest(folder / path) for path in _files(folder, beside)}
    done = {"key": key, "inputs": inputs, "figures": figures, "seconds": seconds, "files": files}
    write_json(folder / STEP_FILE, done)
    return _step(folder, done, reused=False)


def code_digest(package: str, *, without: Collection[str] = ()) -> str:
    """Digest of the sources of ``package``, but for the named modules or packages in it."""
    root = PACKAGES / package
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if path.suffix in SOURCE_SUFFIXES and not _is_within(place, without):
            digest.update(place.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _is_within(place: Path, names: Collection[str]) -> bool:
    return any(place.is_relative_to(name) for name in names)


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _step(folder: Path, document: Mapping[str, Any], *, reused: bool) -> Step:
    digest = _digest([document["figures"], document["files"]])
    return Step(folder, document["figures"], digest, document["seconds"], reused)


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
        _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _drop_unfinished(folder: Path) -> None:
    """Delete what a killed run was about to write: hidden files, as ``backend.io.atomic`` names
    them, and hidden folders.
    """
    for path in sorted(folder.rglob(".*")):
        if path.exists():
            _delete(path)


def _files(folder: Path, beside: Sequence[Path]) -> list[str]:
    """Files of a step, as paths from its folder."""
    own = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    others = [Path("..", path.relative_to(folder.parent)) for path in beside]
    return sorted(path.as_posix() for path in (*own, *others) if path.name != STEP_FILE)
