"""``flawsmith templates``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import spare_inputs
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.templates import BundledTemplate


@click.command("templates")
@click.option("--show", metavar="NAME", help="Print this template's JSON, to read or to edit.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what --show would print to this file.",
)
def command(show: str | None, out: Path | None) -> None:
    """List the bundled templates of defects by process.

    Give their names wherever a command takes a TEMPLATE.
    """
    from backend.io.atomic import remove_unfinished, write_bytes
    from backend.templates import template_path

    if show is None:
        if out is not None:
            raise click.UsageError("--out writes one template; name it with --show NAME")
        click.echo("\n\n".join(_processes()))
        return
    path = template_path(show)
    if out is None:
        click.echo(path.read_bytes(), nl=False)
    else:
        spare_inputs([path], [out])
        remove_unfinished([out])
        write_bytes(out, path.read_bytes())
        click.echo(f"Wrote {shown(out)}")


def _processes() -> list[str]:
    """A paragraph of each process: its name, and a line for each of its templates."""
    from backend.templates import PROCESSES, template_names, templates

    width = max(map(len, template_names()))
    return [
        "\n".join([title, *(_line(templates()[name], width) for name in template_names(process))])
        for process, title in PROCESSES.items()
    ]


def _line(template: BundledTemplate, width: int) -> str:
    return f"  {template.name:{width}}  {template.title}: {template.description}"
