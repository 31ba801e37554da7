"""``flawsmith train``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    EXISTING_FILE,
    TEMPLATE,
    data_argument,
    intake_options,
    layout_option,
    out_option,
    seed_option,
)

if TYPE_CHECKING:
    from backend.intake import Intake
    from backend.scoring.calibration import Limit
    from backend.training import TrainingConfig
    from shared_schema.recipe import RecipeTemplate


def _print_config(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Print the JSON that ``--config`` takes, with the defaults."""
    if value and not context.resilient_parsing:
        from backend.training.config import TrainingConfig, to_record

        click.echo(json.dumps(to_record(TrainingConfig()), indent=2))
        context.exit()


@click.command("train")
@data_argument()
@layout_option("; of a benchmark, the training split to learn from and the validation split")
@out_option("the detector, and the state of an interrupted training")
@seed_option("everything that is drawn by chance")
@click.option(
    "--config",
    metavar="FILE",
    type=EXISTING_FILE,
    help="Settings as JSON. Missing settings keep their defaults; command-line options override "
    "the file.",
)
@click.option(
    "--print-config",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_config,
    help="Print all settings with their defaults, and end.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Number of epochs; the default suits a few hundred clouds.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Number of CPU threads; another number changes the last digits of the result.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="Where the point network is trained; by default on a GPU if there is one.",
)
@click.option(
    "--family",
    type=click.Choice(["auto", "pointwise", "unrolled"]),
    help="How scans are compared with nominal ones: point by point (pointwise), or as unrolled "
    "height maps (unrolled), for parts of revolution. By default (auto) the family that suits "
    "each part.",
)
@intake_options("the scans in DATA", "the scans'")
@click.option(
    "--template",
    metavar="FILE|NAME",
    type=TEMPLATE,
    help="Also draw defects from this template, a file or a bundled one, on the nominal scans "
    "that are learned from, during the training.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    help="Number of defects to draw for each category before the first epoch, with --template; "
    "by default two for each scan, and at least 40.",
)
@click.option(
    "--closed-loop",
    "report",
    metavar="FILE",
    type=EXISTING_FILE,
    help="The file pod.json that flawsmith pod wrote about an earlier detector. With --template, "
    "defects are then drawn more often in the sizes that it found only at times.",
)
@click.option(
    "--log",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a log of the training that TensorBoard shows.",
)
def command(
    data: Path,
    layout: str,
    out: Path,
    seed: int,
    config: Path | None,
    intake: Intake,
    template: Path | None,
    report: Path | None,
    log: Path | None,
    **settings: Any,
) -> None:
    """Train a detector on the folder DATA.

    DATA/CATEGORY/nominal holds scans without a defect. The last third of them, in file-name order,
    is held out to calibrate the thresholds. DATA/CATEGORY/anomalous is optional and holds labelled
    clouds from flawsmith replay. DATA/CATEGORY/model.stl, .ply or .obj is optional too: it is the
    nominal model to which scans are registered and with which they are compared. The same command
    continues an interrupted training; a finished one is not repeated.
    """
    from backend.cli.batch import tell
    from backend.cli.data import parts_of_samples
    from backend.cli.progress import console, progress_display
    from backend.dataset.benchmark import OWN, intake_of, read_training_samples
    from backend.dataset.folder import nominal_models
    from backend.training import DETECTOR_FILE, train
    from backend.training.data import training_sets
    from backend.training.tracking import no_log, tensorboard_log
    from backend.wording import counted

    if settings["count"] is not None and template is None:
        raise click.UsageError("--count needs --template, from which the defects are drawn")
    if report is not None and template is None:
        raise click.UsageError("--closed-loop needs --template, from which the defects are drawn")
    drawn = None if template is None else _template(template, report)
    with (
        progress_display() as progress,
        nullcontext(no_log) if log is None else tensorboard_log(log) as figures,
    ):
        intake = intake_of(layout, intake)
        models = nominal_models(data, intake) if layout == OWN else {}
        for name, model in models.items():
            tell(data / name, model.notices)
        samples = read_training_samples(data, layout, intake, progress, tell)
        samples = parts_of_samples(samples, models, intake, progress)
        detector = train(
            training_sets(samples, models, intake.unit),
            _config(config, **settings),
            seed=seed,
            out=out,
            template=drawn,
            progress=progress,
            log=figures,
        )
    scans, anomalies = (
        sum(detector.info[name].values()) for name in ("nominal_clouds", "labeled_clouds")
    )
    anomalous = counted(anomalies, "anomalous cloud")
    text = (
        f"Trained on {counted(scans, 'nominal cloud')} and {anomalous}; wrote {out / DETECTOR_FILE}"
    )
    console.print(text, markup=False, soft_wrap=True)
    for name, category in detector.categories.items():
        console.print(f"{name}: {detector.comparison(name)}.", markup=False, soft_wrap=True)
        click.echo(f"{name}: {_in_words(category.rule.reject)}")
    click.echo(f"Point threshold {detector.point_threshold:.3f}.")


def _template(file: Path, report: Path | None) -> RecipeTemplate:
    """What is drawn, more often in the sizes that an earlier detector finds at times."""
    from shared_schema.load import load_document, load_template
    from shared_schema.pod import PodReport

    template = load_template(file)
    if report is None:
        return template
    from backend.evaluation.pod.closed_loop import closed_loop

    return closed_loop(template, load_document(report, PodReport))


def _config(
    file: Path | None,
    *,
    epochs: int | None,
    threads: int | None,
    device: str | None,
    family: str | None,
    count: int | None,
) -> TrainingConfig:
    """The file's settings, or the defaults, with those given as options in their place."""
    from backend.training import TrainingConfig
    from backend.training.config import read_config

    config = TrainingConfig() if file is None else read_config(file)
    given: dict[str, Any] = {"threads": threads, "device": device, "family": family}
    if epochs is not None:
        given["fitting"] = replace(config.fitting, epochs=epochs)
        unrolled = replace(config.unrolled.fitting, epochs=epochs)
        given["unrolled"] = replace(config.unrolled, fitting=unrolled)
    if count is not None:
        given["synthesis"] = replace(config.synthesis, count=count)
    return replace(config, **{name: value for name, value in given.items() if value is not None})


def _in_words(limit: Limit) -> str:
    from backend.scoring.calibration import scans_needed

    if limit.interval is None:
        return (
            f"no limit of the object score: {limit.scans} held-out nominal scans cannot certify "
            f"{limit.rate:.1%} false alarms; {scans_needed(limit.rate)} of all parts can, two or "
            "more a part. Scans get scores, but no verdict."
        )
    low, high = limit.interval
    others = f", {limit.own_scans} of them of this part" if limit.is_shared else ""
    return (
        f"objects are rejected above a score of {limit.value:.3f}, certified on {limit.scans} "
        f"held-out nominal scans{others}, for at most {limit.rate:.1%} false alarms on average; "
        f"with these scans it may be {low:.1%} to {high:.1%} (95 %)."
    )
