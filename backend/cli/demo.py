"""``flawsmith demo``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from backend.cli.options import out_option, seed_option


@click.command("demo")
@out_option("all results; a second run reuses what is there", default="demo-out")
@seed_option("everything that is drawn by chance")
@click.option(
    "--extension",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="ZIP",
    help="The Blender extension, flawsmith-VERSION.zip; not needed in a checkout of the source.",
)
@click.option("--quick", is_flag=True, help="Use less data and training, to try it out.")
def command(out: Path, seed: int, extension: Path | None, quick: bool) -> None:
    """Show all steps on bundled data and write a report.

    Designs defects in Blender, replays them on a real scan, makes a labelled data set, trains a
    detector, measures it on held-out scans and writes DIR/report.html. Each command that it uses is
    printed and can be run again by hand. The same command continues an interrupted run.
    """
    from backend.cli import main
    from backend.cli.progress import console, progress_display

    # Where nothing optional is installed, this names the extra that has all that is needed.
    import_module("backend.scoring.detector")
    from backend.demo.run import run_demo

    def call(arguments: Sequence[str]) -> None:
        main.main(list(arguments), prog_name="flawsmith", standalone_mode=False)

    run_demo(
        out,
        seed=seed,
        quick=quick,
        console=console,
        display=progress_display,
        call=call,
        extension=extension,
    )
