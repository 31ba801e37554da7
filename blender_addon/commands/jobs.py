# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands that work through many parts and recipes share."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy

from ..batch.jobs import BLEND, Job, Task, open_blend
from ..batch.saving import save_part
from ..batch.workers import run_jobs
from ..documents.errors import AddonError
from ..parts.frame import UNITS
from ..parts.opening import READERS
from ..rendering.view_sets import render_view_set
from ..scanning.scan import write_scan
from ..stack.baked import has_baked
from ..stack.modifiers import defect_modifiers
from .report import say

TASKS: dict[str, Task] = {"render": render_view_set, "scan": write_scan, "apply": save_part}
NOMINAL, AS_IT_IS = "nominal", "as_it_is"


@dataclass(frozen=True)
class Source:
    """A part that was named on the command line.

    Attributes:
        path: absolute.
        name: of the folder for its results.
        object: the part in a .blend file; None for a model.
    """

    path: Path
    name: str
    object: str | None


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add the parts, the recipes, and how they are gone through."""
    suffixes = ", ".join((*READERS, BLEND))
    parser.add_argument("parts", type=Path, nargs="+", help=f"files of parts: {suffixes}")
    parser.add_argument(
        "--recipes",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE_OR_FOLDER",
        help="files or folders of recipes, each of which is applied to each part; without this "
        "option, the parts keep their own defects",
    )
    parser.add_argument(
        "--renumber",
        action="store_true",
        help="number the defects of the recipes after those of the part; by default they keep "
        "their labels",
    )
    parser.add_argument("--nominal", action="store_true", help="add each part without a defect")
    parser.add_argument(
        "--unit", choices=UNITS, default=UNITS[0], help="unit of the models' lengths"
    )
    parser.add_argument(
        "--object", help="name of the part in a .blend file; by default all parts with defects"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="number of processes; by default the number of cores",
    )


def planned_jobs(
    options: argparse.Namespace, task: str, of_job: Callable[[Job], Mapping[str, Any]]
) -> Iterator[Job]:
    """The jobs of a command line: each part with each recipe.

    Args:
        options: parsed, with those of ``add_job_options``.
        task: a name of ``TASKS``.
        of_job: gives the task's options for a job that lacks them.

    Raises:
        AddonError: a part or a recipe is not there, or two have the same name.
    """
    recipes: list[tuple[str, Path | None]] = [
        (path.stem, path) for path in recipe_files(options.recipes)
    ]
    for source in sources(options.parts, options.object):
        variants = list(recipes)
        if not recipes and source.object is not None:
            variants.append((AS_IT_IS, None))
        if options.nominal or not variants:
            variants.append((NOMINAL, None))
        _refuse_same_names(name for name, _ in variants)
        for name, recipe in variants:
            job = Job(
                f"{source.name}/{name}",
                task,
                str(source.path),
                options.unit,
                source.object,
                None if recipe is None else str(recipe),
                nominal=recipe is None and name == NOMINAL,
                renumber=options.renumber and recipe is not None,
            )
            yield replace(job, options=of_job(job))


def recipe_files(given: Iterable[Path]) -> Iterator[Path]:
    """The recipes among files and folders, absolute; of a folder, its JSON files by name.

    Raises:
        AddonError: one is not there, a folder holds none, or two have the same name.
    """
    found: list[Path] = []
    for path in given:
        inside = sorted(filter(_is_json, path.iterdir())) if path.is_dir() else [path]
        if not inside or not inside[0].is_file():
            raise AddonError(
                f"{path}: there is no such file, or the folder holds no recipe (*.json)"
            )
        found += [file.resolve() for file in inside]
    _refuse_same_names(path.stem for path in found)
    yield from found


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def sources(given: Iterable[Path], name: str | None) -> list[Source]:
    """The parts: one a model, and of a .blend file the named object, or all with defects.

    Raises:
        AddonError: a file is not there or holds no part, or two have the same name.
    """
    found: list[Source] = []
    for path in given:
        if not path.is_file():
            raise AddonError(f"{path}: there is no such file")
        if path.suffix.lower() != BLEND:
            found.append(Source(path.resolve(), path.stem, None))
            continue
        objects = [name] if name is not None else _objects_with_defects(path)
        single = len(objects) == 1
        found += [
            Source(
                path.resolve(), path.stem if single else f"{path.stem}.{_in_file_names(obj)}", obj
            )
            for obj in objects
        ]
    _refuse_same_names(source.name for source in found)
    return found


def _in_file_names(name: str) -> str:
    """The name of an object in letters that every file system takes."""
    return str(bpy.path.clean_name(name))


def _objects_with_defects(path: Path) -> list[str]:
    open_blend(path)
    # What was applied is no reason to leave a part out, but to name it.
    found = sorted(o.name for o in bpy.data.objects if defect_modifiers(o) or has_baked(o))
    if not found:
        raise AddonError(f"{path}: no object in it has defects; name the part by --object")
    return found


def _refuse_same_names(names: Iterable[str]) -> None:
    # Some file systems do not tell capital letters from small ones.
    twice = [name for name, count in Counter(map(str.casefold, names)).items() if count > 1]
    if twice:
        raise AddonError(f"two files are named {twice[0]!r}, and so would be their results")


def run_all(jobs: Iterable[Job], options: argparse.Namespace) -> None:
    """Do the jobs, and say how they went.

    Raises:
        AddonError: some have failed.
    """
    listed = list(jobs)
    failed = run_jobs(listed, options.out.resolve(), TASKS, max(1, options.jobs), say)
    if failed:
        raise AddonError(f"{len(failed)} of {len(listed)} failed; the same command tries again")
