"""A defect is in every table, or in none."""

from __future__ import annotations

import ast
import json
import re
import typing

import pytest

from backend.defects import DEFECTS
from shared_schema.defects import SPECS, AnyDefect, AnyDefectTemplate
from tests.architecture.project import ROOT

KINDS = set(SPECS)


def kinds_of(annotated_union: object) -> set[str]:
    members = typing.get_args(typing.get_args(annotated_union)[0])
    return {typing.get_args(member.model_fields["kind"].annotation)[0] for member in members}


def node_group_kinds() -> set[str]:
    """The keys of the add-on's table, read without Blender."""
    tree = ast.parse((ROOT / "blender_addon" / "defects" / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == "NODE_GROUPS":
            return {ast.literal_eval(key) for key in node.value.keys}
    raise AssertionError("blender_addon/defects/__init__.py has no table NODE_GROUPS")


def golden_kinds() -> set[str]:
    recipes = [json.loads(path.read_text("utf-8")) for path in (ROOT / "tests/golden/v1").glob("*")]
    return {defect["kind"] for recipe in recipes for defect in recipe["defects"]}


def documented_kinds() -> set[str]:
    text = (ROOT / "docs" / "reference" / "defects.md").read_text(encoding="utf-8")
    return set(re.findall(r"^## ([a-z_]+)$", text, flags=re.MULTILINE))


def test_schema_agrees_with_itself() -> None:
    assert kinds_of(AnyDefect) == KINDS
    assert kinds_of(AnyDefectTemplate) == KINDS


def test_backend_replays_every_kind() -> None:
    assert set(DEFECTS) == KINDS


def test_blender_has_a_modifier_of_every_kind() -> None:
    assert node_group_kinds() == KINDS


def test_every_kind_has_a_golden_recipe() -> None:
    assert golden_kinds() == KINDS


def test_every_kind_is_documented() -> None:
    assert documented_kinds() == KINDS


@pytest.mark.parametrize("package", ["backend", "shared_schema", "blender_addon"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_is_a_file_of_the_same_name(package: str, kind: str) -> None:
    assert (ROOT / package / "defects" / f"{kind}.py").is_file()
