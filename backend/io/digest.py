"""Which file exactly: its SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from backend.file_names import shown
from shared_schema.record import FileIdentity


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_identity(path: Path) -> FileIdentity:
    """Name and digest of a file, for records."""
    return FileIdentity(file=shown(path.name), sha256=file_digest(path))
