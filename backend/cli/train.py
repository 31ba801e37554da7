"""``flawsmith train``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import (
    TEMPLATE,
    data_argument,
    out_option,
    seed_option,
    unit_option,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from backend.cloud import LabeledCloud, PointCloud
    from backend.scoring.detector import Thresholds
    from backend.training import TrainingConfig

ANOMALIES = 40


@click.command("train")
@data_argument()
@out_option("the detector, and the state of an interrupted training")
@seed_option("everything that is drawn by chance")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Rounds of training; by default what suits a few hundred clouds.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="CPU threads; another number changes the last digits of the result.",
)
@unit_option("all files of DATA")
@click.option(
    "--template",
    metavar="FILE|NAME",
    type=TEMPLATE,
    help="Draw anomalies from this template too, a file or a bundled one, on the nominal scans "
    "that are learned from.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    show_default=str(ANOMALIES),
    help="How many to draw for each category, with --template.",
)
def command(
    data: Path,
    out: Path,
    seed: int,
    epochs: int | None,
    threads: int | None,
    unit: str | None,
    template: Path | None,
    count: int | None,
) -> None:
    """Train a detector on the folder DATA.

    DATA/CATEGORY/nominal holds scans without a defect, of which the last third by name only
    calibrates the thresholds; DATA/CATEGORY/anomalous, where it is there, holds labelled clouds
    from flawsmith replay. An interrupted training goes on where it stopped when the same command
    is run again; a finished one is not repeated.
    """
    from backend.cli.data import read_data
    from backend.cli.progress import console, progress_display
    from backend.dataset.folder import labeled_clouds, nominal_clouds
    from backend.scoring.detector import Detector
    from backend.training import train

    if count is not None and template is None:
        raise click.UsageError("--count says how many anomalies to draw: from which --template?")
    config = _config(epochs, threads)
    with progress_display() as progress:
        samples = read_data(data, unit, progress)
        nominal, labeled = nominal_clouds(samples, unit), labeled_clouds(samples)
        if template is not None:
            number = count or ANOMALIES
            for name, cloud in _drawn(nominal, template, config.holdout, seed, number, progress):
                labeled.setdefault(name, []).append(cloud)
        path = train(nominal, labeled, config, seed=seed, out=out, progress=progress)
    counts = sum(map(len, nominal.values())), sum(map(len, labeled.values()))
    text = f"Trained on {counts[0]} nominal and {counts[1]} anomalous clouds; wrote {path}"
    console.print(text, markup=False, soft_wrap=True)
    click.echo(_in_words(Detector.load(path).thresholds))


def _config(epochs: int | None, threads: int | None) -> TrainingConfig:
    from backend.training import TrainingConfig

    config = TrainingConfig()
    if epochs is not None:
        config = replace(config, fitting=replace(config.fitting, epochs=epochs))
    return config if threads is None else replace(config, threads=threads)


def _drawn(
    nominal: dict[str, list[PointCloud]],
    template: Path,
    holdout: float,
    seed: int,
    count: int,
    progress: Progress,
) -> Iterator[tuple[str, LabeledCloud]]:
    """Anomalies of each category, on the nominal clouds that training learns from."""
    from backend.dataset.drawing import draw_anomalies
    from backend.training import split_nominal
    from shared_schema.load import load_template

    loaded = load_template(template)
    for number, (name, clouds) in enumerate(nominal.items()):
        learn, _ = split_nominal(clouds, holdout)
        drawn = draw_anomalies(loaded, learn, seed=seed, count=count, first=number * count)
        for cloud in progress.track(drawn, count, description=f"Drawing anomalies of {name}"):
            yield name, cloud


def _in_words(thresholds: Thresholds) -> str:
    from backend.scoring.calibration import scans_needed

    rate, scans = thresholds.false_alarm_rate, thresholds.nominal_clouds
    point = f"Point threshold {thresholds.point:.3f}. "
    if thresholds.object is not None:
        return point + (
            f"Object threshold {thresholds.object:.3f}: certified on {scans} held-out nominal "
            f"scans for at most {rate:.1%} false alarms."
        )
    return point + (
        f"No object threshold: {scans} held-out nominal scans cannot certify {rate:.1%} false "
        f"alarms; {scans_needed(rate)} can, two or more a category. Scans get scores, but no "
        "decision."
    )
