"""``flawsmith import-instructions``."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli.options import (
    EXISTING_FILE,
    file_argument,
    seed_option,
    spare_inputs,
    template_checks,
    text_options,
)
from backend.file_names import shown


@click.command("import-instructions")
@click.argument("instructions", type=EXISTING_FILE)
@file_argument("part")
@click.option(
    "--views",
    metavar="FILE",
    type=EXISTING_FILE,
    required=True,
    help="View set, a file about pictures of the part, in which the boxes are.",
)
@click.option(
    "--view",
    metavar="NAME",
    help="View of the boxes that name none; by default the only one that there is.",
)
@click.option(
    "--picture-size",
    metavar="PIXELS",
    type=click.FloatRange(min=1.0),
    default=1024.0,
    show_default=True,
    help="Width and height of the pictures in which the boxes were marked. Boxes are brought to "
    "the size of the view.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File for the template.",
)
@template_checks()
@seed_option("the points that are drawn on PART")
@text_options("PART and the scans")[0]
@text_options("PART and the scans")[1]
def command(
    instructions: Path,
    part: Path,
    views: Path,
    view: str | None,
    picture_size: float,
    out: Path,
    nominal_unit: str,
    scans: Path | None,
    unit: str | None,
    fix: bool,
    seed: int,
    decimal: str | None,
    delimiter: str | None,
) -> None:
    """Make a template of the file INSTRUCTIONS, in the format of Synthesis4AD, for PART.

    Each instruction names a type of defect, a box in a picture of the part, the dimension of its
    primitive, and ranges of parameters. What cannot be taken over is told, and the template is
    checked as by `flawsmith validate`.

    The command ends with an error where the template is not valid.
    """
    from backend.cli.progress import console
    from backend.cli.validate import print_finding, read_target, refuse_errors
    from backend.instruct.synthesis4ad import import_instructions, read_instructions
    from backend.intake import TextFormat
    from backend.io.atomic import remove_unfinished, write_bytes
    from shared_schema.load import dump

    spare_inputs([instructions, part, views], [out])
    remove_unfinished([out])
    text = TextFormat.named(decimal, delimiter)
    read = read_instructions(instructions)
    target = read_target(part, nominal_unit, seed, views, text, scans, unit)
    imported = import_instructions(
        read, target, name=out.stem, view=view, picture=picture_size, fix=fix
    )
    for finding in imported.findings:
        print_finding(finding)
    refuse_errors(imported.findings, instructions, part)
    write_bytes(out, dump(imported.validation.checked().template).encode())
    console.print(f"Wrote {shown(out)}", markup=False, soft_wrap=True)
