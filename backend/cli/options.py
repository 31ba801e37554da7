"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from backend.file_names import shown
from backend.intake import DECIMALS, DELIMITERS, Intake, TextFormat
from shared_schema.recipe import Unit

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

# Held to ``backend.dataset.layouts.LAYOUTS`` by a test: help must not import it.
LAYOUT_NAMES = ("real3d-ad", "anomaly-shapenet", "mulsen-ad", "mvtec-3d-ad")

UNIT = click.Choice([unit.value for unit in Unit])
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class FileOrBundled(click.ParamType):
    """A file, or the name of a bundled one, which stands for its file."""

    def __init__(self, name: str, find: Callable[[str], Path]) -> None:
        """``find`` gives the bundled file of a name, or an error that lists the names."""
        self.name, self.find = name, find

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        from backend.errors import FlawsmithError

        if Path(value).is_file():
            return Path(value)
        try:
            return self.find(str(value))
        except FlawsmithError as error:
            self.fail(f"no such file, and {error}", param, ctx)


def _bundled_template(name: str) -> Path:
    from backend.templates import template_path

    return template_path(name)


def _bundled_model(name: str) -> Path:
    from backend.models.bundled import model_path

    return model_path(name)


TEMPLATE = FileOrBundled("template", _bundled_template)
MODEL = FileOrBundled("model", _bundled_model)


def file_argument(name: str, **settings: Any) -> Callable[[FunctionT], FunctionT]:
    """An argument that names an existing file (or several, by ``nargs=-1``)."""
    return click.argument(name, type=EXISTING_FILE, **settings)


def model_argument() -> Callable[[FunctionT], FunctionT]:
    """``MODEL``, a file or the name of a bundled detector."""
    return click.argument("model", type=MODEL)


def template_argument() -> Callable[[FunctionT], FunctionT]:
    """``TEMPLATE``, a file or the name of a bundled template."""
    return click.argument("template", type=TEMPLATE)


def data_argument() -> Callable[[FunctionT], FunctionT]:
    """``DATA``, a folder as ``backend.dataset.folder`` reads it."""
    return click.argument("data", type=EXISTING_FOLDER)


def layout_option(rest: str) -> Callable[[FunctionT], FunctionT]:
    """``--layout`` of ``DATA``, by default flawsmith's own; ``rest`` ends the explanation."""
    return click.option(
        "--layout",
        type=click.Choice(("flawsmith", *LAYOUT_NAMES)),
        default="flawsmith",
        show_default=True,
        help=f"Layout of DATA{rest}.",
    )


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
    """``--unit``, the length unit of scans, which their files do not state."""
    return click.option("--unit", type=UNIT, help=f"Unit of {of_what}.")


def nominal_unit_option(default: str) -> Callable[[FunctionT], FunctionT]:
    """``--nominal-unit``, of the nominal model."""
    return click.option(
        "--nominal-unit", type=UNIT, help=f"Unit of the nominal model; by default {default}."
    )


def intake_options(scans: str, nominal: str | None) -> Callable[[Callable[..., None]], Any]:
    """The options for reading scans; the command gets them together as ``intake``.

    Args:
        scans: the scans that ``--unit`` is about, and its default, in words.
        nominal: the default of ``--nominal-unit``; None for commands that read no nominal model.
    """

    def decorate(command: Callable[..., None]) -> Any:
        @wraps(command)
        def taking_in(
            unit: str | None,
            viewpoint: tuple[float, float, float] | None,
            decimal: str | None,
            delimiter: str | None,
            clean: bool,
            crop: bool,
            nominal_unit: str | None = None,
            **rest: Any,
        ) -> None:
            units = [None if name is None else Unit(name) for name in (unit, nominal_unit)]
            text = TextFormat.named(decimal, delimiter)
            command(
                intake=Intake(units[0], units[1], viewpoint, text, clean=clean, crop=crop), **rest
            )

        options = [
            unit_option(scans),
            viewpoint_option(),
            *text_options("scans"),
            clean_option(),
            crop_option(),
        ]
        if nominal is not None:
            options.insert(1, nominal_unit_option(nominal))
        for option in reversed(options):
            taking_in = option(taking_in)
        return taking_in

    return decorate


