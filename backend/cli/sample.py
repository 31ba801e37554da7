"""``flawsmith sample``."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli.options import (
    UNIT,
    file_argument,
    out_option,
    seed_option,
    spare_inputs,
    template_argument,
    text_options,
    views_option,
)


@click.command("sample")
@template_argument()
@file_argument("nominal")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of recipes.",
)
@out_option("the recipes, TEMPLATE-00000.json and so on")
@seed_option("the recipes; recipe N depends only on this seed and on N")
@click.option(
    "--nominal-unit",
    "--unit",
    "unit",
    type=UNIT,
    help="Unit of the part in NOMINAL; by default the template's.",
)
@text_options("NOMINAL")[0]
@text_options("NOMINAL")[1]
@views_option()
def command(
    template: Path,
    nominal: Path,
    count: int,
    out: Path,
    seed: int,
    unit: str | None,
    decimal: str | None,
    delimiter: str | None,
    views: Path | None,
) -> None:
    """Draw concrete recipes from TEMPLATE for the part in the file NOMINAL.

    TEMPLATE is a file, or the name of a bundled template that `flawsmith templates` lists.
    """
    from backend.cli.batch import tell
    from backend.cli.progress import console, progress_display
    from backend.intake import TextFormat
    from backend.io.atomic import remove_unfinished, write_bytes
    from backend.progress import track
    from backend.sampling.places import load_surface
    from backend.sampling.recipes import sample_recipes
    from shared_schema.load import dump, load_template, load_views
    from shared_schema.recipe import Unit

    outputs = [out / f"{template.stem}-{number:05d}.json" for number in range(count)]
    spare_inputs([template, nominal, *([views] if views else [])], outputs)
    remove_unfinished(outputs)
    loaded = load_template(template)
    surface = load_surface(
        nominal,
        unit=Unit(unit or loaded.unit),
        seed=seed,
        views=None if views is None else load_views(views),
        text=TextFormat.named(decimal, delimiter),
    )
    tell(nominal, surface.cloud.notices)
    recipes = sample_recipes(loaded, surface, seed=seed, count=count)
    with progress_display() as progress:
        drawn = track(progress, recipes, "Sampling", count)
        for path, recipe in zip(outputs, drawn, strict=True):
            write_bytes(path, dump(recipe).encode())
    console.print(f"The recipes are in {out}", markup=False, soft_wrap=True)
