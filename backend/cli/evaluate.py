"""``flawsmith evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import (
    data_argument,
    intake_options,
    jobs_option,
    layout_option,
    model_argument,
    out_option,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.evaluation.run import Reporter
    from backend.intake import Intake
    from backend.progress import Progress


@click.command("evaluate")
@model_argument()
@data_argument()
@layout_option("; a benchmark's test split is measured by its own protocol")
@out_option("metrics.json, report.html, and the curves and worst cases as pictures")
@intake_options(
    "the scans in DATA; by default that of the training scans, or metres for mvtec-3d-ad", None
)
@click.option(
    "--category",
    metavar="NAME",
    help="The detector's category for all of DATA; by default the names of DATA's categories.",
)
@jobs_option("the results do")
def command(
    model: Path,
    data: Path,
    layout: str,
    out: Path,
    intake: Intake,
    category: str | None,
    jobs: int | None,
) -> None:
    """Measure the detector MODEL, a file or a bundled one, on the folder DATA.

    DATA has the layout for training, with scans that the detector has not seen, or the layout of a
    public benchmark, whose test split is measured by the benchmark's own protocol. The tables have
    a row for each defect kind and for each category. O-AUROC, with its 95 % bootstrap interval, and
    O-AP measure whole objects and need nominal scans too. P-AUROC, AP and AUPRO (to a false
    positive rate of 0.3) measure points, or pixels if the benchmark measures images. A scan that
    fails is named and left out; the exit status is then 1. The same command continues an
    interrupted run.
    """
    from rich.console import Console

    from backend.cli.progress import console, progress_display
    from backend.dataset.benchmark import OWN, intake_of, protocol_of
    from backend.dataset.layouts import LAYOUTS
    from backend.evaluation.measure import report
    from backend.evaluation.run import Evaluation
    from backend.io.digest import file_identity
    from backend.report.evaluation import write_evaluation
    from backend.report.metrics_table import categories_table, kinds_table, metrics_table
    from backend.scoring.loaded import LoadedDetector
    from backend.scoring.scan import unit_scale

    loaded = LoadedDetector.read(model)
    detector = loaded.detector
    intake = intake_of(layout, intake)
    unit_scale(detector, intake.unit)  # refuses a unit that does not fit, before all reading
    identity = file_identity(model)
    with progress_display() as progress:
        run = Evaluation(
            loaded,
            identity.sha256,
            data,
            layout,
            intake,
            category,
            out,
            _reporter(progress),
            jobs,
        )
        scored, scans = run.score()
    if not scored:
        raise click.ClickException("no scan of DATA could be scored, for the reasons above")
    measured = report(scored, protocol_of(layout))
    write_evaluation(
        out,
        measured,
        {"model": identity.model_dump(), "layout": layout, "scans": scans},
        title=f"Evaluation of {shown(data.name)}",
        protocol="flawsmith" if layout == OWN else LAYOUTS[layout].title,
        comparisons={name: detector.comparison(name) for name in measured.categories},
        scored_again=run.scored_again,
    )
    Console().print(metrics_table(measured.rows))
    if len(measured.categories) > 1:
        Console().print(categories_table(measured.categories))
    if measured.called:
        Console().print(kinds_table(measured.called))
    run.finish()
    console.print(f"Wrote {out / 'report.html'}", markup=False, soft_wrap=True)
    if run.failed:
        raise click.ClickException(_left_out(run.failed))


def _left_out(failed: int) -> str:
    if failed == 1:
        return "1 scan is left out, for the reason above"
    return f"{failed} scans are left out, for the reasons above"


def _reporter(progress: Progress) -> Reporter:
    """What prints everything on the screen."""
    from backend.cli.batch import tell
    from backend.cli.progress import console
    from backend.evaluation.run import Reporter

    def failure(path: Path, reason: str) -> None:
        text = f"{shown(path)}: {reason}"
        console.print(text, style="red", markup=False, soft_wrap=True)

    return Reporter(progress, tell, failure)
