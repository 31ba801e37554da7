"""Instruction and its checks as Python programs call them: with texts, clouds and a progress."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from backend.cloud import PointCloud
from backend.instruct import run
from backend.instruct.documents import Document, document_of, read_document
from backend.instruct.run import Asking, Instructed
from backend.instruct.validation import ScanFacts, Target, Validation
from backend.instruct.validation import validate as check
from backend.progress import Following, following, track
from backend.sampling.places import Surface, with_views
from shared_schema.load import load_views
from shared_schema.recipe import RecipeTemplate

Words = str | Path | Document
READING = "Reading documents"


def instruct(
    documents: Words | Iterable[Words],
    surface: Surface,
    *,
    name: str = "instructed",
    process: str | None = None,
    material: str | None = None,
    language: str | None = None,
    asking: Asking | None = None,
    views: Path | None = None,
    scans: Iterable[PointCloud] = (),
    fix: bool = False,
    strict: bool = False,
    progress: Following = "bars",
) -> Instructed:
    """Make a template of the defects that documents name, and check it on the part.

    Args:
        documents: one or more. A string is a text itself, a ``Path`` is a file of text, Markdown,
            HTML, Word or PDF, and a ``Document`` was read before.
        surface: of the part, in the part frame; the template is in its unit.
        name: of the template.
        process: that made the part, such as ``"casting"``; by default the documents tell it.
        material: of the part, such as ``"EN-GJL-250"``; by default the documents tell it.
        language: of the documents, ``"en"``, ``"de"`` or ``"zh"``; by default their words tell it.
        asking: a language model that is asked as well. By default the embedded reader works alone,
            and nothing leaves this machine.
        views: file of rendered views, in the unit of the part, with its pictures beside it. A model
            is shown them in place of views that are rendered here, and the template marks places in
            them. Drawing from it needs them as well, as ``Surface.views``.
        scans: that the template is for; one of unknown unit is taken to be in the part's. Defects
            that they cannot show are found.
        fix: take the nearest acceptable values of what the checks find.
        strict: leave out what a model says and no passage of a document proves.
        progress: ``"bars"`` shows bars on standard error, if that is a terminal or a notebook; None
            shows nothing; a ``Progress`` is a function of yours that is called after each item.

    Returns:
        The items, the findings, and the template where one can be made; a template that is not
        valid is no error, unless ``Instructed.checked`` asks for it.

    Raises:
        FileFormatError: a document or a picture cannot be read.
        SamplingError: the views are in another unit than the part.
        SchemaError: ``views`` is no view set.
        LanguageModelError: the model gave nothing usable, and the reader found nothing either.

    >>> plate = fs.load_sample("plate_holes")
    >>> scan = fs.subsample_surface(plate, 8000, np.random.default_rng(0))
    >>> surface = fs.surface_of(scan, "plate", fs.Unit.MM)
    >>> text = "Steel sheet, deep drawn. Dents of 10 to 20 mm in diameter occur."
    >>> instructed = fs.instruct(text, surface, progress=None)
    >>> [(item.defect, item.polarity.value) for item in instructed.report.items]
    [('any/dents', 'occurs')]
    >>> template = instructed.checked().template
    >>> [(defect.kind, defect.radius.min, defect.radius.max) for defect in template.defects]
    [('dent', 5.0, 10.0)]
    """
    if views is not None:
        surface = with_views(surface, load_views(views))
    with following(progress) as follow:
        given = [documents] if isinstance(documents, Words) else list(documents)
        return run.instruct(
            [_document(one, number) for number, one in enumerate(track(follow, given, READING))],
            surface,
            name=name,
            process=process,
            material=material,
            language=language,
            asking=asking,
            pictures=None if views is None else views.parent,
            scans=_facts(scans, surface),
            fix=fix,
            strict=strict,
            progress=follow,
        )


def validate(
    template: RecipeTemplate,
    surface: Surface,
    *,
    scans: Iterable[PointCloud] = (),
    fix: bool = False,
    progress: Following = "bars",
) -> Validation:
    """Check whether a template suits a part and the scans that it is for.

    Args:
        template: what is checked.
        surface: of the part, in the part frame, with views if the template names some.
        scans: that the template is for; one of unknown unit is taken to be in the part's.
        fix: take the nearest acceptable values.
        progress: as in ``instruct``.

    >>> plate = fs.load_sample("plate_holes")
    >>> scan = fs.subsample_surface(plate, 8000, np.random.default_rng(0))
    >>> surface = fs.surface_of(scan, "plate", fs.Unit.MM)
    >>> template = fs.load_template("sheet_metal/dents")
    >>> fs.validate(template, surface, progress=None).valid is not None
    True
    """
    with following(progress) as follow:
        target = Target(surface, _facts(scans, surface))
        return check(template, target, fix=fix, progress=follow)


def _document(given: Words, number: int) -> Document:
    if isinstance(given, Document):
        return given
    if isinstance(given, Path):
        return read_document(given)
    return document_of(given, f"text {number + 1}")


def _facts(scans: Iterable[PointCloud], surface: Surface) -> tuple[ScanFacts, ...]:
    unit = surface.part.unit.value
    return tuple(
        ScanFacts.of(f"scan {number}", scan.in_unit(unit)) for number, scan in enumerate(scans, 1)
    )
