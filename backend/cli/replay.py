"""``flawsmith replay``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from backend.cli.options import (
    EXISTING_FILE,
    file_argument,
    one_name_each,
    out_option,
    seed_option,
    unit_option,
)


@click.command("replay")
@file_argument("recipe")
@file_argument("scans", nargs=-1, required=True)
@click.option(
    "--nominal",
    type=EXISTING_FILE,
    help="Nominal model; each scan is registered to it. Without one, scans are in the part frame.",
)
@out_option("a PLY and a JSON record of each scan")
@unit_option("the scans; by default the recipe's")
@click.option(
    "--viewpoint",
    type=(float, float, float),
    help="Where the sensor stood, in the scan's frame; it orients estimated normals.",
)
@click.option(
    "--on-empty",
    type=click.Choice(["skip", "refuse"]),
    default="skip",
    show_default=True,
    help="What to do about a defect that marks no point of a scan.",
)
@seed_option("the registration")
def command(
    recipe: Path,
    scans: tuple[Path, ...],
    nominal: Path | None,
    out: Path,
    unit: str | None,
    viewpoint: tuple[float, float, float] | None,
    on_empty: str,
    seed: int,
) -> None:
    """Replay RECIPE on SCANS and write labelled clouds.

    Each PLY has the properties x y z, nx ny nz where known, mask, label, weight and source_index;
    the JSON beside it holds all that is needed to make it again.
    """
    import numpy as np

    from backend.alignment import align
    from backend.cli.progress import console, progress_display
    from backend.io import read_cloud, write_labeled
    from backend.io.atomic import write_json
    from backend.io.digest import file_digest
    from backend.replay import replay
    from shared_schema.load import load_recipe

    one_name_each(scans)
    loaded = load_recipe(recipe)
    model = None if nominal is None else read_cloud(nominal)
    eye = None if viewpoint is None else np.array(viewpoint)
    with progress_display() as progress:
        for path in progress.track(scans, description="Replaying"):
            scan = replace(read_cloud(path), unit=unit or loaded.part.unit.value)
            aligned = align(scan, model, part_unit=loaded.part.unit, viewpoint=eye, seed=seed)
            labeled, record = replay(
                loaded,
                aligned.cloud,
                T_part_scan=aligned.T_part_scan,
                snap=model is not None,
                on_empty=on_empty,  # type: ignore[arg-type]
            )
            record |= {
                "source": {"file": path.name, "sha256": file_digest(path)},
                "alignment": aligned.record,
            }
            write_labeled(out / f"{path.stem}.ply", labeled)
            write_json(out / f"{path.stem}.json", record)
    console.print(f"Wrote {len(scans)} labelled clouds to {out}")
    for report in record["defects"]:
        if report["points"] == 0:
            console.print(f"[yellow]{report['kind']} {report['name']!r} marks no point[/yellow]")
