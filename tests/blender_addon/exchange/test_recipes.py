"""Recipes out of the modifier stack and back: the same to the last digit, and valid in pydantic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.documents.errors import AddonError
from blender_addon.documents.schema import fields
from blender_addon.exchange.recipes import (
    apply_recipe,
    apply_to_all,
    load_recipe,
    recipe_of,
    save_recipe,
    save_recipes,
)
from blender_addon.parts.frame import set_part_frame
from blender_addon.stack import modifiers
from shared_schema.load import dump, parse_document
from shared_schema.load import load_recipe as load_with_pydantic
from shared_schema.recipe import Recipe
from shared_schema.scale import in_absolute_lengths
from tests.architecture.project import ROOT
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import add_part, egg, evaluate, nominal_cloud, plate

GOLDEN = sorted((ROOT / "tests" / "golden" / "v1").glob("*.json"))


def random_document(part: bpy.types.Object, seed: int, *kinds: str) -> dict[str, Any]:
    return json.loads(dump(random_recipe(nominal_cloud(part), seed, *kinds)))


def plate_for(document: dict[str, Any]) -> bpy.types.Object:
    """A plate in the recipe's unit and frame."""
    part = add_part(*plate(document["part"]["diagonal"]), "plate")
    set_part_frame(part, document["part"]["unit"], document["origin"])
    return part


