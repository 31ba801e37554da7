"""Loads the tables of the knowledge base and refuses rows that contradict one another."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from backend.errors import FlawsmithError
from shared_schema.instruction import SizeName

FOLDER = Path(__file__).parent
# The process of rows that belong to no process in particular.
ANY = "any"

Terms = dict[str, tuple[str, ...]]
LANGUAGES = ("en", "de", "zh")


class Shape(StrEnum):
    """Whether a defect has a shape that can be made."""

    YES = "yes"
    FINE = "fine"
    OPEN = "open"
    NONE = "none"


@dataclass(frozen=True)
class Defect:
    """A row of ``defects.csv``.

    Attributes:
        key: ``PROCESS/NAME``.
        terms: by language ``en``, ``de`` and ``zh``, the usual one first. A term that ends in ``!``
            is so common a word that it counts only in texts about the process.
        references: its numbers in ISO 6520-1.
        kind: of the recipe's defect; None if it has no shape.
        direction: ``"in"``, ``"out"`` or ``"both"``; None without a shape.
        shape: whether it has one.
        reason: why it has none, or when it has one.
        leading: the dimension that a bare size means.
        sizes: typical ones, in mm and degrees.
        sizes_from: ``"estimate"``, or the standard that they are from.
        places: keys of the places where it is typical.
        template: name of the bundled template that gives its shape; None without one.
        checked: how far the terms of the first list were checked, as the one who looked wrote it.
            Terms that were added later have been seen by no native speaker.
    """

    key: str
    terms: Terms
    references: tuple[str, ...]
    kind: str | None
    direction: str | None
    shape: Shape
    reason: str
    leading: SizeName | None
    sizes: dict[SizeName, tuple[float, float]]
    sizes_from: str
    places: tuple[str, ...]
    template: str | None
    checked: str

    @property
    def process(self) -> str:
        """The part of the key before the stroke."""
        return self.key.partition("/")[0]

    @property
    def title(self) -> str:
        """Its usual English name.

        >>> defects()["casting/cold_shut"].title
        'cold shut'
        """
        return self.terms["en"][0].rstrip("!")


@dataclass(frozen=True)
class Place:
    """A row of ``places.csv``: a place on a part, by the words for it."""

    key: str
    title: str
    terms: Terms


@dataclass(frozen=True)
class Process:
    """A row of ``processes.csv``: a process, by the words that tell that a text is about it."""

    key: str
    title: str
    terms: Terms


@dataclass(frozen=True)
class Material:
    """A row of ``materials.csv``.

    Attributes:
        key: its name in the knowledge base.
        title: its name for people.
        process: that it tells, or None.
        terms: the words for it.
        designations: regular expressions of its designations in standards.
    """

    key: str
    title: str
    process: str | None
    terms: Terms
    designations: tuple[str, ...]


@dataclass(frozen=True)
class Limit:
    """What a level of a standard permits of a defect: a row of ``standards.csv``.

    Attributes:
        standard: its number.
        level: in it.
        defect: key of the defect.
        clause: where the standard says so.
        size: the dimension that is limited.
        of_thickness: the limit as a multiple of the material's thickness.
        most: the limit in mm that holds whatever the thickness is.
        checked: ``"seen"`` or ``"from memory"``.
    """

    standard: str
    level: str
    defect: str
    clause: str
    size: SizeName
    of_thickness: float
    most: float
    checked: str


@dataclass(frozen=True)
class Event:
    """A row of ``events.csv``: a defect that is told as an event, "the layers came apart".

    Attributes:
        key: of the defect.
        what: words for what it happens to; a star stands for any ending.
        happens: words for what happens.
    """

    key: str
    what: tuple[str, ...]
    happens: tuple[str, ...]


@dataclass(frozen=True)
class PlacePhrase:
    """A row of ``place_phrases.csv``: a place that several words name, "edge of the hole".

    Attributes:
        key: of the place.
        part: words for the part: "edge".
        whole: words for what it is a part of: "hole".
    """

    key: str
    part: tuple[str, ...]
    whole: tuple[str, ...]


@cache
def place_phrases() -> tuple[PlacePhrase, ...]:
    """All phrases; each names a row of ``places.csv``."""
    found = tuple(
        PlacePhrase(row["key"], _list(row["part"]), _list(row["whole"]))
        for row in _rows("place_phrases")
    )
    unknown = sorted({one.key for one in found} - places().keys())
    if unknown:
        raise FlawsmithError(f"place_phrases.csv names {', '.join(unknown)}, no place")
    return found


@cache
def events() -> tuple[Event, ...]:
    """All events; each names a row of ``defects.csv``."""
    found = tuple(
        Event(row["key"], _list(row["what"]), _list(row["happens"])) for row in _rows("events")
    )
    unknown = sorted({one.key for one in found} - defects().keys())
    if unknown:
        raise FlawsmithError(f"events.csv names {', '.join(unknown)}, which defects.csv does not")
    return found


@cache
def defects() -> dict[str, Defect]:
    """All defects by key, in the order of the table."""
    return {row.key: row for row in map(_defect, _rows("defects"))}


@cache
def places() -> dict[str, Place]:
    """All places by key."""
    return {row["key"]: Place(row["key"], row["title"], _terms(row)) for row in _rows("places")}


@cache
def processes() -> dict[str, Process]:
    """All processes by key; ``ANY`` is none of them."""
    return {
        row["key"]: Process(row["key"], row["title"], _terms(row)) for row in _rows("processes")
    }


@cache
def materials() -> dict[str, Material]:
    """All materials by key."""
    return {
        row["key"]: Material(
            row["key"],
            row["title"],
            row["process"] or None,
            _terms(row),
            _list(row["designations"]),
        )
        for row in _rows("materials")
    }


@cache
def limits() -> tuple[Limit, ...]:
    """What standards permit."""
    return tuple(
        Limit(
            row["standard"],
            row["level"],
            row["defect"],
            row["clause"],
            SizeName(row["size"]),
            float(row["of_thickness"]),
            float(row["most"]),
            row["checked"],
        )
        for row in _rows("standards")
    )


def _rows(table: str) -> list[dict[str, str]]:
    """The rows of a table; keys that stand twice are refused."""
    text = (FOLDER / f"{table}.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    keys = [row["key"] for row in rows if "key" in row]
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    if doubled:
        raise FlawsmithError(f"{table}.csv holds {', '.join(doubled)} more than once")
    return rows


def _list(cell: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in cell.split(";") if one.strip())


def _terms(row: dict[str, str]) -> Terms:
    return {language: _list(row[language]) for language in LANGUAGES}


def _sizes(cell: str) -> dict[SizeName, tuple[float, float]]:
    """``depth 0.1..2; length 5..20`` as intervals."""
    sizes = {}
    for one in _list(cell):
        name, _, span = one.partition(" ")
        low, _, high = span.partition("..")
        sizes[SizeName(name)] = float(low), float(high)
    return sizes


def _defect(row: dict[str, str]) -> Defect:
    return Defect(
        key=row["key"],
        terms=_terms(row),
        references=_list(row["references"]),
        kind=row["kind"] or None,
        direction=row["direction"] or None,
        shape=Shape(row["shape"]),
        reason=row["reason"],
        leading=SizeName(row["leading"]) if row["leading"] else None,
        sizes=_sizes(row["sizes"]),
        sizes_from=row["sizes_from"],
        places=_list(row["places"]),
        template=row["template"] or None,
        checked=row["checked"],
    )
