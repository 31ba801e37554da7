"""The ``flawsmith`` command. Each command is a thin file of its own; heavy imports wait in it."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from backend import __version__
from backend.cli import (
    demo,
    evaluate,
    export,
    remake,
    replay,
    sample,
    schema,
    score,
    serve,
    synthesize,
    templates,
    train,
)
from backend.extras import missing_extra
from shared_schema.errors import FlawsmithError

# Threads that wait spin by default: beside other work, a step of training then takes up to thirty
# times as long. This has to be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class FlawsmithGroup(click.Group):
    """Turns errors that are meant for the user into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        # A name that is not UTF-8 must not end a batch where it is printed.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except FlawsmithError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            told = missing_extra(error)
            if told is error:
                raise  # any other missing module is a fault of ours
            raise click.ClickException(str(told)) from error
        except BrokenPipeError:
            raise  # whoever read our output has gone; click ends quietly
        except OSError as error:
            raise click.ClickException(_what_failed(error)) from error
        except KeyboardInterrupt:
            click.echo(
                "Interrupted; what is written is whole. Run the same command again.", err=True
            )
            sys.exit(130)


def _what_failed(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason}"


@click.group(cls=FlawsmithGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flawsmith")
def main() -> None:
    """Make surface defects, replay them on 3D scans, train a detector and score new scans."""


for command in (
    schema,
    templates,
    sample,
    replay,
    remake,
    synthesize,
    export,
    train,
    evaluate,
    score,
    serve,
    demo,
):
    main.add_command(command.command)