def single(value: Any) -> Any:
    """Numbers of a JSON value in single precision, without what is null."""
    if isinstance(value, dict):
        return {name: single(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [single(item) for item in value]
    return float(np.float32(value)) if isinstance(value, float) else value


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_valid_and_comes_back_the_same(tmp_path: Path, seed: int) -> None:
    first = add_part(*egg(), "egg")
    set_part_frame(first, "inch", (1e5 / 3, -0.1, 7.0))
    given = {**random_document(first, seed, *KINDS), "origin": [1e5 / 3, -0.1, 7.0]}
    given["part"]["unit"] = "inch"
    apply_recipe(first, given)
    save_recipe(tmp_path / "recipe.json", first)
    valid = load_with_pydantic(tmp_path / "recipe.json")

    second = add_part(*egg(), "other")
    set_part_frame(second, "inch", (1e5 / 3, -0.1, 7.0))
    apply_recipe(second, load_recipe(tmp_path / "recipe.json"))
    again = recipe_of(second)
    assert {**again, "part": {**again["part"], "name": "egg"}} == recipe_of(first)
    assert valid.model_dump(mode="json", exclude_none=True) == recipe_of(first)
    np.testing.assert_array_equal(evaluate(second).points, evaluate(first).points)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_recipes_are_applied(path: Path) -> None:
    document = load_recipe(path)
    part = plate_for(document)
    apply_recipe(part, document)
    expected = in_absolute_lengths(load_with_pydantic(path)).model_dump(mode="json")["defects"]
    found = recipe_of(part)["defects"]
    for wanted, defect in zip(expected, found, strict=True):
        if wanted["kind"] == "scratch" and not wanted["path"]["resolved"]:
            ends = [wanted["path"]["points"][0], wanted["path"]["points"][-1]]
            path_found = defect.pop("path")
            assert path_found["resolved"]
            joined = np.array(path_found["points"])
            np.testing.assert_allclose(joined[[0, -1]], ends, atol=1e-4)
            # They lead over the plate's top, and over the scratch before.
            assert np.abs(joined[:, 2] - 2.0).max() <= expected[0]["depth"]
            del wanted["path"]
        assert defect == single(wanted)
    assert set(evaluate(part).labels.tolist()) >= {wanted["label"] for wanted in expected}


def test_points_are_shifted_to_the_origin_of_the_object() -> None:
    document = load_recipe(GOLDEN[2])
    assert document["defects"][0]["kind"] == "dent"
    part = add_part(*plate(150.0))
    set_part_frame(part, "mm", (4.0, 0.0, -1.0))
    document["origin"] = [1.0, 2.0, 0.0]
    apply_recipe(part, document)
    given, found = document["defects"], recipe_of(part)["defects"]
    for before, after in zip(given, found, strict=True):
        shifted = np.array(before["center"]) + document["origin"]
        np.testing.assert_allclose(after["center"], shifted - (4.0, 0.0, -1.0))
        assert after["radius"] == before["radius"]
    assert found[0]["center_normal"] == given[0]["center_normal"]


def test_ratios_are_of_the_diagonal_that_the_recipe_names() -> None:
    document = load_recipe(next(path for path in GOLDEN if path.stem == "crack"))
    assert document["lengths"] == "ratio"
    document["part"]["diagonal"] = 2.0
    part = plate_for(document)
    apply_recipe(part, document)
    found = recipe_of(part)
    assert found["lengths"] == "absolute"
    assert found["defects"][0]["length"] == 2.0 * document["defects"][0]["length"]
    assert found["defects"][1]["offset"][0] == 2.0 * document["defects"][1]["offset"][0]
    assert found["defects"][0]["normal"] == document["defects"][0]["normal"]


def test_defects_that_are_switched_off_are_left_out() -> None:
    part = add_part(*egg())
    apply_recipe(part, random_document(part, 0, "dent", "bend", "dent"))
    modifiers.defect_modifiers(part)[1].show_viewport = False
    part.modifiers.new("Smooth", "SMOOTH")
    assert [defect["kind"] for defect in recipe_of(part)["defects"]] == ["dent", "dent"]


def test_the_name_of_the_recipe_comes_back() -> None:
    part = add_part(*egg(), "egg")
    assert recipe_of(part)["name"] == "egg"
    apply_recipe(part, {**random_document(part, 0, "dent"), "name": "three hits"})
    assert recipe_of(part)["name"] == "three hits"


def test_a_recipe_in_another_unit_is_refused() -> None:
    part = add_part(*egg(), "egg")
    document = random_document(part, 0, "dent")
    document["part"]["unit"] = "inch"
    with pytest.raises(AddonError, match=r"in inch, but 'egg' is in mm; .* 'flawsmith_unit'"):
        apply_recipe(part, document)


@pytest.mark.parametrize("version", [0, 2, 99, None, "1"])
def test_other_schema_versions_are_refused(version: object) -> None:
    part = add_part(*egg())
    document = {**random_document(part, 0, "dent"), "schema_version": version}
    with pytest.raises(AddonError, match="schema_version"):
        apply_recipe(part, document)


def test_a_recipe_is_applied_as_a_whole_or_not_at_all() -> None:
    part = add_part(*egg())
    document = random_document(part, 0, "scratch", "freeform", "scratch")
    document["defects"][2]["path"] = {"points": [[0, 0, 0.5], [0, 0, 0.51]], "resolved": False}
    objects = set(bpy.data.objects)
    with pytest.raises(AddonError, match="move them apart"):
        apply_recipe(part, document)
    assert not modifiers.defect_modifiers(part)
    assert set(bpy.data.objects) == objects


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", "schema_version"),
        ('{"schema_version": 1, "part": {"diagonal": -1.0}}', "part.diagonal"),
        (
            '{"schema_version": 1, "part": {"diagonal": 1.0}, "defects": [{"kind": "rust"}]}',
            "rust",
        ),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AddonError) as refused:
        load_recipe(path)
    assert str(refused.value).startswith(str(path))
    assert says in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AddonError, match=r"none\.json: cannot be read: No such file"):
        load_recipe(tmp_path / "none.json")


def test_a_recipe_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text("old", encoding="utf-8")
    empty = add_part(np.empty((0, 3)), np.empty((0, 3), dtype=int), "empty")
    with pytest.raises(AddonError, match="'empty' is not a mesh with an extent"):
        save_recipe(path, empty)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_recipe_parsed_by_pydantic_and_dumped_is_read() -> None:
    part = add_part(*egg())
    text = dump(parse_document(json.dumps(random_document(part, 3, *KINDS)), Recipe))
    assert len(apply_recipe(part, json.loads(text))) == len(KINDS)


CHANCES = {
    "name": ["", "Dent", "Dent", "ä" * 63, "x" * 63, "a.b 'c' \"d\""],
    "label": [1, 7, 65_535],
}


