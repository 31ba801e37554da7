"""What commands print while they work: a console on standard error, and bars beside its lines."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console

from backend.bars import Bars, bars
from backend.file_names import shown


class _AnyNames(Console):
    """A console that takes names of files that are not UTF-8."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """As rich's, text ``shown``."""
        super().print(*(shown(o) if isinstance(o, str) else o for o in objects), **settings)


console = _AnyNames(stderr=True, highlight=False)


def progress_display(*, rate: bool = False) -> AbstractContextManager[Bars]:
    """Bars for ``with``, a bar for each step; pass them down to what takes long."""
    return bars(console, rate=rate)
