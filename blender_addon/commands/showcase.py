# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith showcase``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..examples.showcase import Request, showcase
from ..parts.frame import UNITS
from .report import say

CORNERS = ("XMIN", "YMIN", "ZMIN", "XMAX", "YMAX", "ZMAX")


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser("showcase", help="a defect of each kind on a model, with pictures")
    parser.add_argument("model", type=Path, help="nominal model: STL, OBJ or PLY")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--unit", choices=UNITS, default=UNITS[0], help="unit of the model's lengths"
    )
    parser.add_argument(
        "--region", type=float, nargs=6, metavar=CORNERS, help="box in which the defects are placed"
    )
    parser.add_argument("--size", type=int, default=480, help="size of the pictures, in pixels")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    region = None if options.region is None else tuple(options.region)
    showcase(Request(options.model, options.unit, region, options.size), options.out, say)
