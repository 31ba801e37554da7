"""The examples in docs/examples run as the documents say, from another folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT

EXAMPLES = {
    "replay_on_arrays": r"(dents-7-\d+: .*; \d+ of \d+ points are anomalous, .*\n){3}",
    "instruct_from_a_text": (
        r"any/dents: occurs, made\nany/cracks: rejected, made\n.*: absent, not made\n"
        r"(V\d\d .*\n)+(cover-0-\d+: .*; [1-9]\d* of \d+ points anomalous\n){3}"
    ),
    "from_ten_scans_to_a_detector": r"(?s)Compared pointwise\..*good: .*damaged: .*in the defect.*",
    "evaluate_on_a_benchmark": r"(?s).*all +O-AUROC [01]\.\d+  P-AUROC [01]\.\d+\n",
}


def run(name: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-P", str(ROOT / "docs" / "examples" / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run() -> None:
    assert {path.stem for path in (ROOT / "docs" / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    assert re.fullmatch(EXAMPLES[name], run(name, tmp_path))
