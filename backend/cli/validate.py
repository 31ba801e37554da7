"""``flawsmith validate``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import (
    EXISTING_FOLDER,
    UNIT,
    file_argument,
    seed_option,
    spare_inputs,
    template_argument,
    text_options,
    unit_option,
    views_option,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.instruct.validation import Target
    from backend.intake import TextFormat
    from shared_schema.instruction import Finding

STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


@click.command("validate")
@template_argument()
@file_argument("part")
@click.option(
    "--scans",
    metavar="DIR",
    type=EXISTING_FOLDER,
    help="Folder of scans that the template will be drawn on. Defects that their spacing and "
    "noise cannot show are found.",
)
@unit_option("the scans; by default that of PART")
@click.option("--nominal-unit", type=UNIT, help="Unit of PART; by default the template's.")
@views_option()
@click.option(
    "--fix/--no-fix",
    default=False,
    show_default=True,
    help="Take the nearest acceptable values, and write the template to --out.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the template that --fix mended.",
)
@seed_option("the points that are drawn on PART")
@text_options("PART and the scans")[0]
@text_options("PART and the scans")[1]
def command(
    template: Path,
    part: Path,
    scans: Path | None,
    unit: str | None,
    nominal_unit: str | None,
    views: Path | None,
    fix: bool,
    out: Path | None,
    seed: int,
    decimal: str | None,
    delimiter: str | None,
) -> None:
    """Check whether TEMPLATE suits the part in the file PART and its scans.

    It is checked that sizes suit the part and its walls, that places exist and have room, that
    scans show the defects, and that the surface neither folds nor tears. Each finding says what is
    wrong, and the nearest acceptable value.

    The command ends with an error where a finding of severity `error` is left.
    """
    from backend.cli.progress import console
    from backend.instruct.validation import validate
    from backend.instruct.validation.document import read_template
    from backend.intake import TextFormat
    from backend.io.atomic import remove_unfinished, write_bytes
    from shared_schema.load import dump

    if fix != (out is not None):
        raise click.UsageError("--fix and --out FILE belong together: the mended template is new")
    if out is not None:
        spare_inputs([template, part], [out])
        remove_unfinished([out])
    loaded, findings = read_template(template, fix=fix)
    if loaded is not None:
        text = TextFormat.named(decimal, delimiter)
        target = read_target(
            part, nominal_unit or loaded.unit.value, seed, views, text, scans, unit
        )
        validation = validate(loaded, target, fix=fix)
        findings += validation.findings
        loaded = validation.template
    for finding in findings:
        print_finding(finding)
    refuse_errors(findings, template, part)
    if out is not None and loaded is not None:
        write_bytes(out, dump(loaded).encode())
        console.print(f"Wrote {shown(out)}", markup=False, soft_wrap=True)
    console.print(f"{shown(template)} suits {shown(part)}", markup=False, soft_wrap=True)


def read_target(
    part: Path,
    part_unit: str,
    seed: int,
    views: Path | None,
    text: TextFormat,
    scans: Path | None,
    unit: str | None,
) -> Target:
    """The part with its views, and what the scans in a folder can show."""
    from backend.cli.batch import tell
    from backend.instruct.validation import ScanFacts, Target
    from backend.io import read_cloud, readable_files
    from backend.sampling.places import load_surface
    from shared_schema.load import load_views
    from shared_schema.recipe import Unit

    surface = load_surface(
        part,
        unit=Unit(part_unit),
        seed=seed,
        views=None if views is None else load_views(views),
        text=text,
    )
    tell(part, surface.cloud.notices)
    facts = []
    for path in [] if scans is None else readable_files(scans):
        cloud = read_cloud(path, unit=unit or part_unit, text=text)
        facts.append(ScanFacts.of(shown(path.name), cloud.in_unit(part_unit)))
    return Target(surface, tuple(facts))


def refuse_errors(findings: Iterable[Finding], file: Path, part: Path) -> None:
    """End the command where an error is left in what ``file`` says of ``part``."""
    from backend.wording import counted

    errors = sum(one.severity == "error" and not one.fixed for one in findings)
    if errors:
        raise click.ClickException(
            f"{shown(file)} does not suit {shown(part)}: {counted(errors, 'error')}"
        )


def print_finding(finding: Finding) -> None:
    """Print a finding in one line, its severity in colour."""
    from rich.markup import escape

    from backend.cli.progress import console

    severity = "mended" if finding.fixed else finding.severity
    style = "green" if finding.fixed else STYLES[finding.severity]
    nearest = "" if finding.acceptable is None else f" (nearest acceptable: {finding.acceptable})"
    console.print(
        f"[{style}]{severity}[/{style}] {finding.rule} {escape(finding.where)}: "
        f"{escape(finding.message)}{escape(nearest)}",
        soft_wrap=True,
    )
