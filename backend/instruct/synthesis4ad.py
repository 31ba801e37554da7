"""Instructions in the format of Synthesis4AD (arXiv 2604.04658), taken over as a template.

The authors publish the format by a figure of theirs alone: a list of objects such as ::

    {"Type": "Dent", "Loc": {"x": 126, "y": 455, "w": 87, "h": 94}, "Algo": "3D_Primitive",
     "Params": {"m": "6~10", "A": "0.02~0.05", "σ": 0.08}}

``Type`` names the defect, ``Algo`` the dimension of the primitive that supports it, and ``Loc`` a
box in a picture of the part by its left and top edge, its width and its height, in pixels.
``Params`` are numbers or ranges; lengths are ratios of the part's diagonal, and angles are in
degrees. The figure names neither the picture nor its size: both are told beside the file, or by
``View`` in each object.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, field_validator

from backend.errors import InstructionError, SamplingError
from backend.instruct.shapes import with_ends
from backend.instruct.validation import Target, Validation, validate
from backend.sampling.places import Surface
from backend.sampling.view_boxes import see_box
from backend.templates import load_template
from shared_schema.base import Model
from shared_schema.defects import DefectTemplate, Range
from shared_schema.errors import SchemaError
from shared_schema.instruction import MAX_INSTRUCTIONS, Finding
from shared_schema.load import describe, read_text
from shared_schema.locations import ViewBoxLocation
from shared_schema.recipe import Lengths, RecipeTemplate

# Width and height of the pictures in which the authors mark their boxes.
PICTURE = 1024.0
# How far a range reaches of which one end is told, as a multiple of this end.
OPEN_RANGE = 2.0
_NUMBER = r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
_ONE = re.compile(rf"([<>≤≥]?)=?\s*{_NUMBER}")
_RANGE = re.compile(rf"{_NUMBER}\s*(?:[~～–-]|to)\s*{_NUMBER}")
RULE = "V65"


class Primitive(StrEnum):
    """The dimension of what supports a defect."""

    LINE = "1D_Primitive"
    PLANE = "2D_Primitive"
    HULL = "3D_Primitive"


class PictureBox(Model):
    """A box in a picture, in pixels from its top left corner."""

    x: float
    y: float
    w: float = Field(gt=0)
    h: float = Field(gt=0)


class PaperInstruction(Model):
    """One defect, as the authors write it."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=False)

    type: str = Field(alias="Type", min_length=1, max_length=60)
    loc: PictureBox = Field(alias="Loc")
    algo: Primitive = Field(alias="Algo")
    params: dict[str, bool | float | str] = Field(alias="Params", default_factory=dict)
    view: str | None = Field(None, alias="View", description="Name of the view of the box.")

    @field_validator("params")
    @classmethod
    def _amounts(cls, params: dict[str, bool | float | str]) -> dict[str, bool | float | str]:
        for name, value in params.items():
            if not isinstance(value, bool) and not _is_amount(value):
                raise ValueError(
                    f"{name}: {value!r} is no amount; write a number of at least 0, a range such "
                    "as 0.02~0.05, or one end such as >20"
                )
        return params


class PaperInstructions(Model):
    """A file of them."""

    instructions: tuple[PaperInstruction, ...] = Field(min_length=1, max_length=MAX_INSTRUCTIONS)


@dataclass(frozen=True)
class Way:
    """How a kind of defect is made of parameters.

    Attributes:
        template: bundled one, which gives what no parameter does.
        fields: of the defect, each with the parameters that may tell it; the figure's letter first,
            then the name in the authors' library.
        factors: what a parameter's amount is multiplied by, where that is not 1.
        signed: the field that is negative where the defect stands out of the surface.
    """

    template: str
    fields: dict[str, tuple[str, ...]]
    factors: dict[str, float] = field(default_factory=dict)
    signed: str | None = None


WAYS = {
    "dent": Way(
        "sheet_metal/dents",
        {"radius": ("r", "radius_ratio"), "depth": ("d", "A", "stretch_scale")},
        signed="depth",
    ),
    "scratch": Way(
        "machining/scratches",
        {"width": ("r", "width_ratio"), "depth": ("d", "A", "stretch_scale")},
        {"width": 2.0},  # theirs is the distance from the path at which the scratch ends
        signed="depth",
    ),
    "bend": Way(
        "sheet_metal/bent_end", {"angle": ("θ", "rotate_angle")}, {"angle": math.pi / 180.0}
    ),
    "crack": Way(
        "welding/cracks",
        {"gap": ("g", "gap_width"), "depth": ("d", "depth_ratio"), "length": ("l",)},
    ),
    "freeform": Way(
        "sheet_metal/corrosion",
        {
            "amplitude": ("A", "stretch_scale"),
            "bump_count": ("m",),
            "sigma_ratio": ("σ", "sigma"),
            "size": ("ellipse_a_ratio",),
        },
        signed="amplitude",
    ),
}
_ROUND = {Primitive.LINE: "dent", Primitive.HULL: "freeform"}
_LONG = {Primitive.LINE: "scratch"}
_BENT = {Primitive.PLANE: "bend"}
_BROKEN = {Primitive.PLANE: "crack"}
_FREE = {Primitive.HULL: "freeform"}
# The kind that each primitive makes of a type, and whether it goes into the material or out of it.
TYPES: dict[str, tuple[dict[Primitive, str], float]] = {
    "dent": (_ROUND, 1.0),
    "pit": (_ROUND, 1.0),
    "sphere": (_ROUND, 1.0),
    "bulge": (_ROUND, -1.0),
    "bump": (_ROUND, -1.0),
    "scratch": (_LONG, 1.0),
    "groove": (_LONG, 1.0),
    "ridge": (_LONG, -1.0),
    "bend": (_BENT, 1.0),
    "bent": (_BENT, 1.0),
    "crack": (_BROKEN, 1.0),
    "fracture": (_BROKEN, 1.0),
    "freeform": (_FREE, 1.0),
    "freedom": (_FREE, 1.0),
}


