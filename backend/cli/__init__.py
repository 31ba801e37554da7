"""The ``flawsmith`` command. Each command is a thin file of its own, loaded by its name."""

from __future__ import annotations

import io
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from backend import __version__
from backend.extras import missing_extra
from shared_schema.errors import FlawsmithError

# Threads that wait spin by default: beside other work, a step of training then takes up to thirty
# times as long. This has to be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


# In the order in which they are used. The list of commands shows these texts and loads no command.
COMMANDS = {
    "demo": "Show all steps on bundled data and write a report.",
    "templates": "List the bundled templates of defects.",
    "instruct": "Make a template of the defects that documents name.",
    "import-instructions": "Make a template of instructions of Synthesis4AD.",
    "validate": "Check whether a template suits a part and its scans.",
    "sample": "Draw recipes from a template for a part.",
    "replay": "Replay a recipe on scans and write labelled clouds.",
    "remake": "Make samples again from their records.",
    "synthesize": "Make a labelled data set from a template and scans.",
    "export": "Write a data set in the layout of a public benchmark.",
    "fuse": "Fuse nominal scans into a nominal model.",
    "train": "Train a detector on a data set.",
    "evaluate": "Measure a detector on a data set.",
    "pod": "Examine how small a defect a detector finds.",
    "score": "Score scans with a detector.",
    "serve": "Serve a detector over HTTP.",
    "schema": "Print the JSON Schema of a document.",
}


class FlawsmithGroup(click.Group):
    """Loads a command when it is used, and prints an error for the user in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_")
        command: click.Command = import_module(f"backend.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            meant = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {meant[0]!r}?" if meant else ""
            raise click.UsageError(error.message + hint, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

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
            missing = missing_extra(error)
            if missing is error:
                raise  # any other missing module is a fault of ours
            raise click.ClickException(str(missing)) from error
        except BrokenPipeError:
            raise  # whoever read our output has gone; click ends quietly
        except OSError as error:
            raise click.ClickException(_what_failed(error)) from error
        except KeyboardInterrupt:
            click.echo(
                "Interrupted; finished files are intact. Run the same command again to continue.",
                err=True,
            )
            sys.exit(130)


def _what_failed(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason}"


@click.group(cls=FlawsmithGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flawsmith")
def main() -> None:
    """Make surface defects, replay them on 3D scans, train a detector and score new scans."""
