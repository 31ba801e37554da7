# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith example``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import bpy

from ..batch.saving import save_blend
from ..examples.sample import add_sample_defects, add_sample_part
from ..parts.frame import show_in_unit
from .report import say


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "example", help="a .blend file of a flange with one defect of each kind"
    )
    parser.add_argument("--out", type=Path, required=True, help="the .blend file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    show_in_unit(bpy.context.scene, "mm")
    flange = add_sample_part()
    add_sample_defects(flange)
    save_blend(flange, options.out)
    say(f"wrote {options.out}")
