"""Progress on the screen: bars for people, nothing but lines where there is no terminal."""

from __future__ import annotations

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

console = Console(stderr=True, highlight=False)


class RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The rate once it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


class AboutColumn(ProgressColumn):
    """What a task says about how it stands, in its field ``about``."""

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
