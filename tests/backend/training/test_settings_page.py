"""docs/reference/training-settings.md names every setting of a training, with its default."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from backend.training import TrainingConfig
from backend.training.config import to_record
from tests.architecture.project import ROOT

PAGE = (ROOT / "docs" / "reference" / "training-settings.md").read_text(encoding="utf-8")


def settings(record: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """The names, with dots, and the values."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from settings(value, f"{place}{name}.")
        else:
            yield place + name, value


def test_the_page_has_every_setting_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `(.+?)` \|", PAGE, re.MULTILINE)
    assert {name: json.loads(default) for name, default in rows} == dict(
        settings(to_record(TrainingConfig()))
    )
    assert len(rows) == len({name for name, _ in rows})
