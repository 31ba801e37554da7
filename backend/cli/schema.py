"""``flawsmith schema``."""

from __future__ import annotations

from pathlib import Path

import click

from backend.file_names import shown
from shared_schema.publish import DOCUMENTS, EXTENSION, schema_text


@click.command("schema")
@click.argument(
    "document",
    metavar="[DOCUMENT]",
    type=click.Choice([*sorted(DOCUMENTS), EXTENSION]),
    default="recipe",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write to this file instead of the screen."
)
def command(document: str, out: Path | None) -> None:
    """Print the JSON Schema of a document.

    DOCUMENT is recipe (the default), template, views, sensor, scanner, record, instruction,
    pod, extension (all that the Blender extension reads), or an answer of the service: score,
    health, model or error.
    """
    from backend.io.atomic import remove_unfinished, write_bytes

    if out is None:
        click.echo(schema_text(document), nl=False)
    else:
        remove_unfinished([out])
        write_bytes(out, schema_text(document).encode())
        click.echo(f"Wrote {shown(out)}")
