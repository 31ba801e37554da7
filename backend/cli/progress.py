"""Progress on the screen: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from backend.file_names import shown


class _AnyNames(Console):
    """A console that takes names of files that are not UTF-8."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """As rich's, text ``shown``."""
        super().print(*(shown(o) if isinstance(o, str) else o for o in objects), **settings)


console = _AnyNames(stderr=True, highlight=False)


class RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The rate once it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


class AboutColumn(ProgressColumn):
    """The state of a task in words, from its field ``about``."""

    def render(self, task: Task) -> Text:
        """Nothing for tasks that say nothing."""
        return Text(task.fields.get("about", ""))


def progress_display(*further: ProgressColumn) -> Progress:
    """A display for ``with``, with ``further`` columns; pass it down to what takes long."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        AboutColumn(),
        *further,
        console=console,
    )
