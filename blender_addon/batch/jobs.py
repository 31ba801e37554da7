# SPDX-License-Identifier: GPL-3.0-or-later
"""Many parts and recipes in one run: jobs, done once each, in several processes, resumable.

A job is a part with at most one recipe, and what is to be done with both. What it writes appears
in the output folder whole or not at all; last comes its record, ``records/NAME.json``, which holds
a digest of all that the results depend on. A job whose record is there with the same digest is not
done again. Results depend on the job alone, not on the number of processes or on the order.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import bpy

from ..documents.atomic_files import write_text
from ..documents.digests import file_digest, program_digest
from ..documents.errors import AddonError
from ..exchange.checks import recipe_warnings
from ..exchange.recipes import NAME_PROPERTY, apply_recipe, load_recipe
from ..parts.frame import show_in_unit
from ..parts.opening import open_part
from ..stack.baked import require_unbaked
from ..stack.modifiers import defect_modifiers, remove_defect

RECORDS = "records"
UNFINISHED = ".unfinished"
BLEND = ".blend"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One part with at most one recipe.

    Attributes:
        name: unique, ``PART/RECIPE``; names the record.
        task: what is done, a name of the worker's tasks.
        part: absolute path of a model or of a .blend file.
        unit: of a model's lengths.
        object: the part in a .blend file; none in a model.
        recipe: absolute path of a recipe to apply, if any.
        nominal: whether the part's own defects are switched off.
        renumber: whether the recipe's defects get labels past those of the part's own.
        options: of the task, as JSON.
    """

    name: str
    task: str
    part: str
    unit: str = "mm"
    object: str | None = None
    recipe: str | None = None
    nominal: bool = False
    renumber: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """The job on one line."""
        return json.dumps(asdict(self))

    def digest(self) -> str:
        """SHA-256 of all that the results depend on, but for the folder they go to."""
        about = {**asdict(self), "blender": bpy.app.version_string, "program": program_digest()}
        for name in ("part", "recipe"):
            path = about[name]
            about[name] = path and [Path(path).name, _cached_digest(path)]
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


@cache
def _cached_digest(path: str) -> str:
    return file_digest(Path(path))


# What a task is: it writes files into a folder of its own, laid out as they will be in the output
# folder, and returns what the record shall say beside their names.
Task = Callable[[bpy.types.Object, Job, Path], Facts]


def record_path(out: Path, job: Job) -> Path:
    """Where the record of a job is."""
    return out / RECORDS / f"{job.name}.json"


def read_record(out: Path, job: Job) -> Facts | None:
    """The record of an earlier run of the job; None where there is none that can be read."""
    try:
        record = json.loads(record_path(out, job).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "digest" in record else None


def is_done(out: Path, job: Job) -> bool:
    """Whether the job's results are there, as the same program made them of the same inputs."""
    record = read_record(out, job)
    return (
        record is not None
        and record["digest"] == job.digest()
        and all((out / name).is_file() for name in record.get("files", ()))
    )


class Session:
    """Does jobs one after the other; a part stays open as long as jobs are about it."""

    def __init__(self, tasks: Mapping[str, Task], out: Path) -> None:
        self._tasks, self._out = tasks, out
        self._open: tuple[str, str, str | None] | None = None
        self._part: Any = None

    def do(self, job: Job) -> None:
        """Do the job and write its results and its record.

        Raises:
            AddonError, OSError: what was wrong with its inputs, or where it writes.
        """
        part = self._opened(job)
        unfinished = self._out / UNFINISHED / job.digest()
        # What is there is left from a run that was killed.
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            with _with_recipe(part, job):
                facts = self._tasks[job.task](part, job, unfinished)
                facts |= _warnings(part)
            self._publish(job, unfinished, facts)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _opened(self, job: Job) -> Any:
        wanted = (job.part, job.unit, job.object)
        if self._open != wanted:
            self._open = None
            self._part = open_for_job(Path(job.part), job.unit, job.object)
            self._open = wanted
        return self._part

    def _publish(self, job: Job, folder: Path, facts: Facts) -> None:
        """Put the files in place of those of an earlier run, and then the record."""
        files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        before = read_record(self._out, job) or {}
        record_path(self._out, job).unlink(missing_ok=True)
        for name in before.get("files", ()):
            (self._out / name).unlink(missing_ok=True)
        for name in files:
            (self._out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, self._out / name)
        # Before the record: once there is one, no later run looks for the folder of a killed one.
        shutil.rmtree(folder, ignore_errors=True)
        record = {"digest": job.digest(), "blender": bpy.app.version_string, **facts}
        text = json.dumps({**record, "files": files}, indent=1) + "\n"
        write_text(record_path(self._out, job), text)


def _warnings(part: bpy.types.Object) -> Facts:
    """What the record shall warn of; nothing where all is well."""
    found = recipe_warnings(part)
    return {"warnings": found} if found else {}


def open_for_job(path: Path, unit: str, name: str | None) -> bpy.types.Object:
    """Open a model in an empty file, or a .blend file, and return the part.

    Args:
        path: of the model, or of the .blend file.
        unit: of a model's lengths.
        name: of the part in a .blend file; None takes the only one with defects.

    Raises:
        AddonError: it cannot be opened, or the part is not in it.
    """
    if path.suffix.lower() != BLEND:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        show_in_unit(bpy.context.scene, unit)
        return open_part(path, unit)
    open_blend(path)
    part = part_of_blend(path, name)
    try:
        require_unbaked(part)
    except AddonError as error:
        raise AddonError(f"{path}: {error}") from error
    return part


def open_blend(path: Path) -> None:
    """Open a .blend file without running what it may hold.

    Raises:
        AddonError: it cannot be read.
    """
    if not path.is_file():
        raise AddonError(f"{path}: there is no such file")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise AddonError(f"{path}: {str(error).strip()}") from error


def part_of_blend(path: Path, name: str | None) -> bpy.types.Object:
    """The named object of the open file, or the only one with defects.

    Raises:
        AddonError: there is no such object, or none or several have defects.
    """
    parts = {obj.name: obj for obj in bpy.data.objects if defect_modifiers(obj)}
    if name is None and len(parts) == 1:
        return next(iter(parts.values()))
    if name is not None and name in bpy.data.objects:
        return bpy.data.objects[name]
    there = ", ".join(map(repr, parts)) or "none"
    wanted = "name one by --object" if name is None else f"there is no object {name!r}"
    raise AddonError(f"{path}: {wanted}; objects with defects: {there}")


@contextmanager
def _with_recipe(part: Any, job: Job) -> Iterator[None]:
    """The part as the job wants it, for the time of the block."""
    own = [(modifier, modifier.show_viewport) for modifier in defect_modifiers(part)]
    name = part.get(NAME_PROPERTY)
    added: list[Any] = []
    try:
        if job.nominal:
            part[NAME_PROPERTY] = part.name
            for modifier, _ in own:
                modifier.show_viewport = False
        if job.recipe is not None:
            recipe = load_recipe(Path(job.recipe))
            added = apply_recipe(part, recipe, renumber=job.renumber)
        yield
    except AddonError as error:
        message = str(error)
        about = job.recipe or job.part
        raise AddonError(message if about in message else f"{about}: {message}") from error
    finally:
        for modifier in added:
            remove_defect(modifier)
        for modifier, shown in own:
            modifier.show_viewport = shown
        _restore_name(part, name)


def _restore_name(part: Any, name: str | None) -> None:
    """Forget the name of a job's recipe."""
    if name is not None:
        part[NAME_PROPERTY] = name
    elif NAME_PROPERTY in part:
        del part[NAME_PROPERTY]
