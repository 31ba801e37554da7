"""The published JSON Schema is complete, and the copy that the add-on carries is current."""

from __future__ import annotations

import json
from pathlib import Path

from shared_schema.constants import FORMULA_CONSTANTS
from shared_schema.defects import SPECS
from shared_schema.publish import json_schema, schema_text
from shared_schema.recipe import MM_PER_UNIT

ADDON_SCHEMA = Path(__file__).parents[2] / "blender_addon" / "schema.json"


def test_addon_carries_the_current_schema() -> None:
    assert ADDON_SCHEMA.read_text() == schema_text("extension"), "run: python build.py schema"


def test_every_field_of_every_defect_is_described_and_has_a_quantity() -> None:
    definitions = json_schema("recipe")["$defs"]
    for spec in SPECS.values():
        for name, field in definitions[spec.__name__]["properties"].items():
            if name in ("kind", "name"):
                continue
            assert field.get("description"), f"{spec.__name__}.{name}"
            if "number" in json.dumps(field.get("type", "")):
                assert "x-quantity" in field, f"{spec.__name__}.{name}"


def test_required_lengths_have_a_suggestion() -> None:
    definitions = json_schema("recipe")["$defs"]
    for spec in SPECS.values():
        definition = definitions[spec.__name__]
        for name in definition.get("required", []):
            field = definition["properties"][name]
            if field.get("x-quantity") in ("length", "direction", "angle"):
                assert "x-suggested" in field, f"{spec.__name__}.{name}"


def test_constants_are_published() -> None:
    published = json_schema("recipe")["x-flawsmith"]
    assert published["constants"] == FORMULA_CONSTANTS
    assert published["mm_per_unit"] == MM_PER_UNIT
