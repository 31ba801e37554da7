"""What no file of the project holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.project import PACKAGES, ROOT, python_files

TEXTS = {".cfg", ".j2", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}
FOLDERS = [*PACKAGES, ".ci", "benchmarks", "docs", "requirements", "tests"]
SOMEBODYS_PLACE = re.compile(r"(?<![\w.:/])(?:/(?:home|root|work|opt|Users)/|[A-Z]:\\Users)\w")
LICENCE_OF_ADDON = "# SPDX-License-Identifier: GPL-3.0-or-later"


def text_files() -> Iterator[Path]:
    files = [*ROOT.iterdir(), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    for path in files:
        if path.is_file() and path.suffix in TEXTS and path.name != ".git":
            yield path


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in text_files()
        for match in SOMEBODYS_PLACE.finditer(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert not found


def test_every_file_of_the_addon_states_its_licence() -> None:
    without = [
        path.name
        for path in python_files("blender_addon")
        if not path.read_text(encoding="utf-8").startswith(LICENCE_OF_ADDON)
    ]
    assert not without


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [path for name in PACKAGES for path in python_files(name) if path.name in drawers]


def test_lines_of_the_documents_have_at_most_120_columns_but_in_tables_and_code() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    prose = {path: re.sub(r"^```.*?^```", "", text_of(path), flags=re.M | re.S) for path in pages}
    assert not [
        f"{path.relative_to(ROOT)}: {line}"
        for path, text in prose.items()
        for line in text.splitlines()
        if len(line) > 120 and not line.startswith(("|", "    ", "<!--"))
    ]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")
