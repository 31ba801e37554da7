# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``python -m blender_addon``, ``blender --background --command flawsmith``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import bpy

from ..documents.errors import AddonError
from . import apply, example, export, render, scan, showcase, validate, work

# Each module adds its command to the parser, in the order of the help.
COMMANDS = (example, showcase, render, scan, apply, export, validate, work)


def main(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` and return the exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.run
    try:
        with _interruptible(), quiet_blender():
            command(options)
    except (AddonError, OSError) as error:
        print(f"flawsmith: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command continues from here.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("flawsmith", description="Defects on nominal parts.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the command, which Blender keeps to itself in the background."""
    kept = signal.getsignal(signal.SIGINT)
    if kept is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        # Blender's own handler is none that Python could set again.
        signal.signal(signal.SIGINT, kept or signal.SIG_DFL)


@contextmanager
def quiet_blender() -> Iterator[None]:
    """Keep Blender's own messages, which it writes outside of Python, off the standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


_registered: list[Any] = []


def register() -> None:
    """Add the command to Blender's command line."""
    add: Any = bpy.utils.register_cli_command
    _registered.append(add("flawsmith", main))


def unregister() -> None:
    """Take the command away."""
    bpy.utils.unregister_cli_command(_registered.pop())
