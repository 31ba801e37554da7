"""Reader and model together: what they agree on is kept, disagreement and lack of proof told."""

from __future__ import annotations

from typing import Any

import pytest

from backend.instruct.documents import Block, Document
from backend.instruct.evidence import missing_evidence
from backend.instruct.merge import Merged, item_of, merge
from backend.instruct.reader import read_defects
from shared_schema.instruction import (
    Basis,
    Evidence,
    Instruction,
    PlaceKind,
    Polarity,
    SizeName,
)

TEXT = "Blowholes of 2 to 4 mm in diameter occur on the top flange."
OTHER = "Cold shuts are some 20 mm long."
DOCUMENT = Document("spec.txt", (Block(TEXT), Block(OTHER)))


def instruction(defect: str = "casting/blowholes", **fields: Any) -> Instruction:
    given: dict[str, Any] = {
        "polarity": Polarity.OCCURS,
        "place": PlaceKind.ANYWHERE,
        "basis": Basis.STATED,
        "evidence_block": 0,
        "quote": TEXT,
    }
    return Instruction.model_validate({"defect": defect, **given, **fields})


def passage(one: Instruction) -> Evidence | None:
    if one.evidence_block is None:
        return None
    return Evidence(source="spec.txt", block=one.evidence_block, quote=one.quote)


def merged(*instructions: Instruction, strict: bool = False, text: int = 1) -> Merged:
    documents = [Document("spec.txt", DOCUMENT.blocks[:text])]
    read = read_defects(documents, process="casting").items
    return merge(read, instructions, passage, [DOCUMENT], strict=strict)


def test_what_both_found_is_one_item_with_the_readers_sizes() -> None:
    result = merged(instruction(diameter={"low": 2.0, "high": 4.0}, count={"low": 2, "high": 5}))
    assert result.findings == ()
    (placed,) = result.items
    assert placed.item.sizes == {SizeName.DIAMETER: (2.0, 4.0)}
    assert placed.item.count == (2, 5)


def test_sizes_more_than_three_times_apart_are_told_with_both_passages() -> None:
    result = merged(instruction(diameter={"low": 20.0, "high": 40.0}))
    (finding,) = result.findings
    assert (finding.rule, finding.value, finding.acceptable) == ("V63", 30.0, 3.0)
    assert TEXT in finding.message
    assert result.items[0].item.sizes == {SizeName.DIAMETER: (2.0, 4.0)}


def test_a_passage_that_the_reader_calls_something_else_is_told() -> None:
    result = merged(instruction("casting/cold_shut"))
    assert [one.rule for one in result.findings] == ["V63", "V60"]


def test_what_only_the_model_found_is_kept_where_a_passage_proves_it() -> None:
    found = instruction(
        "casting/cold_shut", evidence_block=1, quote=OTHER, length={"low": 20.0, "high": 20.0}
    )
    result = merged(found)
    assert result.findings == ()
    assert result.items[1].item.sizes == {SizeName.LENGTH: (20.0, 20.0)}


@pytest.mark.parametrize("strict", [False, True])
def test_without_proof_it_is_typical_or_left_out(strict: bool) -> None:
    found = instruction("casting/cold_shut", evidence_block=None, quote="", depth={"low": 1.0})
    result = merged(found, strict=strict)
    assert [one.rule for one in result.findings] == ["V60"]
    assert len(result.items) == (1 if strict else 2)
    if not strict:
        assert (result.items[1].item.basis, result.items[1].item.sizes) == (Basis.TYPICAL, {})


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        ("Blo", "too short"),
        ("Blowholes of 3 to 5 mm", "does not stand in block 0"),
        ("on the top flange", "does not name this defect"),
    ],
)
def test_a_passage_proves_only_what_it_says(quote: str, reason: str) -> None:
    item = item_of(instruction(), Evidence(source="spec.txt", block=0, quote=quote))
    finding = missing_evidence(item, [DOCUMENT])
    assert finding is not None and reason in finding.message


def test_spaces_and_hyphens_at_line_ends_do_not_matter() -> None:
    document = Document("spec.txt", (Block("Blow-\nholes  occur here"),))
    item = item_of(instruction(), Evidence(source="spec.txt", block=0, quote="Blowholes occur"))
    assert missing_evidence(item, [document]) is None


def test_inches_of_a_model_become_millimetres_and_shapeless_defects_are_not_used() -> None:
    item = item_of(instruction(unit="inch", depth={"low": 1.0}), None)
    assert item.sizes == {SizeName.DEPTH: (25.4, None)}
    colour = item_of(instruction("any/discoloration"), None)
    assert not colour.used and colour.reason
