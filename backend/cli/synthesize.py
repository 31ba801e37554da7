"""``flawsmith synthesize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    intake_options,
    jobs_option,
    on_empty_option,
    out_option,
    seed_option,
    sensor_option,
    template_argument,
    views_option,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.intake import Intake
    from backend.synthesis.manifest import Manifest, MissingEntry, ScanEntry
    from backend.synthesis.plan import SynthesisPlan

FORMATS = ("safetensors", "ply", "pcd", "npz")


@click.command("synthesize")
@template_argument()
@click.option(
    "--scans",
    metavar="DIR",
    type=EXISTING_FOLDER,
    required=True,
    help="Folder of defect-free scans, from which samples are made in turn.",
)
@click.option(
    "--nominal",
    metavar="MODEL",
    type=EXISTING_FILE,
    help="Nominal model; each scan is registered to it once, and recipes are drawn on it. "
    "Without it, scans must be in the part frame, and recipes are drawn on them.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    required=True,
    help="Number of samples in all; a larger number adds to a finished data set.",
)
@out_option("the data set; a stopped run continues there")
@jobs_option("the data set does")
@click.option(
    "--category",
    help="Name of the part; by default that of the model, or else that of the scans folder.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="File format of the clouds. A safetensors file contains its record; the others get a "
    ".json beside them.",
)
@click.option("--no-nominal", is_flag=True, help="Leave the scans themselves out of the data set.")
@intake_options("the scans; by default the template's", "the template's")
@views_option()
@on_empty_option(": skip the defect, or draw the whole recipe anew")
@sensor_option()
@seed_option(
    "the samples, the registration and the sensor; sample N depends only on this seed and on N"
)
def command(count: int, jobs: int | None, **asked: Any) -> None:
    """Make a data set of COUNT labelled samples from TEMPLATE and a folder of nominal scans.

    `flawsmith train DIR` takes the data set as it is. The same command continues a run that was
    interrupted or killed, and the data set is the same to the byte on one kind of processor.
    Several parts may go into one DIR. DIR/CATEGORY/manifest.json is written last and lists every
    file.
    """
    from backend.cli.batch import tell
    from backend.cli.progress import console, progress_display
    from backend.synthesis.run import open_synthesis

    plan = _plan(**asked)
    with open_synthesis(plan, count, jobs) as synthesis, progress_display(rate=True) as progress:
        if plan.nominal is not None:
            tell(plan.nominal, synthesis.notices)
        scans = list(synthesis.scans(progress))
        _warn_of_scans(plan.scans, scans)
        manifest = synthesis.finish(scans, list(synthesis.samples(scans, progress)))
    _warn_of_missing(manifest.missing)
    console.print(_in_words(plan, manifest), markup=False, soft_wrap=True)


def _plan(
    template: Path,
    scans: Path,
    nominal: Path | None,
    out: Path,
    category: str | None,
    file_format: str,
    no_nominal: bool,
    intake: Intake,
    views: Path | None,
    on_empty: Any,
    sensor: str | None,
    seed: int,
) -> SynthesisPlan:
    from backend.sensor.presets import find_sensor
    from backend.synthesis.plan import SynthesisPlan

    return SynthesisPlan(
        template=template,
        scans=scans,
        out=out,
        category=shown(category or (scans.resolve().name if nominal is None else nominal.stem)),
        nominal=nominal,
        views=views,
        intake=intake,
        seed=seed,
        suffix=f".{file_format}",
        on_empty=on_empty,
        nominal_scans=not no_nominal,
        sensor=None if sensor is None else find_sensor(sensor),
    )


def _warn_of_scans(folder: Path, scans: Sequence[ScanEntry]) -> None:
    """Warn about the scans; a warning about several scans is printed once."""
    from backend.cli.batch import warn
    from backend.wording import grouped, listed

    notes = ((str(folder / scan.source.file), note) for scan in scans for note in _notes(scan))
    for names, note in grouped(notes):
        warn(f"{listed(names)}: {note}")


def _notes(scan: ScanEntry) -> list[str]:
    from backend.wording import open_directions

    if scan.skipped is not None:
        return [f"skipped: {scan.skipped}"]
    registration = None if scan.alignment is None else scan.alignment.registration
    free = 0 if registration is None else registration.free_motions
    return [*scan.notices, *([open_directions(free)] if free else [])]


def _warn_of_missing(missing: Sequence[MissingEntry]) -> None:
    """Say which samples could not be made; equal reasons once."""
    from backend.cli.batch import warn
    from backend.wording import grouped, listed

    for names, reason in grouped(
        (f"sample {one.sample} of {one.scan}", one.missing) for one in missing
    ):
        warn(f"{listed(names)} {'is' if len(names) == 1 else 'are'} missing: {reason}")


def _in_words(plan: SynthesisPlan, manifest: Manifest) -> str:
    from backend.wording import counted

    used = counted(sum(scan.skipped is None for scan in manifest.scans), "scan")
    samples, one = counted(len(manifest.samples), "sample"), len(manifest.samples) == 1
    return (
        f"{samples} of {used} {'is' if one else 'are'} in {plan.folder}; "
        f"{plan.manifest_file.name} lists {'it' if one else 'them'}"
    )
