"""Some hundred files in drawn dialects, whole and damaged; thousands are in the benchmark."""

from __future__ import annotations

import pytest

from tests.backend.io import hostile
from tests.backend.io.dialects import KINDS, PLAIN_KINDS, damaged_dialect, dialect_file, verdict

FILES = 12
SEED = 11


@pytest.mark.parametrize("kind", KINDS)
def test_every_dialect_is_read_with_all_its_points(kind: str) -> None:
    first = list(KINDS).index(kind)
    for index in range(first, FILES * len(KINDS), len(KINDS)):
        assert verdict(dialect_file(index, SEED)) == "accepted", f"file {index}"


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_damaged_dialects_are_refused_or_read_as_a_plain_reader_does(kind: str) -> None:
    first = PLAIN_KINDS.index(kind)
    for index in range(first, FILES * len(PLAIN_KINDS), len(PLAIN_KINDS)):
        found = hostile.verdict(damaged_dialect(index, SEED))
        assert found in ("refused", "accepted"), f"file {index}: {found}"