def text_options(of_what: str) -> tuple[Callable[[FunctionT], FunctionT], ...]:
    """``--decimal`` and ``--delimiter``, how text files of ``of_what`` write their numbers."""
    return (
        click.option(
            "--decimal",
            type=click.Choice(list(DECIMALS)),
            help=f"Decimal mark of {of_what} in text files; by default it is detected.",
        ),
        click.option(
            "--delimiter",
            type=click.Choice(list(DELIMITERS)),
            help=f"Separator of the numbers of {of_what} in text files; by default it is detected.",
        ),
    )


def views_option(purpose: str = "") -> Callable[[FunctionT], FunctionT]:
    """``--views``, a rendered view set; ``purpose`` is what else it is for."""
    return click.option(
        "--views",
        metavar="FILE",
        type=EXISTING_FILE,
        help="View set, a file about pictures of the part, for templates that mark places in them"
        f"{f', {purpose}' if purpose else ''}.",
    )


def template_checks() -> Callable[[FunctionT], FunctionT]:
    """The options about PART and the scans that a template is made for, and ``--fix``."""
    options = (
        click.option(
            "--nominal-unit", type=UNIT, default="mm", show_default=True, help="Unit of PART."
        ),
        click.option(
            "--scans",
            metavar="DIR",
            type=EXISTING_FOLDER,
            help="Folder of scans that the template is for. Defects that they cannot show are "
            "found.",
        ),
        unit_option("the scans; by default that of PART"),
        click.option(
            "--fix/--no-fix",
            default=False,
            show_default=True,
            help="Take the nearest acceptable values of what the checks find.",
        ),
    )

    def decorate(command: FunctionT) -> FunctionT:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def viewpoint_option() -> Callable[[FunctionT], FunctionT]:
    """``--viewpoint`` of the sensor."""
    return click.option(
        "--viewpoint",
        metavar="X Y Z",
        type=(float, float, float),
        help="Position of the sensor, in the frame and unit of the scan. It orients estimated "
        "normals and excludes poses that would show it the inside of the part.",
    )


def clean_option() -> Callable[[FunctionT], FunctionT]:
    """``--clean``, which removes points that belong to no surface."""
    return click.option(
        "--clean/--no-clean",
        default=False,
        show_default=True,
        help="Remove stray points and, with --viewpoint, flying pixels before anything else.",
    )


def crop_option() -> Callable[[FunctionT], FunctionT]:
    """``--crop`` to the part, by its nominal model."""
    return click.option(
        "--crop/--no-crop",
        default=True,
        show_default=True,
        help="Cut away points that do not belong to the part, such as a table or the background. "
        "It needs a nominal model, and cuts nothing if the pose is in doubt.",
    )


def on_empty_option(rest: str) -> Callable[[FunctionT], FunctionT]:
    """``--on-empty``; ``rest`` ends the sentence that explains it."""
    return click.option(
        "--on-empty",
        type=click.Choice(["skip", "refuse"]),
        default="skip",
        show_default=True,
        help=f"Treatment of a defect that marks no point{rest}.",
    )


def seed_option(of_what: str) -> Callable[[FunctionT], FunctionT]:
    """``--seed`` of everything that is random."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help=f"Seed of {of_what}.",
    )


def sensor_option() -> Callable[[FunctionT], FunctionT]:
    """``--sensor``, for ``backend.sensor.presets.find_sensor``."""
    return click.option(
        "--sensor",
        metavar="FILE|NAME",
        help="Scan the deformed surface as this sensor would. It is a sensor file or a bundled "
        "sensor: depth_camera, laser_line or structured_light.",
    )


def jobs_option(what: str) -> Callable[[FunctionT], FunctionT]:
    """``--jobs``, a number of processes, or None; ``what`` does not depend on it, in words."""
    return click.option(
        "--jobs",
        type=click.IntRange(min=1),
        show_default="all cores",
        help=f"Number of processes; {what} not depend on it.",
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
                f"{shown(other)} and {shown(path)} would both be written as {shown(path.stem)!r}; "
                "rename one, or run them with different --out folders"
            )


def spare_inputs(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse to write over files that are read.

    Raises:
        click.UsageError: naming the file.
    """
    written = {path.resolve() for path in outputs}
    for path in inputs:
        if path.resolve() in written:
            raise click.UsageError(
                f"{shown(path)} is an input and would be overwritten; choose another --out folder"
            )
