"""The tables of the knowledge base fit together, and fit the bundled templates."""

from __future__ import annotations

import pytest

from backend.cli.instruct import PROCESS_NAMES
from backend.instruct.knowledge import (
    ANY,
    Defect,
    Shape,
    defects,
    limits,
    materials,
    places,
    processes,
)
from backend.templates import load_template
from shared_schema.defects import SPECS

ROWS = tuple(defects().values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_each_row_can_be_made_or_says_why_not(row: Defect) -> None:
    assert row.process in (ANY, *processes())
    assert all(row.terms.values()), "a language has no term"
    if row.shape is Shape.NONE:
        assert row.kind is None and row.template is None and row.reason
        return
    assert row.kind in SPECS and row.template is not None
    assert row.kind in {defect.kind for defect in load_template(row.template).defects}
    assert row.direction in ("in", "out", "both")
    assert row.leading is not None
    assert set(row.places) <= set(places()) and row.places


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_typical_sizes_are_ordered_and_have_a_source(row: Defect) -> None:
    assert all(0 < low <= high for low, high in row.sizes.values())
    assert bool(row.sizes_from) >= bool(row.sizes)


def test_the_other_tables_name_rows_that_exist() -> None:
    assert {limit.defect for limit in limits()} <= set(defects())
    assert {one.process for one in materials().values()} <= {None, *processes()}
    assert {ANY, *processes()} == set(PROCESS_NAMES)


def test_a_term_of_one_process_stands_for_one_kind() -> None:
    kinds: dict[tuple[str, str], set[str | None]] = {}
    for row in ROWS:
        for terms in row.terms.values():
            for term in terms:
                kinds.setdefault((row.process, term.rstrip("!")), set()).add(row.kind)
    double = {key for key, found in kinds.items() if len(found) > 1}
    assert not double
