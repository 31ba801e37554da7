"""The same work on every scan of a command: a scan that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.markup import escape

from backend.cli.progress import console, progress_display
from backend.errors import FlawsmithError, MissingDependencyError


def for_each_scan(scans: Sequence[Path], work: Callable[[Path], None], description: str) -> None:
    """Do ``work`` on each of ``scans``; say at once which one failed, and why.

    Raises:
        MissingDependencyError: at the first scan, as it would be the same for all.
        click.ClickException: at the end, where any scan failed.
    """
    failed = 0
    with progress_display() as progress:
        for path in progress.track(scans, description=description):
            try:
                work(path)
            except MissingDependencyError:
                raise
            except FlawsmithError as error:
                failed += 1
                # The errors of reading name the file themselves.
                reason = str(error).removeprefix(f"{path}: ")
                console.print(f"[red]{escape(str(path))}[/red]: {escape(reason)}", soft_wrap=True)
    if failed:
        raise click.ClickException(
            f"{failed} of {len(scans)} scans failed, for the reasons above; "
            "the results of the others are written"
        )


def tell(path: Path, notices: Sequence[str]) -> None:
    """What a reader, or a filter, wants the user to know about the file at ``path``."""
    for notice in notices:
        console.print(f"{path}: {notice}", style="yellow", markup=False, soft_wrap=True)
