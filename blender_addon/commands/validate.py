# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith validate``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy

from ..batch.file_problems import problems_of_file, problems_on_part
from ..batch.jobs import BLEND, open_for_job
from ..documents.errors import AddonError
from ..parts.frame import UNITS
from ..parts.opening import READERS
from .jobs import sources
from .report import say

SUFFIXES = (".json", BLEND)


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "validate", help="report every problem of recipes, templates and .blend files"
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="recipes or templates (JSON), .blend files, or folders of these",
    )
    parser.add_argument(
        "--part",
        type=Path,
        help="also try the recipes on this part, on which each defect must mark something: "
        + ", ".join((*READERS, BLEND)),
    )
    parser.add_argument("--object", help="name of the part in a .blend file that --part gives")
    parser.add_argument(
        "--unit", choices=UNITS, default=UNITS[0], help="unit of the model's lengths"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``.

    Raises:
        AddonError: there are problems; each has been printed on a line.
    """
    files = list(_files(options.files))
    found = {path: _told(path, problems_of_file(path)) for path in files}
    if options.part is not None:
        sound = [path for path in files if not found[path] and path.suffix.lower() != BLEND]
        part = _opened(options)
        found |= {path: _told(path, problems_on_part(part, path)) for path in sound}
    bad, count = sum(map(bool, found.values())), sum(found.values())
    if bad:
        raise AddonError(f"{bad} of {len(files)} files have problems, {count} in all")
    say("1 file has no problem" if len(files) == 1 else f"{len(files)} files have no problem")


def _files(given: Iterable[Path]) -> Iterator[Path]:
    """The files among files and folders; of a folder, those that can be checked, by name."""
    for path in given:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [file for file in inside if file == path or file.suffix.lower() in SUFFIXES]
        if not found:
            raise AddonError(f"{path}: the folder holds no {' or '.join(SUFFIXES)} file")
        yield from found


def _told(path: Path, problems: list[str]) -> int:
    """Tell the problems of a file; returns how many there are."""
    for problem in problems:
        say(f"{path}: {problem}")
    return len(problems)


def _opened(options: argparse.Namespace) -> bpy.types.Object:
    [part, *others] = sources([options.part], options.object)
    if others:
        names = ", ".join(repr(source.object) for source in (part, *others))
        raise AddonError(f"{options.part}: name the part with --object; the file has {names}")
    return open_for_job(part.path, options.unit, part.object)
