"""The figures of a training as a log for TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.extras import missing_extra

Scalars = Callable[[int, dict[str, float]], None]


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
