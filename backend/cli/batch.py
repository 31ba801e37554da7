"""The same work on every scan of a command: a scan that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.markup import escape

from backend.cli.progress import console, progress_display
from backend.errors import FlawsmithError, MissingDependencyError
from backend.file_names import shown
from backend.progress import track


def for_each_scan(
    scans: Sequence[Path],
    work: Callable[[Path], None],
    description: str,
    noun: str = "scan",
) -> None:
    """Do ``work`` on each of ``scans``, or files of another ``noun``; say at once why one failed.

    Raises:
        MissingDependencyError: at the first scan, as it would be the same for all.
        click.ClickException: at the end, where any scan failed.
    """
    failed = 0
    with progress_display() as progress:
        for path in track(progress, scans, description):
            try:
                work(path)
            except MissingDependencyError:
                raise
            except FlawsmithError as error:
                failed += 1
                # The errors of reading name the file themselves.
                reason = str(error).removeprefix(f"{shown(path)}: ")
                console.print(f"[red]{escape(shown(path))}[/red]: {escape(reason)}", soft_wrap=True)
    if failed:
        raise click.ClickException(_how_many_failed(failed, len(scans), noun))


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
