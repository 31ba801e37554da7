"""From documents, views and photos of a part to a template that was checked on it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from backend.errors import InstructionError, LanguageModelError, SamplingError
from backend.instruct.compile import compile_template
from backend.instruct.documents import Document
from backend.instruct.knowledge import ANY, Defect, defects, places
from backend.instruct.merge import Merged, Placed, merge
from backend.instruct.models import (
    AskLimits,
    LanguageModel,
    ModelReading,
    OutputMode,
    Picture,
    ViewPicture,
    ask_model,
    parse_model_name,
)
from backend.instruct.places import AnyLocation
from backend.instruct.reader import Reading, Step, read_defects
from backend.instruct.validation import (
    ScanFacts,
    Target,
    Validation,
    ValidTemplate,
    validate,
)
from backend.instruct.views import AUTO, BoxFrame, RenderedViews, mark_views, render_views
from backend.progress import Progress, silent
from backend.replay.replay import versions
from backend.sampling.places import Surface
from backend.sampling.view_boxes import SeenBox, see_box
from backend.wording import counted
from shared_schema.instruction import (
    Finding,
    InstructedDefect,
    InstructReport,
    ModelUse,
    PlaceKind,
    Polarity,
)
from shared_schema.locations import (
    HullLocation,
    PathLocation,
    PlaneLocation,
    PointLocation,
    SurfacePath,
)


@dataclass(frozen=True)
class Asking:
    """A model, and how it is asked.

    Attributes:
        model: is asked.
        seed: of the fence between blocks; that of a recording, or drawn anew.
        photos: of the part or of defects, and pages of documents.
        marks: whether the model is shown views with numbered marks.
        frame: in what it gives boxes; None asks it, where it is shown views.
        mode: how it is held to the form of the answer.
        limits: of time, tokens and money.
        tell: gets a sentence that says what is sent where, before anything is.

    >>> fs.Asking.of("http://127.0.0.1:8080/v1#qwen3-vl", frame="per_mille").model.endpoint
    'http://127.0.0.1:8080/v1'
    """

    model: LanguageModel
    seed: int = field(default_factory=partial(secrets.randbits, 64))
    photos: tuple[Picture, ...] = ()
    marks: bool = True
    frame: BoxFrame | None = BoxFrame.PIXELS
    mode: OutputMode = OutputMode.NATIVE
    limits: AskLimits = field(default_factory=AskLimits)
    tell: Callable[[str], None] | None = None

    @classmethod
    def of(
        cls,
        name: str,
        *,
        photos: Iterable[Path] = (),
        marks: bool = True,
        frame: str = BoxFrame.PIXELS,
        mode: str = OutputMode.NATIVE,
        limits: AskLimits | None = None,
    ) -> Asking:
        """A model by its name, as ``flawsmith instruct --model`` takes it.

        Args:
            name: such as ``"ollama:qwen3-vl"``, or the address of a server with ``#`` and a name.
                Keys are taken from the provider's environment variable.
            photos: files of photos of the part or of defects.
            marks: whether the model is shown views with numbered marks.
            frame: in what it gives boxes: ``"pixels"``, ``"per_mille"`` or ``"unit"``; ``"auto"``
                asks it first for the boxes of squares in a test picture.
            mode: how it is held to the form: ``"native"``, ``"tool"`` or ``"prompted"``.
            limits: of time, tokens and money.

        Raises:
            LanguageModelError: no model has such a name.
            FileFormatError: a photo cannot be read.
            MissingDependencyError: the extra ``instruct`` is not installed.
        """
        from backend.instruct.models.pictures import read_photo
        from backend.instruct.models.providers import ServedModel

        return cls(
            ServedModel(parse_model_name(name)),
            photos=tuple(map(read_photo, photos)),
            marks=marks,
            frame=None if frame == AUTO else BoxFrame(frame),
            mode=OutputMode(mode),
            limits=limits or AskLimits(),
        )


@dataclass(frozen=True, eq=False)
class Instructed:
    """What came of documents.

    Attributes:
        validation: the template, and whether it is valid; None where nothing can be made.
        report: the items, all findings, and what a model took.
        owners: number of the item of each defect of the template before it was mended, by name.
        rendered: the views that a model was shown; None without one.
        trace: how the embedded reader read each document.

    >>> surface = fs.surface_of(scans[0], "plate", fs.Unit.MM)  # the scans of ``train``'s example
    >>> instructed = fs.instruct("No cracks were found.", surface, progress=None)
    >>> instructed.valid is None, instructed.why_not()
    (True, 'the documents give no defect that can be made: ...')
    """

    validation: Validation | None
    report: InstructReport
    owners: Mapping[str, int]
    rendered: RenderedViews | None
    trace: tuple[Step, ...]

    @property
    def valid(self) -> ValidTemplate | None:
        """The template where it is valid."""
        return None if self.validation is None else self.validation.valid

    def checked(self) -> ValidTemplate:
        """The template, which is valid.

        Raises:
            InstructionError: there is none; the message tells why.
        """
        if self.valid is None:
            raise InstructionError(self.why_not())
        return self.valid

    def why_not(self) -> str:
        """Why there is no valid template, in a sentence."""
        if self.validation is None:
            named = [f"{one.defect}: {one.reason}" for one in self.report.items]
            found = "; ".join(named) if named else "they name none"
            return f"the documents give no defect that can be made: {found}"
        errors = [one for one in self.validation.findings if one.severity == "error"]
        left = [one for one in errors if not one.fixed]
        mend = "; --fix mends what has a nearest acceptable value"
        can = any(one.acceptable is not None for one in left)
        return f"the template has {counted(len(left), 'error')}{mend if can else ''}"


def instruct(
    documents: Sequence[Document],
    surface: Surface,
    *,
    name: str,
    process: str | None = None,
    material: str | None = None,
    language: str | None = None,
    asking: Asking | None = None,
    pictures: Path | None = None,
    scans: Sequence[ScanFacts] = (),
    fix: bool = False,
    strict: bool = False,
    progress: Progress = silent,
) -> Instructed:
    """Read documents, and make and check a template of the defects that they name.

    Args:
        documents: what is known of the part.
        surface: of the part, on which recipes are drawn. Where it has views, boxes that a model
            marks are boxes of these views in the template too.
        name: of the template.
        process: that made the part; by default the documents tell it.
        material: of the part; by default the documents tell it.
        language: of the documents, ``en``, ``de`` or ``zh``; by default their words tell it.
        asking: a model that is asked as well; by default the embedded reader works alone.
        pictures: folder of the pictures of the surface's views, which a model is shown; by default
            it is shown views that are rendered here.
        scans: what the scans can show that the template is for.
        fix: take the nearest acceptable values of what is found.
        strict: leave out what no passage of a document proves.
        progress: is told of the model's answer, and of each defect that was tried out.

    Raises:
        LanguageModelError: the model gave nothing usable, and the reader found nothing either.
    """
    reading = read_defects(documents, process=process, material=material, language=language)
    rendered = _views(surface, asking, pictures)
    asked, failure = _ask(documents, reading, rendered, asking, progress)
    merged = _merged(reading, asked, documents, strict)
    seen, unseen = _locations(merged.items, rendered, surface)
    items = [placed.item for placed in merged.items]
    shapeless = (_without_shape(item) for item in items if _has_no_shape(item))
    findings = (*reading.findings, *failure, *merged.findings, *unseen, *shapeless)
    use = None if asked is None else asked.use
    if not any(item.used for item in items):
        return Instructed(None, _report(items, findings, use), {}, rendered, reading.trace)
    compiled = compile_template(items, defects(), surface, name=name, seen=seen)
    owners = {
        defect.name: items.index(item)
        for defect, item in zip(compiled.template.defects, compiled.items, strict=True)
    }
    typical = {defect: defects()[items[number].defect].sizes for defect, number in owners.items()}
    target = Target(surface, tuple(scans))
    validation = validate(
        compiled.template, target, fix=fix, typical_sizes=typical, progress=progress
    )
    findings = (*findings, *compiled.findings, *validation.findings)
    return Instructed(validation, _report(items, findings, use), owners, rendered, reading.trace)


def _report(
    items: Sequence[InstructedDefect], findings: Sequence[Finding], use: ModelUse | None
) -> InstructReport:
    return InstructReport(
        items=tuple(items), findings=tuple(findings), model=use, versions=versions()
    )


def _has_no_shape(item: InstructedDefect) -> bool:
    return not item.used and item.kind is None and item.polarity is not Polarity.ABSENT


def _without_shape(item: InstructedDefect) -> Finding:
    return Finding(
        rule="V61",
        severity="note",
        where=item.defect,
        message=f"the defect is not made. {item.reason}",
    )


# --- the model ----------------------------------------------------------------------------------


def _views(surface: Surface, asking: Asking | None, pictures: Path | None) -> RenderedViews | None:
    if asking is None or not asking.marks:
        return None
    if surface.views is not None and pictures is not None:
        return mark_views(surface.seen, surface.views, pictures)
    return render_views(surface.seen, unit=surface.part.unit)


def _ask(
    documents: Sequence[Document],
    reading: Reading,
    rendered: RenderedViews | None,
    asking: Asking | None,
    progress: Progress,
) -> tuple[ModelReading | None, tuple[Finding, ...]]:
    """The model's reading; or, where the reader found defects without it, why there is none."""
    if asking is None:
        return None, ()

    def tell(sentence: str) -> None:
        progress("Asking the model", 0, 1, sentence)
        if asking.tell is not None:
            asking.tell(sentence)

    try:
        asked = ask_model(
            asking.model,
            documents,
            _rows_of(reading.process),
            places=list(places().values()),
            views=_view_pictures(rendered),
            photos=asking.photos,
            frame=asking.frame,
            mode=asking.mode,
            limits=asking.limits,
            seed=asking.seed,
            tell=tell,
        )
    except LanguageModelError as error:
        if not any(item.used for item in reading.items):
            raise
        finding = Finding(
            rule="V64",
            severity="warning",
            where=asking.model.name,
            message=f"{error}; the template is made of what the embedded reader found.",
        )
        return None, (finding,)
    progress("Asking the model", 1, 1)
    problems = tuple(
        Finding(rule="V64", severity="warning", where=asking.model.name, message=problem)
        for problem in asked.problems
    )
    return asked, problems


