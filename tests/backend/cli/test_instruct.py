"""``flawsmith instruct --show-terms``."""

from __future__ import annotations

from backend.instruct.knowledge import defects
from tests.backend.cli.conftest import Run


def test_the_defects_of_a_process_are_shown_with_their_terms(run: Run) -> None:
    shown = run("instruct", "--show-terms", "coating").stdout.replace("\n", "")
    rows = [row for row in defects().values() if row.process == "coating"]
    assert len(rows) > 5
    for row in rows:
        assert row.key.partition("/")[2][:6] in shown
    assert "橘皮" in shown
