"""``flawsmith serve``."""

from __future__ import annotations

from pathlib import Path

import click

from backend.cli.options import model_argument
from backend.file_names import shown

MIB = 1024 * 1024


@click.command("serve")
@model_argument()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; an address that is not a loopback one lets other machines in.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Port to listen at; 0 takes a free one.",
)
@click.option(
    "--max-upload-mb",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Largest upload that is accepted, in MiB.",
)
@click.option(
    "--max-points",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Largest number of points of a scan that is accepted.",
)
def command(model: Path, host: str, port: int, max_upload_mb: int, max_points: int) -> None:
    """Serve the detector MODEL, a file or a bundled one (bundled_parts), over HTTP.

    The page at / scores a scan in the browser; POST /v1/score does it for programs, and
    /openapi.json describes it. There is no access control: whoever reaches the port can use it.
    """
    from backend.serving.app import Limits
    from backend.serving.server import ServerSettings, is_loopback, serve

    if not is_loopback(host):
        click.secho(
            f"Warning: {host} can be reached from other machines, and there is no access control",
            fg="yellow",
            err=True,
        )
    settings = ServerSettings(host, port, Limits(max_upload_mb * MIB, max_points))
    name = shown(model)
    serve(model, settings, announce=lambda address: click.echo(f"Serving {name} at {address}"))
    click.echo("Stopped")
