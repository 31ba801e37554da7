"""Old documents become current ones when they are loaded, so that no other code checks versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared_schema.constants import SCHEMA_VERSION
from shared_schema.errors import SchemaError

Document = dict[str, Any]

# From version N: the function that makes a document of version N + 1.
MIGRATIONS: dict[int, Callable[[Document], Document]] = {}


def migrate(document: Document) -> Document:
    """Bring a parsed document to the current schema version.

    Raises:
        SchemaError: the version is missing, newer than this program, or no longer supported.
    """
    version = document.get("schema_version")
    oldest = min(MIGRATIONS, default=SCHEMA_VERSION)
    if version is None:
        raise SchemaError(f'schema_version is missing; add "schema_version": {SCHEMA_VERSION}')
    if isinstance(version, bool) or not isinstance(version, int) or version < oldest:
        raise SchemaError(
            f"schema_version: {version!r} is not supported; this flawsmith reads "
            + (f"{SCHEMA_VERSION}" if oldest == SCHEMA_VERSION else f"{oldest} to {SCHEMA_VERSION}")
        )
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"schema_version: {version} is newer than this flawsmith, which reads up to "
            f"{SCHEMA_VERSION}; update flawsmith"
        )
    while version < SCHEMA_VERSION:
        document = MIGRATIONS[version](document)
        version += 1
    return document
