"""Reading documents: golden files load and come back the same; broken ones say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared_schema.errors import SchemaError
from shared_schema.load import dump, load_document, load_recipe, parse_document
from shared_schema.recipe import Recipe, RecipeTemplate

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "v1").glob("*.json"))


def document(**defect: object) -> str:
    base = {"kind": "dent", "center": [0, 0, 0], "radius": 1.0, "depth": 0.5}
    part = {"unit": "mm", "diagonal": 10.0}
    return json.dumps({"schema_version": 1, "part": part, "defects": [{**base, **defect}]})


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_recipe_comes_back_the_same(path: Path) -> None:
    recipe = load_recipe(path)
    given = json.loads(path.read_text())
    written = json.loads(dump(recipe))
    assert written == given | {"name": given["name"]}
    assert parse_document(dump(recipe), Recipe) == recipe


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"radius": 0}, ["defects[0].dent.radius", "greater than 0", "got 0"]),
        ({"depth": "deep"}, ["defects[0].dent.depth", "valid number", '"deep"']),
        ({"depth": "0.5"}, ["defects[0].dent.depth", "valid number", '"0.5"']),
        ({"falloff": "cubic"}, ["falloff", "'cosine', 'linear', 'gaussian' or 'flat'", "cubic"]),
        ({"centre": [0, 0, 0]}, ["defects[0].dent.centre", "not a field of the schema"]),
        ({"center": [0, 1]}, ["defects[0].dent.center[2]", "must be given"]),
        ({"direction": [0, 0, 0]}, ["direction", "length greater than zero"]),
        ({"label": 0}, ["label", "greater than or equal to 1", "got 0"]),
        ({"mask_threshold": 1}, ["mask_threshold", "less than 1"]),
        ({"kind": "dint"}, ["defects[0].kind: must be one of dent, scratch, ", '(got "dint")']),
    ],
)
def test_error_names_field_value_and_what_is_allowed(
    change: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(SchemaError) as caught:
        parse_document(document(**change), Recipe)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_must_be_finite(number: str) -> None:
    text = document().replace("0.5", number)
    with pytest.raises(SchemaError, match="depth"):
        parse_document(text, Recipe)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "a JSON object is expected"),
        ("{", "not valid JSON"),
        ("{}", 'schema_version is missing; add "schema_version": 1'),
        ('{"schema_version": 99}', "newer than this flawsmith"),
        ('{"schema_version": true}', "schema_version: True"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_no_document(text: str, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        parse_document(text, Recipe)


def test_file_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"missing\.json: the file cannot be read"):
        load_recipe(tmp_path / "missing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with pytest.raises(SchemaError, match=r"binary\.json: byte 0 of the file is not UTF-8 text"):
        load_recipe(tmp_path / "binary.json")


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ({"kind": "dent", "radius": {"min": 0, "max": 1}, "depth": 1}, "radius: 0.0 is out of bou"),
        ({"kind": "dent", "radius": {"min": 2, "max": 1}, "depth": 1}, "min 2.0 is greater"),
        (
            {"kind": "dent", "radius": 1, "depth": 1, "falloff": {"choices": ["round"]}},
            "falloff: 'round' is out of bounds",
        ),
        (
            {
                "kind": "dent",
                "radius": 1,
                "depth": {"min": -1, "max": 1, "distribution": "log_uniform"},
            },
            "log_uniform needs min > 0",
        ),
        (
            {
                "kind": "dent",
                "radius": 1,
                "depth": 1,
                "location": {"type": "surface_random", "region": "lid"},
            },
            "region 'lid' is not defined; known regions: none",
        ),
    ],
)
def test_template_is_held_to_the_bounds_of_the_defect(
    tmp_path: Path, defect: dict[str, object], words: str
) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"schema_version": 1, "defects": [defect]}))
    with pytest.raises(SchemaError, match=words):
        load_document(path, RecipeTemplate)
