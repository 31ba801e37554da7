# SPDX-License-Identifier: GPL-3.0-or-later
"""``flawsmith render``."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..batch.jobs import Job
from ..documents.errors import AddonError
from ..documents.json_files import read_json
from ..exchange.recipes import load_recipe
from ..rendering.materials import FINISHES
from ..rendering.studio import LIGHTINGS
from ..rendering.view_sets import FOLDERS, GOOD, LAYOUTS, MVTEC, PASSES, ViewOptions
from ..rendering.views import cameras_of
from .jobs import add_job_options, planned_jobs, run_all

# MVTec's name for images with more than one kind of defect.
COMBINED = "combined"


def add_to(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "render", help="pictures, depth, normals and masks from many views"
    )
    add_job_options(parser)
    parser.add_argument("--views", type=int, default=8, help="number of cameras around each part")
    parser.add_argument(
        "--elevation",
        type=float,
        nargs=2,
        default=(-90.0, 90.0),
        metavar=("LOWEST", "HIGHEST"),
        help="elevation of the cameras around the part, in degrees",
    )
    parser.add_argument("--fov", type=float, default=30.0, help="field of view in degrees")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        default=(512, 512),
        metavar=("WIDTH", "HEIGHT"),
        help="width and height of the images, in pixels",
    )
    given = parser.add_mutually_exclusive_group()
    given.add_argument(
        "--cameras", type=Path, metavar="VIEWS", help="take the cameras of this view set"
    )
    given.add_argument(
        "--scene-cameras", action="store_true", help="take the cameras of the .blend file"
    )
    parser.add_argument("--passes", nargs="+", choices=PASSES, default=PASSES, help="default: all")
    parser.add_argument(
        "--material", choices=FINISHES, default="metal", help="material of the parts"
    )
    parser.add_argument(
        "--lighting",
        choices=LIGHTINGS,
        default="studio",
        help="three softboxes, one low lamp that shows shallow defects, or light from all around",
    )
    parser.add_argument("--samples", type=int, default=24, help="light paths per pixel")
    parser.add_argument("--seed", type=int, default=0, help="seed of the lamps and the noise")
    parser.add_argument("--layout", choices=LAYOUTS, default=FOLDERS, help="layout of the results")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run it with its parsed ``options``."""
    view_options = _view_options(options)
    jobs = planned_jobs(options, "render", lambda job: asdict(view_options))
    if options.layout == MVTEC:
        jobs = _numbered(jobs, view_options)
    run_all(jobs, options)


def _view_options(options: argparse.Namespace) -> ViewOptions:
    """The options of all jobs.

    Raises:
        AddonError: a number is out of its bounds, or the view set cannot be read.
    """
    bounds = {
        "--views": (options.views, 1, 10_000),
        "--size": (min(options.size), 1, 16_384),
        "--fov": (options.fov, 1.0, 170.0),
        "--samples": (options.samples, 1, 65_536),
        "--seed": (options.seed, 0, 2**31 - 1),
        "lowest --elevation": (options.elevation[0], -90.0, options.elevation[1]),
        "highest --elevation": (options.elevation[1], options.elevation[0], 90.0),
    }
    for name, (value, low, high) in bounds.items():
        if not low <= value <= high:
            raise AddonError(f"{name}: {value} is not within {low} and {high}")
    return ViewOptions(
        passes=tuple(name for name in PASSES if name in options.passes),
        views=options.views,
        cameras=None if options.cameras is None else _read_cameras(options.cameras),
        scene_cameras=options.scene_cameras,
        size=tuple(options.size),
        angle=math.radians(options.fov),
        elevation=(math.radians(options.elevation[0]), math.radians(options.elevation[1])),
        material=options.material,
        lighting=options.lighting,
        samples=options.samples,
        seed=options.seed,
        layout=options.layout,
    )


def _read_cameras(path: Path) -> Any:
    document = read_json(path)
    try:
        cameras_of(document)
    except AddonError as error:
        raise AddonError(f"{path}: not a view set: {error}") from error
    return document


def _numbered(jobs: Iterator[Job], options: ViewOptions) -> Iterator[Job]:
    """The jobs with their folders of MVTec's layout, and numbers that no other job there has."""
    count = len(options.cameras["cameras"]) if options.cameras else options.views
    taken: Counter[tuple[str, str]] = Counter()
    for job in jobs:
        category, kind = job.name.partition("/")[0], _kind(job)
        chosen = replace(options, category=category, kind=kind, first=taken[category, kind])
        taken[category, kind] += count
        yield replace(job, options=asdict(chosen))


def _kind(job: Job) -> str:
    """Which kind of defect a job shows."""
    if job.nominal:
        return GOOD
    if job.recipe is None:
        return COMBINED
    kinds = {defect["kind"] for defect in load_recipe(Path(job.recipe)).get("defects", ())}
    return str(kinds.pop()) if len(kinds) == 1 else COMBINED if kinds else GOOD
