"""The extension reads the published schema, and refuses what pydantic refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from backend.templates import template_names, template_path
from blender_addon.documents import schema
from blender_addon.documents.errors import AddonError
from shared_schema.base import Model
from shared_schema.constants import FORMULA_CONSTANTS, OUTSIDE_CONSTANTS, SCHEMA_VERSION
from shared_schema.defects import SPECS
from shared_schema.errors import SchemaError
from shared_schema.load import parse_document
from shared_schema.publish import json_schema
from shared_schema.recipe import MM_PER_UNIT, Recipe, RecipeTemplate
from shared_schema.scanner import Scanner

PRESETS = Path(__file__).parents[3] / "blender_addon" / "scanning" / "presets"
GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "v1").glob("*.json"))


def golden(kind: str) -> dict[str, Any]:
    return json.loads(next(p for p in GOLDEN if p.stem == kind).read_text("utf-8"))


def test_schema_file_is_the_published_one() -> None:
    assert json.loads(json.dumps(json_schema("extension"))) == schema.SCHEMA


def test_version_and_constants_are_those_of_the_backend() -> None:
    assert schema.SCHEMA_VERSION == SCHEMA_VERSION
    assert schema.CONSTANTS == FORMULA_CONSTANTS
    assert schema.OUTSIDE == OUTSIDE_CONSTANTS
    assert schema.MM_PER_UNIT == MM_PER_UNIT


def test_every_field_of_every_kind_is_known() -> None:
    assert set(schema.kinds()) == set(SPECS)
    for kind, spec in SPECS.items():
        names = [field.name for field in schema.fields(kind)]
        assert sorted([*names, "kind", "name"]) == sorted(spec.model_fields)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_recipes_pass(path: Path) -> None:
    schema.check_document(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_recipe_is_completed_as_by_pydantic(path: Path) -> None:
    assert_completed(json.loads(path.read_bytes()), Recipe)


@pytest.mark.parametrize("name", template_names())
def test_a_template_is_completed_as_by_pydantic(name: str) -> None:
    document = json.loads(template_path(name).read_bytes())
    # JSON Schema holds no default of these two.
    document.setdefault("regions", {})
    for defect in document["defects"]:
        defect.setdefault("location", {"type": "surface_random"})
    assert_completed(document, RecipeTemplate)


@pytest.mark.parametrize("preset", ["depth_camera", "laser_line", "structured_light"])
def test_a_scanner_is_completed_as_by_pydantic(preset: str) -> None:
    assert_completed(json.loads((PRESETS / f"{preset}.json").read_bytes()), Scanner)


def assert_completed(document: Any, model: type[Model]) -> None:
    complete = model.model_validate(document).model_dump(mode="json")
    assert schema.completed(document, schema.model(model.__name__)) == complete


def test_marked_lengths_and_points_are_changed_and_nothing_else() -> None:
    scanner = {
        "unit": "mm",
        "baseline": 2.0,
        "field_of_view": 0.5,
        "spacing": 0.1,
        "views": {"type": "given", "viewpoints": [[1.0, 2.0, 3.0]]},
        "noise": {"model": "ray", "sigma": 0.5, "distance": None, "grazing": 0.25},
    }
    changes = {"length": lambda value: 10 * value, "point": lambda point: [10 * x for x in point]}
    assert schema.changed(scanner, schema.model("Scanner"), changes) == {
        **scanner,
        "baseline": 20.0,
        "spacing": 1.0,
        "views": {"type": "given", "viewpoints": [[10.0, 20.0, 30.0]]},
        "noise": {"model": "ray", "sigma": 5.0, "distance": None, "grazing": 0.25},
    }


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
    with pytest.raises(AddonError, match=message):
        schema.check_document(document)
    with pytest.raises(SchemaError):
        parse_document(json.dumps(document), Recipe)


@pytest.mark.parametrize("field", ["radius", "depth", "center"])
def test_missing_field_is_named(field: str) -> None:
    document = golden("dent")
    del document["defects"][0][field]
    with pytest.raises(AddonError, match=f"{field}: missing"):
        schema.check_document(document)


@pytest.mark.parametrize("document", [None, [], 3, "recipe", {}])
def test_what_is_no_recipe_is_refused(document: Any) -> None:
    with pytest.raises(AddonError, match="schema_version"):
        schema.check_document(document)
