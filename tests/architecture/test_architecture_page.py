"""docs/explanation/architecture.md says what is so: its layers are those of the import contract."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.architecture.project import ROOT

SECTIONS = {"backend": "The backend", "blender_addon": "The Blender extension"}
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
PLACE = re.compile(r"`((?:backend|blender_addon|flawsmith|shared_schema|tests|docs)/[\w/.]+)`")
# Capital words in a place stand for the name of the new thing.
NEW = re.compile(r"\b(?:FORMAT|KIND|NAME|PROCESS)\b|/vN/")


def test_every_contract_of_layers_has_its_section() -> None:
    assert layers_by_package().keys() == SECTIONS.keys()


def layers_by_package() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return {
        contract["containers"][0]: contract["layers"]
        for contract in contracts
        if contract["type"] == "layers"
    }


@pytest.mark.parametrize("package", SECTIONS)
def test_the_page_has_the_layers_of_the_contract(package: str) -> None:
    section = PAGE.partition(f"### {SECTIONS[package]}\n")[2].partition("\n### ")[0]
    layers = layers_by_package()[package]
    rows = [row.split("|")[2] for row in section.splitlines() if row.startswith("| ")][1:]
    told = [sorted(re.findall(r"`(\w+)`", row)) for row in rows]
    assert told == [sorted(re.findall(r"\w+", layer)) for layer in layers]


def test_the_places_that_the_page_names_are_there() -> None:
    places = {place for place in PLACE.findall(PAGE) if not NEW.search(place)}
    assert len(places) > 10
    assert not [place for place in places if not (ROOT / place).exists()]
