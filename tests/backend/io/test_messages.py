"""Whatever a reader stumbles over, it says so in one line of its own words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from backend.errors import FileFormatError
from backend.io import READERS, parse_cloud
from tests.backend.io.hostile import hostile_file, originals

FILES = 40
# What libraries say, and how: addresses, their names, their classes, their advice.
FOREIGN = re.compile(
    r"https?:|numpy|pydantic|pypcd|laspy|lazrs|tifffile|struct\.|codec|Traceback|usecols|ufunc"
    r"|dtype\(|invalid literal|could not convert|buffer|unpack requires"
    r"|\b[A-Za-z]+(Error|Exception)\b"
    r"|\bNone\b|<class|object at 0x"
)


def _told(data: bytes, suffix: str) -> str | None:
    try:
        parse_cloud(data, suffix)
    except FileFormatError as error:
        return str(error)
    return None


def _check(message: str | None) -> None:
    if message is None:
        return
    assert "\n" not in message and len(message) < 500, message
    # What is quoted is the file's, not ours.
    assert not FOREIGN.search(re.sub(r"'[^']*'", "''", message)), message


@pytest.mark.parametrize("kind", originals())
def test_damaged_files_are_told_of_in_one_line_of_our_own(kind: str) -> None:
    first = list(originals()).index(kind)
    for index in range(first, FILES * len(originals()), len(originals())):
        file = hostile_file(index, seed=11)
        _check(_told(file.data, file.suffix))


@pytest.mark.parametrize("suffix", READERS)
def test_files_of_something_else_are_told_of_likewise(suffix: str) -> None:
    rng = np.random.default_rng(3)
    for data in (
        *(rng.bytes(300) for _ in range(5)),
        *(data for _, data in originals().values()),
        b"<html><body>Not found</body></html>",
        b'{"points": [[1, 2, 3]]}',
        b"PK\x03\x04" + bytes(100),
        b"\x93NUMPY\x01\x00" + bytes(100),
        b"LASF" + bytes(400),
        "Prüfling\n1 2 3\n".encode("latin-1"),
    ):
        _check(_told(data, suffix))
