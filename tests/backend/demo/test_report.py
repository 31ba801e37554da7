"""The demo says how many scans were called anomalous, rightly and wrongly."""

from __future__ import annotations

from typing import Any

from backend.demo.report import decision_line


def called(kind: str, *decisions: bool | None) -> list[dict[str, Any]]:
    """Records of scans of one kind, as ``flawsmith evaluate`` writes them."""
    return [{"kind": kind, "anomalous": one} for one in decisions]


def test_decisions_are_counted_and_a_scan_in_doubt_is_not_called_anomalous() -> None:
    scans = called("dent", True, None, False) + called("nominal", True, False)
    assert decision_line(scans) == (
        "1 of 3 anomalous scans are found and 1 of 2 nominal ones wrongly called anomalous"
    )


def test_without_a_threshold_there_is_no_decision() -> None:
    assert "too few nominal scans" in decision_line(called("dent", None) + called("nominal", None))
