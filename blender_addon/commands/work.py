# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith work``: what the other commands start to work side by side; not for people."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..batch.workers import work
from .jobs import TASKS


def add_to(commands: Any) -> None:
    """Add the command to the parser's, without a line in the help."""
    parser = commands.add_parser("work")
    parser.add_argument("--out", type=Path, required=True)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    work(options.out, TASKS)