def _rows_of(process: str | None) -> list[Defect]:
    """The defects of a process and those of any; all of them where the process is not known."""
    return [row for row in defects().values() if process is None or row.process in (process, ANY)]


def _view_pictures(rendered: RenderedViews | None) -> list[ViewPicture]:
    if rendered is None:
        return []
    return [
        ViewPicture(
            camera.name,
            Picture(f"{camera.name}.png", rendered.pictures[camera.name], "image/png"),
            camera.width,
            camera.height,
            frozenset(int(n) for n in rendered.marks.views[camera.name].numbers),
        )
        for camera in rendered.views.cameras
    ]


def _merged(
    reading: Reading, asked: ModelReading | None, documents: Sequence[Document], strict: bool
) -> Merged:
    if asked is None:
        return Merged(tuple(Placed(item) for item in reading.items), ())
    return merge(reading.items, asked.instructions, asked.evidence, documents, strict=strict)


def _locations(
    items: Sequence[Placed],
    rendered: RenderedViews | None,
    surface: Surface,
) -> tuple[dict[int, AnyLocation], list[Finding]]:
    """Locations of what a model marked, by the number of the item, and marks that are not there."""
    seen: dict[int, AnyLocation] = {}
    findings = []
    for number, placed in enumerate(items):
        if placed.instruction is None or rendered is None:
            continue
        try:
            seen[number] = _location(placed, rendered, surface)
        except SamplingError as error:
            findings.append(
                Finding(
                    rule="V20",
                    severity="warning",
                    where=placed.item.defect,
                    message=f"{error}; the defect may lie anywhere.",
                )
            )
    return seen, findings


