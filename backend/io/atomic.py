"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

# What a file is called that is not finished; the group is the name that it will have.
UNFINISHED = re.compile(r"\.(.+)\.[0-9a-f]{32}\.tmp")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write to a temporary name beside ``path``, then rename; folders are made as needed.

    A process that is killed meanwhile leaves the temporary file; see ``remove_unfinished``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(files: Iterable[Path]) -> None:
    """Remove what killed processes have left half written of ``files``, which may be missing.

    No other process may be writing one of them.
    """
    names = defaultdict(set)
    for path in files:
        names[path.parent].add(path.name)
    for folder, own in names.items():
        for path in folder.glob(".*.tmp"):
            found = UNFINISHED.fullmatch(path.name)
            if found and found[1] in own:
                path.unlink(missing_ok=True)


def write_json(path: str | Path, data: Any) -> None:
    """Write ``data`` as indented JSON with a final newline; NaN and infinity are refused.

    Of a name that is not UTF-8, JSON's own escapes are written.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode(errors="backslashreplace"))
