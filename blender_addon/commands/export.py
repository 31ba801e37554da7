# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith export``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..batch import open_blend, part_of_blend
from ..recipe_io import save_recipe
from .report import say


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser("export", help="the recipe of an object of a .blend file")
    parser.add_argument("file", type=Path, help="a .blend file")
    parser.add_argument("--object", help="name of the part; the only one with defects by default")
    parser.add_argument("--out", type=Path, required=True, help="the recipe's JSON file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    open_blend(options.file)
    save_recipe(options.out, part_of_blend(options.file, options.object))
    say(f"wrote {options.out}")
