# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith scan``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..batch.jobs import Job
from ..documents.errors import AddonError
from ..scanning.scan import load_scanner
from .jobs import NOMINAL, add_job_options, planned_jobs, run_all


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    about = "labelled point clouds, as a scanner would measure them"
    parser = commands.add_parser("scan", help=about, description=f"Scan parts: {about}.")
    add_job_options(parser)
    parser.add_argument(
        "--scanner", default="structured_light", help="file of a scanner, or name of a bundled one"
    )
    parser.add_argument(
        "--views", type=int, help="number of views around the part; by default that of the scanner"
    )
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="size of its image in pixels"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument(
        "--repeats",
        type=int,
        default=1,
        help="number of scans of each recipe and of the nominal part, with other views and noise",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    if options.repeats < 1 or options.seed < 0:
        raise AddonError(
            f"--repeats {options.repeats} must be at least 1, and --seed {options.seed} at least 0"
        )
    task = {"scanner": _scanner(options), "seed": options.seed}
    jobs = planned_jobs(options, "scan", lambda job: task)
    run_all((again for job in jobs for again in _repeated(job, options.repeats)), options)


def _scanner(options: argparse.Namespace) -> dict[str, Any]:
    """The scanner's document, with the changes of the command line."""
    changes: dict[str, Any] = {}
    if options.views is not None:
        changes["views"] = {"count": options.views}
    if options.size is not None:
        changes |= dict(zip(("width", "height"), options.size, strict=True))
    return load_scanner(options.scanner, changes)


def _repeated(job: Job, count: int) -> Iterator[Job]:
    """The repeated jobs; their names have a number if there is more than one."""
    if count == 1 and not job.name.endswith(f"/{NOMINAL}"):
        yield job
        return
    for number in range(count):
        yield replace(job, name=f"{job.name}-{number:03}")
