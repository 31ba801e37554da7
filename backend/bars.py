"""Progress on the screen, drawn by rich: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The rate once it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


class _AboutColumn(ProgressColumn):
    """The state of a task in words."""

    def render(self, task: Task) -> Text:
        """Nothing for tasks that say nothing."""
        return Text(task.fields.get("about", ""))


class Bars:
    """A ``backend.progress.Progress`` that shows a bar for each step."""

    def __init__(self, display: Any) -> None:
        """``display``: a ``rich.progress.Progress`` that is shown."""
        self._display = display
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int, about: str = "", /) -> None:
        """Move the bar of ``step``; a step that begins once more gets a new one."""
        if step not in self._tasks:
            self._tasks[step] = self._display.add_task(step, total=total, completed=done)
        self._display.update(self._tasks[step], completed=done, about=about)
        if done == total:
            del self._tasks[step]


@contextmanager
def bars(console: Any = None, *, rate: bool = False) -> Iterator[Bars]:
    """Bars on a display of their own, for ``with``.

    Args:
        console: a ``rich.console.Console``. By default bars are on standard error, and only if that
            is a terminal or a notebook.
        rate: whether to show how many items are done in a second.
    """
    hidden = False
    if console is None:
        console = Console(stderr=True)
        hidden = not (console.is_terminal or console.is_jupyter)
        # Some versions of rich end a hidden display by an empty line.
        console.quiet = hidden
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        _AboutColumn(),
        *([_RateColumn()] if rate else []),
    ]
    with Progress(*columns, console=console, disable=hidden) as display:
        yield Bars(display)
