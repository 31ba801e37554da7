"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from shared_schema.recipe import Unit

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def file_argument(name: str, **settings: Any) -> Callable[[FunctionT], FunctionT]:
    """An argument that names an existing file (or several, by ``nargs=-1``)."""
    return click.argument(name, type=EXISTING_FILE, **settings)


def data_argument() -> Callable[[FunctionT], FunctionT]:
    """``DATA``, a folder as ``backend.dataset.folder`` reads it."""
    return click.argument("data", type=EXISTING_FOLDER)


def out_option(what: str, default: str | None = None) -> Callable[[FunctionT], FunctionT]:
    """``--out DIR``, where the command writes ``what``."""
    return click.option(
        "--out",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        required=default is None,
        default=default,
        show_default=default is not None,
        help=f"Folder for {what}.",
    )


def unit_option(of_what: str) -> Callable[[FunctionT], FunctionT]:
    """``--unit``, the length unit of files that do not say."""
    return click.option(
        "--unit", type=click.Choice([unit.value for unit in Unit]), help=f"Unit of {of_what}."
    )


def seed_option(of_what: str) -> Callable[[FunctionT], FunctionT]:
    """``--seed`` of everything that is drawn by chance."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help=f"Seed of {of_what}.",
    )


def one_name_each(paths: Sequence[Path]) -> None:
    """Refuse inputs whose results would be written under one name.

    Raises:
        click.UsageError: naming the two files.
    """
    seen: dict[str, Path] = {}
    for path in paths:
        # Some file systems do not tell upper from lower case.
        other = seen.setdefault(path.stem.casefold(), path)
        if other != path:
            raise click.UsageError(
                f"{other} and {path} would both be written as {path.stem!r}; rename one, or run "
                "them with different --out folders"
            )


def spare_inputs(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse to write over what is read.

    Raises:
        click.UsageError: naming the file.
    """
    written = {path.resolve() for path in outputs}
    for path in inputs:
        if path.resolve() in written:
            raise click.UsageError(
                f"{path} is an input and would be overwritten; choose another --out folder"
            )
