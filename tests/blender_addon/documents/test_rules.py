"""What the schema's validators refuse beyond JSON Schema, the extension refuses too."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from blender_addon.documents import rules, schema
from blender_addon.documents.errors import AddonError
from blender_addon.exchange.recipes import require_valid
from shared_schema.base import Model
from shared_schema.defects import DefectTemplate
from shared_schema.errors import SchemaError
from shared_schema.load import parse_document
from shared_schema.recipe import Recipe, RecipeTemplate

DENT = {"kind": "dent", "name": "Dent.001", "center": [0, 0, 1], "radius": 1.0, "depth": 0.1}
PATH = {"points": [[0, 0, 0], [1, 0, 0]], "normals": [[0, 0, 1], [0, 0, 1]]}
SCRATCH = {"kind": "scratch", "path": PATH, "width": 1.0, "depth": 0.1}
BEND = {"kind": "bend", "hinge_point": [0, 0, 0], "hinge_axis": [0, 1, 0], "side": [1, 0, 0]}
BEND |= {"angle": 0.5, "band": 1.0}
CRACK = {"kind": "crack", "origin": [0, 0, 0], "normal": [1, 0, 0], "direction": [0, 0, -1]}
CRACK |= {"length": 1.0, "depth": 0.5, "gap": 0.1, "flank": 0.2}
DEPOSIT = {"kind": "deposit", "center": [0, 0, 0], "normal": [0, 0, 1], "heading": [1, 0, 0]}
DEPOSIT |= {"radius": 1.0, "height": 0.5}
HULL = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
FREEFORM = {"kind": "freeform", "hull": HULL, "margin": 0.1}


def recipe(defect: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": 1, "part": {"diagonal": 10.0}, "defects": [defect]}


def template(defect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema_version": 1, "defects": [defect], **more}


# A sound defect of a recipe, where it is damaged, by what, and what people are told.
RECIPES: dict[str, tuple[dict[str, Any], list[Any], Any, str]] = {
    "no radius": (DENT, ["radius"], 0.0, '"Dent.001": Radius must be greater than 0; it is 0.0'),
    "no normal": (DENT, ["center_normal"], [0, 0, 0], "Center Normal must have a length"),
    "no push": (DENT, ["direction"], [0.0, 1e-13, 0.0], "Direction must have a length"),
    "label": (DENT, ["label"], 0, '"Dent.001": Label must be at least 1; it is 0'),
    "text": (DENT, ["depth"], "deep", 'Depth must be a number; it is "deep"'),
    "unknown": (DENT, ["width"], 1.0, "Width must be one of kind, name, .*; it is unknown"),
    "one place": (SCRATCH, ["path", "points"], [[1, 2, 3]] * 2, "Path points must have at least"),
    "normals": (
        SCRATCH,
        ["path", "normals"],
        [[0, 0, 1]],
        "Path normals must be one for each of 2",
    ),
    "path normal": (SCRATCH, ["path", "normals", 1], [0, 0, 0], r"Path normals\[1\] must have a"),
    "axis": (BEND, ["hinge_axis"], [0, 0, 0], "Hinge Axis must have a length"),
    "along axis": (BEND, ["side"], [0, -2, 0], '"Bend": Side must point away from the hinge axis'),
    "turned over": (BEND, ["angle"], 3.2, "Angle must be at most 3.14159; it is 3.2"),
    "across": (CRACK, ["direction"], [-3, 0, 0], "Direction must not be parallel to the crack's"),
    "heading": (DEPOSIT, ["heading"], [0, 0, 5], "Heading must not be parallel to the surface's"),
    "three": (FREEFORM, ["hull"], HULL[:3], "Hull must have 4 to 256 items; it is a list of 3"),
    "bump": (
        FREEFORM,
        ["bumps"],
        [{"center": [0, 0, 0], "amplitude": 1.0, "sigma": 0.0}],
        r"Bumps \[0\].sigma must be greater than 0",
    ),
}
T_DENT = {"kind": "dent", "name": "Dent.001", "radius": 1.0, "depth": 0.1}
BOX = {"min": [0, 0, 0], "max": [1, 1, 1]}
TEMPLATES: dict[str, tuple[list[Any], Any, str]] = {
    "range": (["radius"], {"min": 2.0, "max": 1.0}, "Radius min must be at most max, 1.0"),
    "log": (
        ["depth"],
        {"min": 0.0, "max": 1.0, "distribution": "log_uniform"},
        "Depth min must be greater than 0 for log_uniform",
    ),
    "end": (["radius"], {"min": 0.0, "max": 1.0}, "Radius must be greater than 0; it is 0.0"),
    "sign": (
        ["radius"],
        {"min": 0.5, "max": 1.0, "random_sign": True},
        "Radius must be greater than 0; it is -0.5",
    ),
    "choice": (["falloff"], {"choices": ["flat", "round"]}, 'Falloff must be one of .*"round"'),
    "no choice": (["falloff"], {"choices": []}, "Falloff choices must have at least 1 items"),
    "one choice": (["falloff"], "round", "Falloff must be one of cosine, .*"),
    "label": (["label"], 0, "Label must be at least 1"),
    "repeat": (["repeat"], {"count": 0.5, "spacing": 1.0}, "Repeat count must be at least 1"),
    "chance": (["chance"], 0.0, "Chance must be greater than 0"),
    "region": (["location"], {"type": "surface_random", "region": "Top"}, "Location region must"),
    "plane": (
        ["location"],
        {"type": "plane", "origin": [0, 0, 0], "normal": [0, 0, 0]},
        "Location normal must have a length",
    ),
    "box": (
        ["location"],
        {"type": "view_box", "view": "front", "box": [5, 0, 5, 9]},
        "Location box must be left, top, right and bottom",
    ),
    "path": (
        ["location"],
        {"type": "path", "path": {"points": [[1, 1, 1]] * 2}},
        "different places",
    ),
    "lasso": (["location"], {"type": "lasso", "points": [[0, 0, 0]]}, "must have 3 to 128 items"),
}


def damaged(document: dict[str, Any], steps: list[Any], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(document)
    target: Any = document["defects"][0]
    for step in steps[:-1]:
        target = target[step]
    target[steps[-1]] = value
    return document


def told(document: dict[str, Any], of_model: str) -> str:
    return "\n".join(p.in_stack(document) for p in schema.problems_of(document, of_model))


@pytest.mark.parametrize("damage", RECIPES)
def test_both_refuse_a_damaged_recipe_and_the_socket_is_named(damage: str) -> None:
    defect, steps, value, words = RECIPES[damage]
    parse_document(json.dumps(recipe(defect)), Recipe)
    assert not schema.problems_of(recipe(defect))
    document = damaged(recipe(defect), steps, value)
    with pytest.raises(SchemaError):
        parse_document(json.dumps(document), Recipe)
    found = told(document, "Recipe")
    assert re.search(words, found), found


@pytest.mark.parametrize("damage", TEMPLATES)
def test_both_refuse_a_damaged_template_and_the_field_is_named(damage: str) -> None:
    steps, value, words = TEMPLATES[damage]
    document = damaged(template(T_DENT), steps, value)
    with pytest.raises(SchemaError):
        parse_document(json.dumps(document), RecipeTemplate)
    found = told(document, "RecipeTemplate")
    assert re.search(words, found), found


def test_both_refuse_a_region_that_is_inside_out() -> None:
    for box, allowed in ((BOX, True), ({"min": [2, 0, 0], "max": [1, 1, 1]}, False)):
        document = template(T_DENT, regions={"Top": box})
        assert bool(schema.problems_of(document, "RecipeTemplate")) != allowed
        if not allowed:
            with pytest.raises(SchemaError):
                parse_document(json.dumps(document), RecipeTemplate)


@pytest.mark.parametrize("height", [0.0, 1e-8])
def test_a_flat_hull_that_replaying_would_refuse_is_named(height: float) -> None:
    document = damaged(recipe(FREEFORM), ["hull", 3], [0.3, 0.3, height])
    assert '"Freeform": Hull must span a volume' in told(document, "Recipe")


def all_models(model: type[Model] = Model) -> set[type[Model]]:
    return {model, *(found for sub in model.__subclasses__() for found in all_models(sub))}


def test_every_validator_of_the_models_has_its_rule_here() -> None:
    for model in all_models():
        of_documents = model.__name__ in schema.SCHEMA["$defs"] and "views" not in model.__module__
        decorators = model.__pydantic_decorators__
        if of_documents and (decorators.model_validators or decorators.field_validators):
            shared = issubclass(model, DefectTemplate)
            assert shared or model.__name__ in rules.RULES, model


def test_rules_are_of_models_of_the_schema() -> None:
    assert rules.RULES.keys() <= schema.SCHEMA["$defs"].keys()


def test_many_problems_are_cut_short() -> None:
    document = {**recipe(DENT), "defects": [{**DENT, "radius": -1.0}] * 12}
    with pytest.raises(AddonError) as refused:
        require_valid(document)
    lines = str(refused.value).splitlines()
    assert len(lines) == 11 and lines[-1] == "and 2 more"
