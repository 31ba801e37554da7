"""How training is followed: on the screen, and in a log for TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import Progress

from backend.extras import missing_extra

Item = TypeVar("Item")
Scalars = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, eq=False)
class Tracker:
    """Shows loops on a progress display, where there is one."""

    progress: Progress | None

    def __call__(
        self,
        items: Iterable[Item],
        text: str,
        total: int,
        done: int = 0,
        about: Callable[[Item], str] | None = None,
    ) -> Iterator[Item]:
        """Pass ``items`` on; ``about`` says of the latest how it stands."""
        if self.progress is None or total == 0:
            yield from items
            return
        task = self.progress.add_task(text, total=total, completed=done)
        for item in items:
            yield item
            if about is not None:
                self.progress.update(task, about=about(item))
            self.progress.advance(task)


def no_log(step: int, values: dict[str, float]) -> None:
    """Log nothing."""


@contextmanager
def tensorboard_log(folder: Path) -> Iterator[Scalars]:
    """A log that TensorBoard shows, for ``with``.

    Raises:
        MissingDependencyError: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ModuleNotFoundError as error:
        raise missing_extra(error, "a log for TensorBoard") from error
    writer: Any = SummaryWriter(str(folder))

    def log(step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            if not math.isnan(value):
                writer.add_scalar(name.replace(" ", "_"), value, step)
        writer.flush()

    try:
        yield log
    finally:
        writer.close()
