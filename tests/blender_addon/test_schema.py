"""The extension reads the published schema, and refuses what pydantic refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from blender_addon import schema
from shared_schema.constants import FORMULA_CONSTANTS, SCHEMA_VERSION
from shared_schema.defects import SPECS
from shared_schema.errors import SchemaError
from shared_schema.load import parse_document
from shared_schema.publish import json_schema
from shared_schema.recipe import Recipe

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "v1").glob("*.json"))


def golden(kind: str) -> dict[str, Any]:
    return json.loads(next(p for p in GOLDEN if p.stem == kind).read_text("utf-8"))


def test_schema_file_is_the_published_one() -> None:
    assert json.loads(json.dumps(json_schema("extension"))) == schema.SCHEMA


def test_version_and_constants_are_those_of_the_backend() -> None:
    assert schema.SCHEMA_VERSION == SCHEMA_VERSION
    assert schema.CONSTANTS == FORMULA_CONSTANTS


def test_every_field_of_every_kind_is_known() -> None:
    assert set(schema.kinds()) == set(SPECS)
    for kind, spec in SPECS.items():
        names = [field.name for field in schema.fields(kind)]
        assert sorted([*names, "kind", "name"]) == sorted(spec.model_fields)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_recipes_pass(path: Path) -> None:
    schema.check_document(json.loads(path.read_text("utf-8")))


# Where the damage is, and what the message must name.
DAMAGES: dict[str, tuple[str, list[Any], Any, str]] = {
    "wrong version": ("dent", ["schema_version"], 99, "schema_version: 99"),
    "text for a number": ("dent", ["defects", 0, "radius"], "wide", r'radius: "wide"'),
    "truth for a number": ("dent", ["defects", 0, "depth"], True, "depth: true"),
    "below the bound": ("dent", ["defects", 0, "radius"], 0.0, "radius: 0.0"),
    "above the bound": ("dent", ["defects", 0, "mask_threshold"], 1.0, "mask_threshold: 1.0"),
    "unknown field": ("dent", ["defects", 0, "sharpness"], 1.0, "sharpness: unknown"),
    "unknown choice": ("dent", ["defects", 0, "falloff"], "round", "falloff"),
    "unknown kind": ("dent", ["defects", 0, "kind"], "dint", "dint"),
    "two coordinates": ("dent", ["defects", 0, "center"], [1.0, 2.0], "center: a list of 2"),
    "bad coordinate": ("dent", ["defects", 0, "center", 1], None, r"center\[1\]: null"),
    "not finite": ("dent", ["defects", 0, "depth"], float("nan"), "depth: NaN"),
    "long name": ("dent", ["defects", 0, "name"], "x" * 64, "longer than 63"),
    "too few corners": ("freeform", ["defects", 0, "hull"], [[0.0, 0.0, 0.0]], "hull: a list of 1"),
    "damaged bump": ("freeform", ["defects", 0, "bumps", 0, "sigma"], -1.0, r"bumps\[0\]\.sigma"),
    "damaged path": ("scratch", ["defects", 0, "path", "points"], 3, r"path\.points: 3"),
    "fraction for a count": ("freeform", ["defects", 0, "smoothing"], 1.5, "smoothing: 1.5"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_refused_and_named(damage: str) -> None:
    kind, place, value, message = DAMAGES[damage]
    document = copy.deepcopy(golden(kind))
    target: Any = document
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    with pytest.raises(schema.RecipeError, match=message):
        schema.check_document(document)
    with pytest.raises(SchemaError):
        parse_document(json.dumps(document), Recipe)


@pytest.mark.parametrize("field", ["radius", "depth", "center"])
def test_missing_field_is_named(field: str) -> None:
    document = golden("dent")
    del document["defects"][0][field]
    with pytest.raises(schema.RecipeError, match=f"{field}: missing"):
        schema.check_document(document)


@pytest.mark.parametrize("document", [None, [], 3, "recipe", {}])
def test_what_is_no_recipe_is_refused(document: Any) -> None:
    with pytest.raises(schema.RecipeError, match="schema_version"):
        schema.check_document(document)
