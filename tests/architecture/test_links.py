"""Links among the pages lead to files; ``python build.py check`` also tries their headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.project import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\(([^)\s#]+)[^)\s]*\)")
IN_CODE = re.compile(r"\bdocs/[\w/.-]+\.(?:md|py|png)\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in inside if not (page.parent / link).exists()]


def test_pages_that_code_and_messages_name_are_there() -> None:
    folders = ("backend", "benchmarks", "blender_addon", "docs", "shared_schema", "tests")
    code = [ROOT / "build.py", *(path for name in folders for path in (ROOT / name).rglob("*.py"))]
    named = {name for path in code for name in IN_CODE.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert not [name for name in named if not (ROOT / name).exists()]
