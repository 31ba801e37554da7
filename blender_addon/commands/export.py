# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith export``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..batch.jobs import BLEND, open_for_job
from ..documents.errors import AddonError
from ..exchange.checks import recipe_warnings
from ..exchange.recipes import save_recipe
from ..exchange.templates import save_template
from ..parts.frame import UNITS
from .jobs import Source, sources
from .report import say

JSON = ".json"


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser("export", help="recipes or templates of the parts in .blend files")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".blend files")
    parser.add_argument("--object", help="name of the part; by default all parts with defects")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the .json file of one recipe, or a folder with one recipe per part",
    )
    parser.add_argument(
        "--template",
        action="store_true",
        help="write templates with the ranges beside the values, instead of recipes",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``.

    Raises:
        AddonError: a file cannot be read, a part is not there, or a recipe breaks the schema.
    """
    save = save_template if options.template else save_recipe
    parts = sources(options.files, options.object)
    for part, path in zip(parts, _targets(parts, options.out), strict=True):
        if part.object is None:
            raise AddonError(f"{part.path}: recipes are exported from {BLEND} files only")
        obj = open_for_job(part.path, UNITS[0], part.object)
        save(path, obj)
        for warning in recipe_warnings(obj):
            say(f"warning: {part.path}: {warning}")
        say(f"wrote {path}")


def _targets(parts: Sequence[Source], out: Path) -> list[Path]:
    """The file for each part's recipe."""
    if out.suffix.lower() != JSON:
        return [out / f"{part.name}{JSON}" for part in parts]
    if len(parts) > 1:
        names = ", ".join(str(part.object) for part in parts)
        raise AddonError(
            f"{out} is one file, but there are {len(parts)} parts: {names}; "
            "name one with --object, or give a folder"
        )
    return [out]
