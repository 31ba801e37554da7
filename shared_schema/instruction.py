"""What is known of a part's defects, before it is compiled to a template.

A reader or a model turns documents into items, each with the passage that says so. Items are flat:
they name a defect of the knowledge base, a place by its word and the sizes that a document states.
They hold no coordinates and no shape parameters; the template of the defect gives those. The file
``NAME.instruct.json`` beside an instructed template is an :class:`InstructReport`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from shared_schema.base import Model
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.recipe import Unit

# An open end is null: "up to 0.2 mm" is (null, 0.2).
Interval = tuple[float | None, float | None]


class Polarity(StrEnum):
    """What a document says of a defect."""

    OCCURS = "occurs"
    REJECTED = "rejected"
    PERMITTED = "permitted"
    ABSENT = "absent"


class Basis(StrEnum):
    """Where a size comes from: stated, above a stated limit, of a standard, or typical."""

    STATED = "stated"
    LIMIT = "limit"
    STANDARD = "standard"
    TYPICAL = "typical"


class SizeName(StrEnum):
    """The dimensions that a document states of a defect."""

    LENGTH = "length"
    WIDTH = "width"
    DEPTH = "depth"
    DIAMETER = "diameter"
    HEIGHT = "height"
    ANGLE = "angle_deg"
    SPACING = "spacing"


class Evidence(Model):
    """The passage that an item rests on."""

    source: str = Field(description="Name of the document or picture, without folders.")
    block: int = Field(ge=0, description="Number of the block in it, from 0.")
    quote: str = Field(description="The passage, as it stands in the block.")


class InstructedDefect(Model):
    """One defect that documents name."""

    defect: str = Field(description="Key of the row of the knowledge base, such as casting/pores.")
    kind: str | None = Field(description="Kind of the recipe's defect; null if it has no shape.")
    polarity: Polarity
    used: bool = Field(description="Whether the template makes it.")
    place: str | None = Field(None, description="Key of the place; null if none is named.")
    more_places: tuple[str, ...] = Field((), description="Keys of places named together with it.")
    sizes: dict[SizeName, Interval] = Field(default_factory=dict)
    unit: Unit = Field(Unit.MM, description="Of all sizes but angles, which are in degrees.")
    count: tuple[int, int] | None = Field(None, description="Fewest and most; null: not said.")
    basis: Basis
    evidence: Evidence | None = Field(None, description="Null for what no document says.")
    reason: str = Field("", description="Why it is used, or why it is not.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, (low, high) in self.sizes.items():
            if low is not None and high is not None and low > high:
                raise ValueError(f"the {name.value} from {low} to {high} ends below its start")
        if self.count is not None and self.count[0] > self.count[1]:
            raise ValueError(f"the count from {self.count[0]} to {self.count[1]} is empty")
        return self


class Finding(Model):
    """One thing that a check found.

    >>> surface = fs.surface_of(scans[0], "plate", fs.Unit.MM)  # the scans of ``train``'s example
    >>> text = "Steel sheet. Dents of 3000 mm in diameter occur."
    >>> finding = fs.instruct(text, surface, progress=None).report.findings[0]
    >>> finding.rule, finding.severity
    ('V70', 'error')
    """

    rule: str = Field(pattern="^V[0-9]{2}$", description="The rule, such as V30.")
    severity: Literal["error", "warning", "note"]
    where: str = Field(description="What it concerns, such as the name of a defect.")
    message: str = Field(description="A sentence that says what is wrong and what to do.")
    value: float | str | None = Field(None, description="The offending value.")
    acceptable: float | str | None = Field(None, description="The nearest acceptable value.")
    fixed: bool = Field(False, description="Whether the acceptable value was taken.")


class ModelUse(Model):
    """The language model that was asked, and what it took."""

    name: str
    endpoint: str
    requests: int = Field(ge=0)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    price: float | None = Field(None, description="In US dollars; null if it is not known.")
    seconds: float = Field(ge=0)


class PlaceKind(StrEnum):
    """How an instruction says where a defect is."""

    ANYWHERE = "anywhere"
    FEATURE = "feature"
    MARKS = "marks"
    BOX = "box"


# Sizes beyond these are mistakes in any unit, and would not survive a change of unit.
SMALLEST_SIZE, LARGEST_SIZE = 1e-9, 1e9


class Span(Model):
    """From ``low`` to ``high``; an open end is null, and zero as the low end is an open end."""

    low: float | None = Field(None, ge=0)
    high: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.high == 0:
            raise ValueError("high is 0, which is no size; write null where it is not known")
        for end in (self.low, self.high):
            if end and not SMALLEST_SIZE <= end <= LARGEST_SIZE:
                raise ValueError(f"sizes are from {SMALLEST_SIZE:g} to {LARGEST_SIZE:g}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self


class Count(Model):
    """How many there are: at least ``low``, at most ``high``."""

    low: int = Field(ge=1, le=1000)
    high: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Instruction(Model):
    """One defect, as a language model is asked to state it.

    It is flat and without a choice of shapes, so that small models can fill it in. A model that
    is asked gets its own form of it, in which ``defect`` and ``feature`` are the keys that there
    are; see ``backend.instruct.models.form``.
    """

    defect: str = Field(description="Key of the defect.")
    polarity: Polarity = Field(
        description="occurs: it happens; rejected: it is not allowed, or not above a limit; "
        "permitted: it is allowed up to a limit; absent: none was found."
    )
    place: PlaceKind = Field(description="Which of the following fields say where it is.")
    feature: str | None = Field(None, description="For place feature: key of the place.")
    view: str | None = Field(None, description="For place box: name of the view.")
    marks: tuple[int, ...] = Field(
        (), max_length=12, description="For place marks: the numbers that the views show there."
    )
    left: float | None = Field(None, description="For place box, as the other three edges.")
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    unit: Unit = Field(Unit.MM, description="Of all sizes but the angle.")
    length: Span | None = None
    width: Span | None = None
    depth: Span | None = None
    diameter: Span | None = None
    height: Span | None = None
    angle_deg: Span | None = None
    spacing: Span | None = None
    count: Count | None = Field(None, description="How many, if the text says it.")
    basis: Basis = Field(description="Where the sizes come from.")
    evidence_block: int | None = Field(
        None, ge=0, description="Number of the block that says so; null if it is seen in a picture."
    )
    quote: str = Field("", max_length=300, description="The words of that block, letter by letter.")
    reason: str = Field("", max_length=200, description="One short sentence.")

    @property
    def sizes(self) -> dict[SizeName, Interval]:
        """The stated sizes, in ``unit``; each has one end at least."""
        spans = {name: getattr(self, name.value) for name in SizeName}
        ends = {name: (span.low or None, span.high) for name, span in spans.items() if span}
        return {name: both for name, both in ends.items() if both != (None, None)}

    @model_validator(mode="after")
    def _placed(self) -> Self:
        edges = (self.left, self.top, self.right, self.bottom)
        if self.place is PlaceKind.FEATURE and self.feature is None:
            raise ValueError("place is feature, so feature must name one")
        if self.place is PlaceKind.MARKS and not self.marks:
            raise ValueError("place is marks, so marks must hold at least one number")
        if self.place is PlaceKind.BOX and (self.view is None or None in edges):
            raise ValueError("place is box, so view, left, top, right and bottom must be given")
        return self

    @model_validator(mode="after")
    def _within_a_turn(self) -> Self:
        angle = self.angle_deg
        if angle is not None and max(angle.low or 0.0, angle.high or 0.0) > 360.0:
            raise ValueError("angle_deg is in degrees, 360 at most")
        return self


# More than this many in one answer are refused: long lists fail more often.
MAX_INSTRUCTIONS = 20


class Instructions(Model):
    """What a language model answers."""

    instructions: tuple[Instruction, ...] = Field(max_length=MAX_INSTRUCTIONS)


class InstructReport(Model):
    """How an instructed template came to be."""

    schema_version: Literal[1] = SCHEMA_VERSION
    items: tuple[InstructedDefect, ...]
    findings: tuple[Finding, ...] = ()
    model: ModelUse | None = Field(None, description="Null where the embedded reader worked alone.")
    versions: dict[str, str]
