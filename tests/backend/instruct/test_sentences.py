"""The reader reads sentences of complaints, clauses of specifications, notes and logs.

Each row of ``sentences.csv`` holds a process (``any`` where the reader has to find it out, and
``none`` for text that names no defect), a sentence, and what is to be read. Expected items are
separated by ``;``: keys of which one is right, states, places (``-`` for none) and sizes, with
alternatives after a comma and an open end left out.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from backend.instruct.documents import Block, Document
from backend.instruct.reader import read_defects
from shared_schema.instruction import InstructedDefect

with (Path(__file__).parent / "sentences.csv").open(encoding="utf-8", newline="") as file:
    ROWS = [tuple(row.values()) for row in csv.DictReader(file)]


def _fits(item: InstructedDefect, expected: str) -> bool:
    """Whether an item is what a cell of the table expects."""
    words = expected.split()
    keys = [one for one in words if "/" in one]
    states, places, *sizes = [one for one in words if "/" not in one]
    named = {name.value: size for name, size in item.sizes.items()}
    return (
        item.defect in keys
        and item.polarity.value in states.split(",")
        and (item.place or "-") in places.split(",")
        and all(_has(named, size) for size in sizes)
    )


def _has(named: dict[str, tuple[float | None, float | None]], size: str) -> bool:
    name, _, span = size.partition("=")
    ends = [float(end) if end else None for end in span.split("..")]
    return name in named and list(named[name]) == pytest.approx(ends)


@pytest.mark.parametrize(("process", "text", "expected"), ROWS)
def test_a_sentence_is_read_as_people_read_it(process: str, text: str, expected: str) -> None:
    document = Document("text.txt", (Block(text),))
    known = None if process in ("any", "none") else process
    items = read_defects([document], process=known).items
    for one in filter(str.strip, expected.split(";")):
        assert any(_fits(item, one) for item in items), one
    if process == "none":
        assert items == ()
