# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON files that people hand in, read with care."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import AddonError

MAX_BYTES = 64 * 1024 * 1024


def read_json(path: Path) -> Any:
    """What is in a JSON file, not held to any model yet.

    Raises:
        AddonError: the file cannot be read, is too large, or is no JSON; the message names it.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AddonError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AddonError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AddonError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise AddonError(f"{path}: not valid JSON: {error}") from error