def random_value(field: Any, rng: np.random.Generator, diagonal: float) -> Any:
    """Any value that the schema allows for a field, in single precision."""
    if field.optional and rng.random() < 0.4:
        return None
    if field.type == "choice":
        return str(rng.choice(field.choices))
    if field.type == "integer":
        return int(rng.integers(field.low, min(field.high, 1e6), endpoint=True))
    if field.type == "number":
        low, high = max(field.low, -diagonal), min(field.high, diagonal)
        return field.clip(float(np.float32(rng.choice([low, high, rng.uniform(low, high)]))))
    if field.type == "triple":
        return rng.normal(size=3).astype(np.float32).tolist()
    count = int(rng.integers(4, 20))
    points = rng.normal(size=(count, 3)).astype(np.float32).tolist()
    if field.type == "points":
        return points
    if field.type == "SurfacePath":
        normals = {"normals": points[::-1]} if rng.random() < 0.5 else {}
        return {"points": points, **normals, "resolved": True}
    sizes = rng.uniform(0.01, 1.0, (count, 2)).astype(np.float32).tolist()
    bumps = [
        {"center": p, "amplitude": a - 0.5, "sigma": s}
        for p, (a, s) in zip(points, sizes, strict=True)
    ]
    return single(bumps[: int(rng.integers(0, count))])


def any_recipe(seed: int, diagonal: float) -> dict[str, Any]:
    """A recipe of random defects of random kinds, as odd as the schema allows."""
    rng = np.random.default_rng(seed)
    defects = []
    for kind in rng.permutation([*KINDS, *KINDS])[: int(rng.integers(1, 14))]:
        values = {field.name: random_value(field, rng, diagonal) for field in fields(str(kind))}
        odd = {name: rng.choice(np.array(some, dtype=object)) for name, some in CHANCES.items()}
        given = {"kind": str(kind), **values, **odd}
        defects.append({name: value for name, value in given.items() if value is not None})
    return {"name": str(rng.choice(["", "two hits"])), "defects": defects}


@pytest.mark.parametrize("seed", range(12))
def test_any_recipe_comes_back_to_the_last_digit(seed: int) -> None:
    part = add_part(*egg(), "egg")
    set_part_frame(part, "m", (0.1, 1e7 / 3, -2.0))
    given = {**recipe_of(part), **any_recipe(seed, modifiers.diagonal(part))}
    parse_document(json.dumps(given), Recipe)
    apply_recipe(part, given)
    assert recipe_of(part) == given
    apply_recipe(part, recipe_of(part), replace=True)
    assert recipe_of(part) == given


def test_what_a_recipe_does_not_say_is_the_schema_s_default_label_too() -> None:
    part = add_part(*egg(), "egg")
    bare = {"kind": "dent", "center": [0.0, 0.0, 0.5], "radius": 0.25, "depth": 0.125}
    document = {"schema_version": 1, "part": {"diagonal": 1.0}, "defects": [bare, bare]}
    apply_recipe(part, document)
    expected = parse_document(json.dumps(document), Recipe).model_dump(mode="json")["defects"]
    assert recipe_of(part)["defects"] == single(expected)


def test_a_name_that_is_changed_in_the_stack_is_the_recipe_s() -> None:
    part = add_part(*egg(), "egg")
    apply_recipe(part, random_document(part, 0, "dent", "dent"))
    assert [defect["name"] for defect in recipe_of(part)["defects"]] == ["", ""]
    modifiers.defect_modifiers(part)[1].name = "Hit"
    assert [defect["name"] for defect in recipe_of(part)["defects"]] == ["", "Hit"]


def test_replacing_takes_the_old_defects_and_their_supports_away() -> None:
    part = add_part(*egg(), "egg")
    part.modifiers.new("Smooth", "SMOOTH")
    apply_recipe(part, random_document(part, 0, "scratch", "freeform"))
    objects = len(bpy.data.objects)
    new = random_document(part, 1, "scratch", "freeform")
    apply_recipe(part, new, replace=True)
    assert [m.name for m in part.modifiers] == ["Smooth", "Scratch", "Freeform"]
    assert recipe_of(part)["defects"] == single(new)["defects"]
    assert len(bpy.data.objects) == objects


