"""``flawsmith pod``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    TEMPLATE,
    intake_options,
    jobs_option,
    model_argument,
    out_option,
    seed_option,
)

if TYPE_CHECKING:
    from backend.intake import Intake


@click.command("pod")
@model_argument()
@click.option(
    "--scans",
    metavar="DIR",
    type=EXISTING_FOLDER,
    required=True,
    help="Folder of nominal scans that the detector has not seen, on which the defects are made.",
)
@click.option(
    "--nominal",
    metavar="FILE",
    type=EXISTING_FILE,
    help="Nominal model; each scan is registered to it once. Without it, the scans must be in one "
    "frame, that of the part.",
)
@click.option(
    "--template",
    "templates",
    metavar="FILE|NAME",
    type=TEMPLATE,
    multiple=True,
    help="Template, a file or a bundled one, each entry of which is swept from small to large. "
    "The option can be repeated. By default all seven kinds of defects are.",
)
@out_option("pod.json and report.html; a stopped run continues there")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Number of defects of each entry. MIL-HDBK-1823A asks for at least 60; a map of the part "
    "needs some hundred.",
)
@click.option(
    "--category",
    metavar="NAME",
    help="The part, as the detector names it; by default that of a detector of one part, or else "
    "the name of the scans' folder.",
)
@jobs_option("the results do")
@intake_options("the scans and of all sizes; by default that of the training scans", "the scans'")
@seed_option("the defects and the registration")
def command(
    model: Path,
    scans: Path,
    nominal: Path | None,
    templates: tuple[Path, ...],
    out: Path,
    count: int,
    category: str | None,
    jobs: int | None,
    intake: Intake,
    seed: int,
) -> None:
    """Examine how small a defect the detector MODEL finds, by kind and place.

    Defects of known size are made on nominal scans. A defect is found if its scan is rejected and a
    region of the detector overlaps it. The report has the probability of detection over the size
    as MIL-HDBK-1823A has it, with a50, a90 and a90/95, the false alarms beside it, a map of the
    smallest size at each place of the part, and what needs more nominal scans. What the data do not
    support is not stated, and the report says why. The same command continues an interrupted run.
    """
    from rich.console import Console

    from backend.cli.batch import warn
    from backend.cli.progress import console, progress_display
    from backend.evaluation.pod.plan import KINDS, PodPlan
    from backend.report.pod import PAGE, pod
    from backend.report.pod_table import sizes_table
    from backend.wording import grouped, listed

    plan = PodPlan(model, scans, out, templates or (KINDS,), nominal, category, count, seed, intake)
    with progress_display(rate=True) as progress:
        report = pod(plan, jobs, progress=progress)
    notes = ((scan.scan, note) for scan in report.scans for note in scan.notices)
    for names, note in grouped(notes):
        warn(f"{listed(names)}: {note}")
    for sentence in report.cautions:
        warn(sentence)
    Console().print(sizes_table(report))
    alarms = report.false_alarms
    click.echo(
        f"False alarms: {alarms.rejected} of {alarms.scans} nominal scans, "
        "{:.1%} to {:.1%} (95 %).".format(*alarms.interval)
    )
    for sweep in report.sweeps:
        for sentence in sweep.curve.refusals:
            click.echo(f"{sweep.title}: {sentence}.")
    for sentence in report.needs:
        click.echo(f"{sentence}.")
    console.print(f"Wrote {out / PAGE}", markup=False, soft_wrap=True)
