# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of files and of this program, by which finished work is known again."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def program_digest() -> str:
    """SHA-256 of this program: whatever it makes may change with it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*")):
        if path.suffix.lower() in (".py", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
