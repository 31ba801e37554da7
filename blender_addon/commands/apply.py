# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith apply``."""

from __future__ import annotations

import argparse
from typing import Any

from ..batch.jobs import BLEND, open_for_job
from ..batch.saving import PLY, SAVERS
from ..documents.errors import AddonError
from ..exchange.checks import recipe_warnings
from ..exchange.recipes import apply_recipe, load_recipe
from .jobs import add_job_options, planned_jobs, recipe_files, run_all, sources
from .report import say


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "apply", help="parts with the defects of recipes, as .blend files or labelled meshes"
    )
    add_job_options(parser)
    parser.add_argument(
        "--mesh",
        action="store_true",
        help="write labelled meshes (PLY) instead of .blend files; --out may also be one .blend "
        "or .ply file, which gets the defects of all recipes",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    if options.out.suffix.lower() in SAVERS:
        _apply_all_to_one(options)
        return
    chosen = {"suffix": PLY if options.mesh else BLEND}
    run_all(planned_jobs(options, "apply", lambda job: chosen), options)


def _apply_all_to_one(options: argparse.Namespace) -> None:
    """Write one file of one part with the defects of all recipes, in their order.

    Raises:
        AddonError: there are several parts, or a recipe does not fit.
    """
    recipes = list(recipe_files(options.recipes))
    parts = sources(options.parts, options.object)
    if len(parts) != 1:
        names = ", ".join(part.name for part in parts)
        raise AddonError(
            f"{options.out} is one file, but there are several parts: {names}; give a folder"
        )
    part = open_for_job(parts[0].path, options.unit, parts[0].object)
    for path in recipes:
        try:
            apply_recipe(part, load_recipe(path), renumber=options.renumber)
        except AddonError as error:
            message = str(error)
            raise AddonError(message if str(path) in message else f"{path}: {error}") from error
    for warning in recipe_warnings(part):
        say(f"warning: {part.name}: {warning}")
    SAVERS[options.out.suffix.lower()](part, options.out)
    say(f"wrote {options.out}")
