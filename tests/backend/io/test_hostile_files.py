"""Some hundred damaged files of every format and encoding; ten thousand are in the benchmark."""

from __future__ import annotations

from collections import Counter

import pytest

from backend.io import READERS
from tests.backend.io.hostile import HostileFile, hostile_file, originals, verdict

FILES = 50
SEED = 7


def test_every_format_has_files() -> None:
    assert {suffix for suffix, _ in originals().values()} == READERS.keys()


@pytest.mark.parametrize("kind", originals())
def test_undamaged_files_are_accepted(kind: str) -> None:
    suffix, data = originals()[kind]
    assert verdict(HostileFile(kind, suffix, data)) == "accepted"


@pytest.mark.parametrize("kind", originals())
def test_damaged_files_are_refused_or_read_as_they_state(kind: str) -> None:
    first = list(originals()).index(kind)
    found: Counter[str] = Counter()
    for index in range(first, FILES * len(originals()), len(originals())):
        outcome = verdict(hostile_file(index, SEED))
        assert outcome in ("refused", "contained", "accepted"), f"file {index}: {outcome}"
        found[outcome] += 1
    # Neither is everything refused, nor is everything let through.
    assert found["refused"] > 0 and found["accepted"] > 0
