"""The words of ``words.csv`` that are neither defects nor places: of sizes, judgements, counts."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "words.csv"


@cache
def words(group: str) -> dict[str, tuple[str, ...]]:
    """The words of a group by what they stand for, in the spelling of ``backend.instruct.normal``.

    >>> "tiefer als" in words("limit")["above"]
    True
    """
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["group"] == group]
    return {
        row["key"]: tuple(one for one in map(str.strip, row["words"].split(";")) if one)
        for row in rows
    }