@dataclass(frozen=True)
class Imported:
    """What came of a file.

    Attributes:
        findings: what could not be taken over as it stands, and what the checks found.
        validation: the template, and whether it is valid.
    """

    findings: tuple[Finding, ...]
    validation: Validation


def read_instructions(path: Path) -> tuple[PaperInstruction, ...]:
    """The instructions in a file: a list, or an object whose ``instructions`` are one.

    Raises:
        SchemaError: they do not follow the format; the message quotes each wrong value.
    """
    text = read_text(path)
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SchemaError(f"{path}: not valid JSON: {error}") from error
    if isinstance(document, list):
        document = {"instructions": document}
    if not isinstance(document, dict):
        raise SchemaError(f"{path}: a list of instructions is expected; got {str(document)[:60]!r}")
    try:
        text = json.dumps(document)
        return PaperInstructions.model_validate_json(text, strict=True).instructions
    except ValidationError as error:
        raise SchemaError(f"{path}: {describe(error)}") from None


def import_instructions(
    instructions: Sequence[PaperInstruction],
    target: Target,
    *,
    name: str,
    view: str | None = None,
    picture: float = PICTURE,
    fix: bool = False,
) -> Imported:
    """Make and check a template of instructions; each one is a defect of every recipe.

    Args:
        instructions: in their order.
        target: the part with the views in which the boxes are, and its scans.
        name: of the template.
        view: in which boxes are whose instruction names none; by default the only one that there
            is.
        picture: width and height, in pixels, of the pictures in which the boxes were marked. The
            boxes are brought to the size of the view.
        fix: take the nearest acceptable values.

    Raises:
        InstructionError: no instruction can be made, or it is not known of which view a box is.
    """
    findings: list[Finding] = []
    made: list[DefectTemplate] = []
    for number, one in enumerate(instructions, 1):
        named = f"{one.type} {number}"
        kind, reason = _kind(one)
        if kind is None:
            findings.append(_finding("warning", named, f"{reason}; it is not made.", one.type))
            continue
        location = _location(one, number, target.surface, view, picture)
        making = _Making(one, kind, named, target.surface, location, fix)
        try:
            made.append(making.made())
        except ValidationError as error:
            findings.append(_finding("error", named, f"{describe(error)}.", rule="V01"))
        findings += making.findings
    if not made:
        reasons = " ".join(finding.message for finding in findings)
        raise InstructionError(f"none of the {len(instructions)} instructions is made: {reasons}")
    template = RecipeTemplate(
        name=name, unit=target.surface.part.unit, lengths=Lengths.RATIO, defects=tuple(made)
    )
    validation = validate(template, target, fix=fix)
    if any(finding.severity == "error" and not finding.fixed for finding in findings):
        validation = Validation(validation.findings, None, validation.template)
    return Imported((*findings, *validation.findings), validation)


def _finding(
    severity: Any, where: str, message: str, value: str | None = None, rule: str = RULE
) -> Finding:
    return Finding(rule=rule, severity=severity, where=where, message=message, value=value)


def _kind(one: PaperInstruction) -> tuple[str | None, str]:
    """The kind of our defect; None with the reason why there is none."""
    word = _word(one)
    if word not in TYPES:
        return None, f"the type {one.type!r} is not known; known are {', '.join(TYPES)}"
    kinds, _ = TYPES[word]
    if one.algo not in kinds:
        fitting = " or ".join(kinds)
        return None, f"the type {one.type!r} is not made by {one.algo}, but by {fitting}"
    return kinds[one.algo], ""


def _word(one: PaperInstruction) -> str:
    """The type as the table has it: "Freeform Defect" is ``freeform``."""
    return re.sub(r"[\s_-]|defect|anomaly", "", one.type.casefold())


def _location(
    one: PaperInstruction, number: int, surface: Surface, view: str | None, picture: float
) -> ViewBoxLocation:
    cameras = () if surface.views is None else surface.views.cameras
    named = one.view or view or (cameras[0].name if len(cameras) == 1 else None)
    if named is None:
        raise InstructionError(
            f"instruction {number} does not say in which of the {len(cameras)} views its box is; "
            'add "View" to it, or name one view for all (--view)'
        )
    x = y = 1.0
    camera = next((camera for camera in cameras if camera.name == named), None)
    if camera is not None:
        x, y = camera.width / picture, camera.height / picture
    box = one.loc
    edges = (x * box.x, y * box.y, x * (box.x + box.w), y * (box.y + box.h))
    return ViewBoxLocation(view=named, box=edges)


