"""Running the command as its users do, but in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backend.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """``run("score", ...)``: asserts the exit status, by default 0."""

    def invoke(*arguments: str | Path, status: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == status, result.output
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    return invoke
