"""The same work on every scan of a command: a scan that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from rich.markup import escape

from backend.cli.progress import console, progress_display
from backend.engine.processes import in_order
from backend.errors import FlawsmithError, MissingDependencyError
from backend.file_names import shown
from backend.progress import track

Done = TypeVar("Done")


@dataclass(frozen=True)
class _Failure:
    reason: str


def for_each_scan(
    scans: Sequence[Path],
    work: Callable[[Path], Done],
    description: str,
    noun: str = "scan",
    *,
    tell: Callable[[Path, Done], None] | None = None,
    jobs: int | None = 1,
) -> None:
    """Do ``work`` on each of ``scans``, or files of another ``noun``; say at once why one failed.

    Args:
        scans: paths.
        work: what is done. Where there are several ``jobs``, another process can import it.
        description: of the progress.
        noun: what the files are.
        tell: prints what came of a scan, in the order of the scans.
        jobs: how many processes; as many as there are cores if None.

    Raises:
        MissingDependencyError: at the first scan, as it would be the same for all.
        click.ClickException: at the end, where any scan failed.
    """
    failed = 0
    work_on_all = in_order(partial(_tried, work), scans, jobs=jobs)
    with progress_display() as progress, closing(work_on_all) as found:
        for path, done in zip(track(progress, scans, description), found, strict=True):
            if isinstance(done, _Failure):
                failed += 1
                where, why = escape(shown(path)), escape(done.reason)
                console.print(f"[red]{where}[/red]: {why}", soft_wrap=True)
            elif tell is not None:
                tell(path, done)
    if failed:
        raise click.ClickException(_how_many_failed(failed, len(scans), noun))


def _tried(work: Callable[[Path], Done], path: Path) -> Done | _Failure:
    try:
        return work(path)
    except MissingDependencyError:
        raise
    except FlawsmithError as error:
        # The errors of reading name the file themselves.
        return _Failure(str(error).removeprefix(f"{shown(path)}: "))


def _how_many_failed(failed: int, scans: int, noun: str) -> str:
    reasons = "the reason" if failed == 1 else "the reasons"
    if noun != "scan":  # of which a result may be written all the same
        return f"{failed} of {scans} {noun}s failed, for {reasons} above"
    if failed < scans:
        written = f"the results of the other {scans - failed} are"
        if scans - failed == 1:
            written = "the result of the other one is"
        return f"{failed} of {scans} scans failed, for {reasons} above; {written} written"
    which = "the scan" if scans == 1 else f"all {scans} scans"
    return f"{which} failed, for {reasons} above; no result is written"


def warn(text: str) -> None:
    """Print a warning, also beside a progress bar."""
    console.print(text, style="yellow", markup=False, soft_wrap=True)


def tell(path: Path, notices: Sequence[str]) -> None:
    """Print the notices of a reader or a filter about the file at ``path``."""
    for notice in notices:
        warn(f"{shown(path)}: {notice}")