@dataclass
class _Making:
    """One defect while it is made."""

    one: PaperInstruction
    kind: str
    named: str
    surface: Surface
    location: ViewBoxLocation
    fix: bool
    findings: list[Finding] = field(default_factory=list)

    def made(self) -> DefectTemplate:
        """The defect; what it cannot say is added to ``findings``."""
        way = WAYS[self.kind]
        bundled = load_template(way.template)
        base = next(defect for defect in bundled.defects if defect.kind == self.kind)
        told = {
            name: next((one for one in known if one in self.one.params), None)
            for name, known in way.fields.items()
        }
        size = self._size() if self.kind == "freeform" and told["size"] is None else None
        fields: dict[str, Any] = {} if size is None else {"size": size}
        for name, parameter in told.items():
            if parameter is not None:
                low, high = self._ends(parameter)
                factor = way.factors.get(name, 1.0)
                fields[name] = with_ends(1.0, (factor * low, factor * high))
            elif name not in fields:
                self._note(f"it does not tell {name}, which is that of {way.template}.")
        if "sigma_ratio" in fields:
            extent = fields.get("size", getattr(base, "size", 1.0))
            fields["sigma_ratio"] = _over(fields["sigma_ratio"], extent)
        if way.signed is not None:
            fields[way.signed] = self._signed(fields.get(way.signed, getattr(base, way.signed)))
        used = {parameter for parameter in told.values() if parameter} | {"convex"}
        for parameter in [one for one in self.one.params if one not in used]:
            self._note(f"the parameter {parameter} has no meaning for a {self.kind} here.")
        fields |= {"name": self.named[:63], "label": "auto", "location": self.location}
        return type(base).model_validate(base.model_dump() | {"repeat": None} | fields)

    def _note(self, message: str) -> None:
        self.findings.append(_finding("note", self.named, message))

    def _ends(self, parameter: str) -> tuple[float, float]:
        """Both ends of a parameter, in order."""
        given = self.one.params[parameter]
        low, high = _amount(given)
        if low is None or high is None:
            low, high = (high or 0.0) / OPEN_RANGE if low is None else low, high or 0.0
            high = high or OPEN_RANGE * low
            self._note(f"of {parameter}, one end is told ({given}); {low:g} to {high:g} is taken.")
        if low > high:
            found = _finding(
                "error",
                self.named,
                f"the range of {parameter} from {low:g} to {high:g} ends below its start.",
                f"{low:g} to {high:g}",
                "V02",
            )
            update = {"acceptable": f"{high:g} to {low:g}", "fixed": self.fix}
            self.findings.append(found.model_copy(update=update))
            low, high = high, low
        return low, high

    def _signed(self, value: Any) -> Any:
        """A depth that goes into the material, or out of it where the instruction says so."""
        sign = TYPES[_word(self.one)][1]
        if isinstance(self.one.params.get("convex"), bool):
            sign = -1.0 if self.one.params["convex"] else 1.0
        ends = (value.min, value.max) if isinstance(value, Range) else (value, value)
        low, high = sorted(abs(end) for end in ends)
        return with_ends(sign, (low, high))

    def _size(self) -> float | None:
        """Half the extent of what the box shows, as a ratio of the diagonal; None if nothing."""
        views = self.surface.views
        try:
            seen = see_box(self.location, self.surface.seen, views, self.surface.cloud.spacing)
        except SamplingError:
            return None  # the checks tell it
        corner, across, along = seen.hull[0], seen.hull[2], seen.hull[4]
        extent = max(math.dist(corner, across), math.dist(corner, along))
        return extent / 2.0 / self.surface.part.diagonal


def _over(amount: Any, size: Any) -> Any:
    """A length as a ratio of another; of a drawn one, of its middle."""
    middle = (size.min + size.max) / 2.0 if isinstance(size, Range) else float(size)
    if isinstance(amount, Range):
        return with_ends(1.0, (amount.min / middle, amount.max / middle))
    return amount / middle


def _is_amount(value: float | str) -> bool:
    try:
        _amount(value)
    except ValueError:
        return False
    return True


def _amount(value: float | str | bool) -> tuple[float | None, float | None]:
    """Least and largest of an amount; None for an end that is not told.

    >>> _amount("0.02~0.05"), _amount(">20"), _amount(0.08)
    ((0.02, 0.05), (20.0, None), (0.08, 0.08))
    """
    if not isinstance(value, str):
        if not value >= 0:
            raise ValueError(value)
        return float(value), float(value)
    text = value.strip()
    if found := _RANGE.fullmatch(text):
        return _finite(found[1]), _finite(found[2])
    if found := _ONE.fullmatch(text):
        number = _finite(found[2])
        return (None if found[1] in ("<", "≤") else number), (
            None if found[1] in (">", "≥") else number
        )
    raise ValueError(value)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