def test_several_objects_get_a_recipe_or_none_does() -> None:
    first, second = add_part(*egg(), "first"), add_part(*egg(), "second")
    document = random_document(first, 0, "dent", "freeform")
    apply_to_all([first, second], document)
    before = [recipe_of(first), recipe_of(second)]
    assert before[0]["defects"] == before[1]["defects"]
    cloud = add_part(np.eye(3), np.empty((0, 3), dtype=int), "cloud")
    path = {"points": [[0, 0, 0.5], [0.3, 0, 0.4]], "resolved": False}
    scratch = {"kind": "scratch", "path": path, "width": 0.1, "depth": 0.02}
    objects = set(bpy.data.objects)
    for replace in (False, True):
        with pytest.raises(AddonError, match="'cloud' has no faces"):
            apply_to_all(
                [first, second, cloud], {**document, "defects": [scratch]}, replace=replace
            )
        assert [recipe_of(first), recipe_of(second)] == before
        assert set(bpy.data.objects) == objects


def test_refused_value_is_named_by_defect_and_socket() -> None:
    part = add_part(*egg(), "egg")
    modifiers.add_defect(part, "dent")
    modifiers.write_values(modifiers.add_defect(part, "dent"), {"radius": 0.0})
    with pytest.raises(AddonError, match=r'^"Dent.001": Radius must be greater than 0; it is 0.0$'):
        recipe_of(part)


def test_a_folder_gets_all_recipes_or_none(tmp_path: Path) -> None:
    parts = [add_part(*egg(), name) for name in ("a/b", "a:b", "Ä ö")]
    for part in parts:
        apply_recipe(part, random_document(part, 0, "dent"))
    paths = save_recipes(tmp_path / "new", parts)
    assert [path.name for path in paths] == ["a_b.json", "a_b_2.json", "Ä ö.json"]
    assert [load_with_pydantic(path).part.name for path in paths] == [part.name for part in parts]
    with pytest.raises(AddonError, match=r"holds a_b.json, a_b_2.json, .* overwrite"):
        save_recipes(tmp_path / "new", parts)
    before = [path.read_bytes() for path in paths]
    modifiers.write_values(modifiers.defect_modifiers(parts[0])[0], {"depth": 0.25})
    modifiers.write_values(modifiers.defect_modifiers(parts[2])[0], {"radius": -1.0})
    with pytest.raises(AddonError, match="Radius must be greater than 0"):
        save_recipes(tmp_path / "new", parts, overwrite=True)
    assert [path.read_bytes() for path in paths] == before
    assert sorted((tmp_path / "new").iterdir()) == sorted(paths)


@pytest.mark.usefixtures("registered")
def test_selection_and_collection_are_exported(tmp_path: Path) -> None:
    collection = bpy.data.collections.new("Batch")
    bpy.context.scene.collection.children.link(collection)
    for name in ("one", "two", "three"):
        part = add_part(*egg(), name)
        if name != "three":
            apply_recipe(part, random_document(part, 0, "dent"))
        part.select_set(name != "one")
    collection.objects.link(bpy.data.objects["one"])
    export = bpy.ops.flawsmith.export_recipes
    assert export(directory=str(tmp_path / "selected")) == {"FINISHED"}
    assert [path.name for path in (tmp_path / "selected").iterdir()] == ["two.json"]
    export(directory=str(tmp_path / "named"), scope="COLLECTION", collection="Batch")
    assert [path.name for path in (tmp_path / "named").iterdir()] == ["one.json"]
    export(directory=str(tmp_path / "active"), scope="COLLECTION")
    assert sorted(p.name for p in (tmp_path / "active").iterdir()) == ["one.json", "two.json"]
    with pytest.raises(RuntimeError, match="there is no collection 'None'"):
        export(directory=str(tmp_path), scope="COLLECTION", collection="None")
    bpy.ops.object.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="none of the objects has defects"):
        export(directory=str(tmp_path / "nothing"))