def _location(placed: Placed, rendered: RenderedViews, surface: Surface) -> AnyLocation:
    """A location in the part's own unit, which needs no other views than those of the surface."""
    instruction = placed.instruction
    assert instruction is not None
    if instruction.place is PlaceKind.MARKS:
        numbers = dict.fromkeys(instruction.marks)  # each once
        marked = [rendered.mark_location(number) for number in numbers]
        if len(marked) > 1 and placed.item.kind == "scratch":
            return _path([mark.position for mark in marked])
        return marked[0]
    edges = (instruction.left, instruction.top, instruction.right, instruction.bottom)
    assert instruction.view is not None
    box = rendered.box_location(instruction.view, [edge for edge in edges if edge is not None])
    seen = see_box(box, surface.seen, rendered.views, surface.cloud.spacing)
    if rendered.views is surface.views:
        return box
    return LOCATIONS.get(placed.item.kind or "", _point)(seen)


def _point(seen: SeenBox) -> PointLocation:
    return PointLocation(position=_triple(seen.position))


def _path_of(seen: SeenBox) -> AnyLocation:
    return _point(seen) if seen.path is None else _path(seen.path)


def _path(points: Iterable[Iterable[float]]) -> PathLocation:
    anchors = tuple(_triple(point) for point in points)
    return PathLocation(path=SurfacePath(points=anchors, resolved=False))


def _plane(seen: SeenBox) -> PlaneLocation:
    return PlaneLocation(origin=_triple(seen.position), normal=_triple(seen.plane_normal))


def _hull(seen: SeenBox) -> HullLocation:
    return HullLocation(points=tuple(_triple(corner) for corner in seen.hull))


def _triple(values: Iterable[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


# What a box in a view gives each kind; the others take its middle.
LOCATIONS: dict[str, Callable[[SeenBox], AnyLocation]] = {
    "bend": _plane,
    "freeform": _hull,
    "scratch": _path_of,
}
