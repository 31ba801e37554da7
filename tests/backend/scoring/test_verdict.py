"""What is said of an object, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.scoring.calibration import Limit
from backend.scoring.recognition import Recognition
from backend.scoring.verdict import Findings, Rule, judge
from shared_schema.api import Certainty, Verdict

RULE = Rule(Limit(3.0, 0.05, 19, 19), Limit(6.0, 0.05, 19, 19))
SURE = Recognition("egg", False, 0.03, density=1.0)
CALM = Findings(1.0, 2.0, 0.5, "mm")


def test_calm_scans_pass_without_a_word() -> None:
    found = judge(CALM, RULE, SURE)
    assert found.verdict is Verdict.PASS and found.reasons == ()


def test_a_score_above_the_limit_is_rejected() -> None:
    found = judge(replace(CALM, score=3.1), RULE, SURE)
    assert found.verdict is Verdict.REJECT
    assert found.reasons == ("The object score 3.1 is above 3",)
    assert judge(replace(CALM, score=3.0), RULE, SURE).verdict is Verdict.PASS


def test_a_long_region_asks_for_a_review() -> None:
    found = judge(replace(CALM, extent=7.0), RULE, SURE)
    assert found.verdict is Verdict.REVIEW
    assert found.reasons == (
        "An anomalous region is 3.5 mm long, and those of nominal scans are seldom longer than "
        "3 mm",
    )


def test_doubts_ask_for_a_review_but_do_not_stop_a_rejection() -> None:
    doubtful = replace(CALM, doubts=("only half of the part was seen",))
    found = judge(doubtful, RULE, SURE)
    assert found.verdict is Verdict.REVIEW
    assert found.reasons == ("Only half of the part was seen",)
    assert judge(replace(doubtful, score=4.0), RULE, SURE).verdict is Verdict.REJECT


def test_a_sparse_scan_is_reviewed_instead_of_rejected() -> None:
    sparse = replace(SURE, density=0.5)
    assert judge(replace(CALM, score=9.0), RULE, sparse).verdict is Verdict.REVIEW
    assert judge(CALM, RULE, sparse).verdict is Verdict.PASS


def test_without_a_limit_there_is_no_verdict_but_a_reason() -> None:
    open_rule = replace(RULE, reject=Limit(None, 0.05, 3, 3))
    found = judge(replace(CALM, score=99.0), open_rule, SURE)
    assert found.verdict is None and "3 held-out nominal scans are too few" in found.reasons[0]
    assert judge(CALM, replace(RULE, review=Limit(None, 0.05, 3, 3)), SURE).verdict is Verdict.PASS


@pytest.mark.parametrize("certainty", [Certainty.DOUBTFUL, Certainty.UNKNOWN])
@pytest.mark.parametrize("score", [0.0, 99.0])
def test_what_is_not_surely_the_part_is_neither_good_nor_bad(
    certainty: Certainty, score: float
) -> None:
    other = replace(SURE, certainty=certainty, reason="It may be a ball")
    found = judge(replace(CALM, score=score), RULE, other)
    assert found.verdict == certainty.value and found.reasons == ("It may be a ball",)


def test_a_rule_is_read_as_it_was_written() -> None:
    assert Rule.from_record(RULE.to_record()) == RULE
