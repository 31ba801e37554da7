"""The ``flawsmith`` command. Each command is a thin file of its own; heavy imports wait inside it."""

from __future__ import annotations

import sys
from typing import Any

import click

from backend import __version__
from backend.cli import demo, evaluate, replay, sample, schema, score, serve, train
from shared_schema.errors import FlawsmithError


class FlawsmithGroup(click.Group):
    """Turns errors that are meant for the user into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FlawsmithError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Interrupted; the same command goes on where this one stopped.", err=True)
            sys.exit(130)


@click.group(cls=FlawsmithGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flawsmith")
def main() -> None:
    """Make surface defects, replay them on 3D scans, train a detector and score new scans."""


for command in (schema, sample, replay, train, evaluate, score, serve, demo):
    main.add_command(command.command)
