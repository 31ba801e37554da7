"""``flawsmith export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backend.cli.options import LAYOUT_NAMES, data_argument, out_option, text_options, unit_option

WITH_IMAGES = "mvtec-3d-ad"


@click.command("export")
@data_argument()
@click.option(
    "--layout", type=click.Choice(LAYOUT_NAMES), required=True, help="Layout of the data set."
)
@out_option("the data set, and its manifest export.json")
@unit_option(
    "all files of DATA. mvtec-3d-ad is in metres and needs it; the other layouts keep the unit"
)
@text_options("DATA")[0]
@text_options("DATA")[1]
@click.option(
    "--test-share",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    show_default="1/3",
    help="Share of each category's nominal scans, the last by name, that is kept for the test.",
)
@click.option(
    "--pixels",
    type=click.IntRange(16, 4096),
    show_default="224",
    help="Width and height of the images of mvtec-3d-ad.",
)
@click.option(
    "--direction",
    metavar="X Y Z",
    type=(float, float, float),
    show_default="0 0 -1",
    help="Direction in which the camera of mvtec-3d-ad looks, in the frame of the scans.",
)
def command(
    data: Path,
    layout: str,
    out: Path,
    unit: str | None,
    decimal: str | None,
    delimiter: str | None,
    test_share: float | None,
    pixels: int | None,
    direction: tuple[float, float, float] | None,
) -> None:
    """Write the folder DATA in the layout of a public benchmark.

    The test split gets the last nominal scans of each category, by name, and all labelled clouds;
    the training split gets the other nominal scans. docs/reference/layouts.md describes each
    layout. A sample that fails is named and does not stop the others; the exit status is then 1.
    The same command can be run again; it replaces its own files and no others.
    """
    from backend.cli.batch import for_each_scan, tell, warn
    from backend.cli.progress import console
    from backend.dataset.export import Export, ExportConfig
    from backend.intake import TextFormat

    if layout != WITH_IMAGES and (pixels is not None or direction is not None):
        raise click.UsageError(f"--pixels and --direction need --layout {WITH_IMAGES}")
    if direction is not None and not any(direction):
        raise click.UsageError(
            "--direction must not be zero; give the direction in which the sensor looks"
        )
    asked = {"test_share": test_share, "pixels": pixels, "direction": direction}
    text = TextFormat.named(decimal, delimiter)
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    export = Export(data, out, ExportConfig(layout, unit, text=text, **given), tell)
    for word in export.words_in_the_way:
        warn(
            f"{out}: loaders misread paths with {word!r} in them; move the data set before training"
        )

    def write(path: Path) -> None:
        reason = export.write(path)
        if reason is not None:
            warn(f"{path}: left out, {reason}")

    failure = None
    try:
        for_each_scan(export.files, write, "Exporting")
    except click.ClickException as error:
        failure = error
    manifest = export.finish()
    if failure is not None:
        raise failure
    console.print(f"The data set is described in {manifest}", markup=False, soft_wrap=True)
