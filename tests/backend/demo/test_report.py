"""The demo says how many scans were rejected, rightly and wrongly."""

from __future__ import annotations

from typing import Any

from backend.demo.report import decision_line


def judged(kind: str, *verdicts: str | None) -> list[dict[str, Any]]:
    """Records of scans of one kind, as ``flawsmith evaluate`` writes them."""
    return [{"kind": kind, "verdict": one} for one in verdicts]


def test_verdicts_are_counted() -> None:
    scans = judged("dent", "reject", "review", "pass", "reject", "doubtful")
    scans += judged("nominal", "reject", "pass")
    assert decision_line(scans) == (
        "of 5 anomalous scans 2 are rejected, 1 goes to review, 1 is doubtful, 1 passes; "
        "of 2 nominal ones 1 is rejected, 1 passes"
    )


def test_without_a_limit_there_is_no_verdict() -> None:
    assert "too few nominal scans" in decision_line(judged("dent", None) + judged("nominal", None))
