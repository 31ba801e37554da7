"""Reading a template that may be wrong: what its file says, and findings in place of an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared_schema.errors import SchemaError
from shared_schema.instruction import Finding
from shared_schema.load import parse_document, read_text
from shared_schema.recipe import RecipeTemplate


def read_template(path: Path, *, fix: bool) -> tuple[RecipeTemplate | None, tuple[Finding, ...]]:
    """The template in a file, and what keeps it from being one: rules V01 and V02.

    Args:
        path: of a JSON file.
        fix: swap the ends of ranges that are the wrong way round.

    Returns:
        The template; None where the file breaks the schema. The findings, mended ones included.

    Raises:
        SchemaError: the file cannot be read.
    """
    text = read_text(path)
    swapped: list[Finding] = []
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        document = None
    if document is not None:
        swapped = list(_swap_ends(document, path.stem, fix))
    if fix and swapped:
        text = json.dumps(document)
    try:
        return parse_document(text, RecipeTemplate), tuple(swapped)
    except SchemaError as error:
        broken = [
            Finding(rule="V01", severity="error", where=path.name, message=line)
            for line in str(error).splitlines()
        ]
        return None, tuple(swapped or broken)


def _swap_ends(document: Any, where: str, fix: bool) -> Iterator[Finding]:
    """Findings on every range whose least value is the larger one; ``fix`` swaps them in place."""
    if isinstance(document, list):
        for number, item in enumerate(document):
            yield from _swap_ends(item, f"{where}[{number}]", fix)
    if not isinstance(document, dict):
        return
    low, high = document.get("min"), document.get("max")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield Finding(
            rule="V02",
            severity="error",
            where=where,
            message=f"the range from {low:g} to {high:g} ends below its start.",
            value=f"{low:g} to {high:g}",
            acceptable=f"{high:g} to {low:g}",
            fixed=fix,
        )
        if fix:
            document["min"], document["max"] = high, low
    for name, item in document.items():
        yield from _swap_ends(item, f"{where}.{name}", fix)
