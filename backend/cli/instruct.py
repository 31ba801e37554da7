"""``flawsmith instruct``."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backend.cli.options import (
    EXISTING_FILE,
    seed_option,
    spare_inputs,
    template_checks,
    text_options,
    views_option,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from rich.table import Table

    from backend.instruct.knowledge import Defect
    from backend.instruct.models import LanguageModel, Picture
    from backend.instruct.run import Asking, Instructed

# Held to the knowledge base by a test: help must not load it.
PROCESS_NAMES = (
    "any",
    "machining",
    "grinding",
    "casting",
    "sheet_metal",
    "injection_moulding",
    "printing_3d",
    "welding",
    "forging",
    "coating",
)
MODES = ("native", "tool", "prompted")
FRAMES = ("pixels", "per_mille", "unit", "auto")
PHOTOS = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ModelOptions:
    """The options about a language model."""

    model: str | None
    images: tuple[Path, ...]
    output_mode: str
    box_frame: str
    marks: bool
    max_retries: int
    timeout: float
    max_tokens: int
    max_cost: float
    record: Path | None
    replay: Path | None


@click.command("instruct")
@click.argument("part", type=EXISTING_FILE, required=False)
@click.option(
    "--text",
    "texts",
    metavar="FILE",
    type=EXISTING_FILE,
    multiple=True,
    help="Document about the product: .txt, .md, .html, .docx or .pdf. Give it again for more.",
)
@click.option(
    "--notes",
    metavar="FILE",
    type=EXISTING_FILE,
    multiple=True,
    help="Notes of an expert, as --text; they are read after the documents.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the template. The items with their passages are written beside it as "
    "NAME.instruct.json, and a page that shows everything as NAME.html.",
)
@click.option(
    "--process",
    type=click.Choice(PROCESS_NAMES),
    help="Process that made the part; by default the documents tell it.",
)
@click.option(
    "--material", help="Material of the part, such as EN-GJL-250; by default the documents tell it."
)
@click.option(
    "--language",
    type=click.Choice(["en", "de", "zh"]),
    help="Language of the documents; by default their words tell it.",
)
@template_checks()
@click.option(
    "--strict/--no-strict",
    default=False,
    show_default=True,
    help="Leave out what a model says and no passage of a document proves.",
)
@click.option(
    "--explain/--no-explain", default=False, help="Print how the reader read each document."
)
@click.option(
    "--model",
    metavar="NAME",
    help="Language model that is asked as well: openai:NAME, anthropic:NAME, google:NAME, "
    "ollama:NAME, or the address of a server that speaks OpenAI's protocol, such as "
    "http://127.0.0.1:8080/v1#NAME. Without it nothing leaves this machine. Keys are taken from "
    "the provider's environment variable.",
)
@click.option(
    "--images",
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Photo, or folder of photos, that the model is shown.",
)
@views_option("and to show a model in place of pictures that are made here")
@click.option(
    "--output-mode",
    type=click.Choice(MODES),
    default="native",
    show_default=True,
    help="How the model is held to the form of its answer.",
)
@click.option(
    "--box-frame",
    type=click.Choice(FRAMES),
    default="pixels",
    show_default=True,
    help="In what the model gives boxes in pictures. With auto, it is asked first for the boxes of "
    "squares in a test picture.",
)
@click.option(
    "--marks/--no-marks",
    default=True,
    show_default=True,
    help="Show the model views of the part with numbered marks.",
)
@click.option(
    "--max-retries",
    type=click.IntRange(0, 10),
    default=2,
    show_default=True,
    help="Number of times that a wrong answer is sent back.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="Longest time for all requests together.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=200_000,
    show_default=True,
    help="Most tokens that are sent and received.",
)
@click.option(
    "--max-cost",
    metavar="DOLLARS",
    type=click.FloatRange(min=0),
    default=0.5,
    show_default=True,
    help="Highest price in US dollars, where prices are known.",
)
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the conversation with the model, to be replayed.",
)
@click.option(
    "--replay",
    metavar="FILE",
    type=EXISTING_FILE,
    help="Recorded conversation that answers instead of a model.",
)
@seed_option("the points that are drawn on PART")
@text_options("PART and the scans")[0]
@text_options("PART and the scans")[1]
@click.option(
    "--show-terms",
    metavar="PROCESS",
    type=click.Choice(PROCESS_NAMES),
    help=f"Only print the defects that are known of a process: {', '.join(PROCESS_NAMES)}.",
)
def command(
    part: Path | None,
    texts: tuple[Path, ...],
    notes: tuple[Path, ...],
    out: Path | None,
    process: str | None,
    material: str | None,
    language: str | None,
    nominal_unit: str,
    scans: Path | None,
    unit: str | None,
    views: Path | None,
    fix: bool,
    strict: bool,
    explain: bool,
    seed: int,
    decimal: str | None,
    delimiter: str | None,
    show_terms: str | None,
    **model: object,
) -> None:
    """Make a template of the defects that documents name, for the part in the file PART.

    The embedded reader understands English, German and Chinese. It finds which defects occur, are
    not permitted, or are permitted up to a limit; their sizes, places and numbers. The template is
    checked as by `flawsmith validate`.

    The command ends with an error where no defect can be made, or where the template is not valid;
    the items and the page are written all the same.
    """
    if show_terms is not None:
        _show_terms(show_terms)
        return
    documents = [*texts, *notes]
    if part is None or out is None or not documents:
        raise click.UsageError(
            "give PART, --out FILE, and at least one document by --text or --notes; "
            "--show-terms PROCESS lists the known defects"
        )
    spare_inputs([part, *documents, *([] if views is None else [views])], _outputs(out))
    # The page needs pictures: what is missing for it is told before the work.
    import_module("backend.report.instruction")
    from backend.cli.validate import read_target
    from backend.instruct.documents import read_document
    from backend.instruct.run import instruct
    from backend.intake import TextFormat

    asking = _asking(ModelOptions(**model), documents, views)  # type: ignore[arg-type]
    text = TextFormat.named(decimal, delimiter)
    read = [read_document(path) for path in documents]
    target = read_target(part, nominal_unit, seed, views, text, scans, unit)
    instructed = instruct(
        read,
        target.surface,
        name=out.stem,
        process=process,
        material=material,
        language=language,
        asking=asking,
        pictures=None if views is None else views.parent,
        scans=target.scans,
        fix=fix,
        strict=strict,
    )
    if explain:
        for step in instructed.trace:
            click.echo(f"{step.where}: {step.what}")
    _write(instructed, out, part)


def _outputs(out: Path) -> tuple[Path, Path, Path]:
    """The template, the items, and the page."""
    return out, out.with_name(f"{out.stem}.instruct.json"), out.with_suffix(".html")


def _write(instructed: Instructed, out: Path, part: Path) -> None:
    """Write the results and say what came out.

    Raises:
        click.ClickException: there is no valid template.
    """
    from backend.cli.progress import console
    from backend.cli.validate import print_finding
    from backend.io.atomic import remove_unfinished, write_bytes
    from backend.report.instruction import instruction_page
    from shared_schema.load import dump

    template, items, page = _outputs(out)
    remove_unfinished((template, items, page))
    write_bytes(items, dump(instructed.report, nulls=True).encode())
    html = instruction_page(instructed, title=out.stem, part=shown(part.name))
    write_bytes(page, html.encode())
    for item in instructed.report.items:
        used = "made" if item.used else "not made"
        console.print(
            f"{item.defect}: {item.polarity.value}, {used}. {item.reason}",
            markup=False,
            soft_wrap=True,
        )
    for finding in instructed.report.findings:
        print_finding(finding)
    if instructed.report.model is not None:
        use = instructed.report.model
        price = "" if use.price is None else f", {use.price:.4f} US dollars"
        console.print(
            f"{use.name} took {use.requests} requests, {use.input_tokens} tokens in, "
            f"{use.output_tokens} out, {use.seconds:.1f} s{price}",
            markup=False,
            soft_wrap=True,
        )
    written = [items, page]
    if instructed.valid is not None:
        write_bytes(template, dump(instructed.valid.template).encode())
        written.insert(0, template)
    console.print(
        f"Wrote {', '.join(shown(path) for path in written)}", markup=False, soft_wrap=True
    )
    if instructed.valid is None:
        raise click.ClickException(instructed.why_not())


# --- the model ----------------------------------------------------------------------------------


def _asking(options: ModelOptions, documents: list[Path], views: Path | None) -> Asking | None:
    """The model that is asked; None without one.

    Raises:
        click.UsageError: options contradict one another.
    """
    if options.model is None and options.replay is None:
        if options.images or options.record is not None:
            raise click.UsageError("--images and --record need --model NAME")
        if views is not None:
            raise click.UsageError("--views shows pictures to a model: give --model NAME too")
        return None
    if views is not None and not options.marks:
        raise click.UsageError("--views shows pictures to a model: leave --no-marks out")
    if options.model is not None and options.replay is not None:
        raise click.UsageError("--replay answers instead of a model: leave --model out")
    from backend.cli.progress import console
    from backend.instruct.models import AskLimits, OutputMode
    from backend.instruct.run import Asking
    from backend.instruct.views import AUTO, BoxFrame

    model, seed = _model(options)
    return Asking(
        model,
        seed,
        photos=tuple(_photos(options.images, documents)),
        marks=options.marks,
        frame=None if options.box_frame == AUTO else BoxFrame(options.box_frame),
        mode=OutputMode(options.output_mode),
        limits=AskLimits(
            max_retries=options.max_retries,
            seconds=options.timeout,
            max_tokens=options.max_tokens,
            max_price=options.max_cost,
        ),
        tell=lambda line: console.print(line, markup=False, soft_wrap=True),
    )


def _model(options: ModelOptions) -> tuple[LanguageModel, int]:
    """The model, and the seed of the fence."""
    from backend.instruct.models import RecordingModel, ReplayedModel, parse_model_name

    if options.replay is not None:
        replayed = ReplayedModel(options.replay)
        return replayed, replayed.seed
    from backend.instruct.models.providers import ServedModel

    assert options.model is not None
    served, seed = ServedModel(parse_model_name(options.model)), secrets.randbits(64)
    if options.record is None:
        return served, seed
    return RecordingModel(served, options.record, seed), seed


def _photos(images: tuple[Path, ...], documents: list[Path]) -> list[Picture]:
    """Photos by name, folders opened, and the pages of PDF documents."""
    from backend.instruct.documents import page_pictures
    from backend.instruct.models.pictures import encoded, read_photo

    paths = []
    for path in images:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        paths += [one for one in inside if not path.is_dir() or one.suffix.lower() in PHOTOS]
    pages = [
        encoded(f"{shown(path.name)}, page {number}", pixels)
        for path in documents
        if path.suffix.lower() == ".pdf"
        for number, pixels in enumerate(page_pictures(path), 1)
    ]
    return [*map(read_photo, paths), *pages]


# --- the knowledge base -------------------------------------------------------------------------


def _show_terms(process: str) -> None:
    """Print which defects the reader of documents knows of a process."""
    from rich.console import Console

    from backend.instruct.knowledge import defects

    rows = [defect for defect in defects().values() if defect.process == process]
    Console(highlight=False).print(_table(rows))


def _table(rows: list[Defect]) -> Table:
    """A row of each defect, with its terms below one another."""
    from rich.table import Table

    table = Table(show_lines=True)
    for title in ("defect", "kind", "terms", "typical sizes", "template", "checked"):
        table.add_column(title, overflow="fold")
    for defect in rows:
        table.add_row(
            defect.key,
            defect.kind or "no shape",
            "\n".join(_terms(defect, language) for language in defect.terms),
            _sizes(defect),
            defect.template or "-",
            defect.checked,
        )
    return table


def _terms(defect: Defect, language: str) -> str:
    return "; ".join(term.rstrip("!") for term in defect.terms[language])


def _sizes(defect: Defect) -> str:
    sizes = [f"{name.value} {low:g} to {high:g}" for name, (low, high) in defect.sizes.items()]
    return "\n".join([*sizes, f"({defect.sizes_from})"]) if sizes else "-"
