"""Problems of recipes, templates and .blend files are all named, each on a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.batch.file_problems import model_of, problems_of_file, problems_on_part
from blender_addon.batch.saving import save_blend
from blender_addon.stack.modifiers import add_defect, defect_modifiers, write_values
from tests.blender import add_part, egg, evaluate

DENT = {"kind": "dent", "center": [0.0, 0.0, 0.5], "radius": 0.2, "depth": 0.05}
AWAY = {**DENT, "name": "Away", "center": [0.0, 0.0, 5.0]}


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a document, or a recipe of defects, and returns its file."""

    def write(document: Any) -> Path:
        path = tmp_path / "recipe.json"
        text = document if isinstance(document, str) else json.dumps(document)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def recipe(*defects: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"schema_version": 1, "part": {"diagonal": 2.6}, "defects": [*defects], **changes}


def test_a_sound_recipe_has_no_problem(written: Any) -> None:
    assert problems_of_file(written(recipe(DENT))) == []


def test_every_problem_of_a_recipe_is_a_line(written: Any) -> None:
    bad = [{**DENT, "depth": "deep"} for _ in range(12)]
    found = problems_of_file(written(recipe(*bad, lengths="miles")))
    assert len(found) == 13
    assert 'defects[3].depth: "deep"; it must be a number' in found
    assert any(line.startswith('lengths: "miles"; it must be one of') for line in found)


def test_what_is_no_recipe_at_all_is_a_problem(written: Any, tmp_path: Path) -> None:
    assert problems_of_file(written("{"))[0].startswith("not valid JSON: ")
    assert problems_of_file(tmp_path / "none.json") == ["cannot be read: No such file or directory"]
    assert (
        "schema_version: 9 is not supported" in problems_of_file(written({"schema_version": 9}))[0]
    )


def test_a_template_is_held_to_its_own_model(written: Any) -> None:
    dent = {"kind": "dent", "location": {"type": "surface_random"}}
    dent |= {"radius": 0.1, "depth": 0.01}
    template = {"schema_version": 1, "defects": [dent]}
    assert model_of(template) == "RecipeTemplate"
    assert problems_of_file(written(template)) == []
    template["defects"][0]["radius"] = {"min": 0.3, "max": 0.1}
    [problem] = problems_of_file(written(template))
    assert problem.startswith("defects[0].radius")


def test_problems_of_a_blend_file_name_object_defect_and_socket(tmp_path: Path) -> None:
    part = add_part(*egg(), "egg")
    add_defect(part, "dent", {**DENT, "name": "Deep"})
    path = tmp_path / "part.blend"
    save_blend(part, path)
    assert problems_of_file(path) == []
    write_values(defect_modifiers(bpy.data.objects["egg"])[0], {"radius": -1.0})
    save_blend(bpy.data.objects["egg"], path)
    [problem] = problems_of_file(path)
    assert problem.startswith('egg: "Deep": Radius must be')


def test_a_blend_file_without_defects_is_a_problem(tmp_path: Path) -> None:
    save_blend(add_part(*egg()), tmp_path / "part.blend")
    assert problems_of_file(tmp_path / "part.blend") == ["no object in it has defects"]


def test_each_defect_must_mark_something_on_the_part(written: Any) -> None:
    part = add_part(*egg(), "egg")
    assert problems_on_part(part, written(recipe(DENT, {**DENT, "center": [0.0, 0.0, -0.5]}))) == []
    # The labels of a recipe may all be the same.
    found = problems_on_part(part, written(recipe(DENT, AWAY)))
    assert len(found) == 1
    assert found[0].startswith('"Away": marks no point of the part')


def test_the_part_stays_what_it_was(written: Any) -> None:
    part = add_part(*egg(), "egg")
    add_defect(part, "dent", {**DENT, "label": 5})
    before, objects = evaluate(part), set(bpy.data.objects)
    scratch = {
        "kind": "scratch",
        "path": {"points": [[0.0, -0.2, 0.5], [0.0, 0.2, 0.5]]},
        "width": 0.1,
        "depth": 0.02,
    }
    assert problems_on_part(part, written(recipe(scratch, AWAY))) != []
    np.testing.assert_array_equal(evaluate(part).labels, before.labels)
    assert len(defect_modifiers(part)) == 1
    assert set(bpy.data.objects) == objects


def test_a_recipe_in_another_unit_does_not_fit_the_part(written: Any) -> None:
    document = recipe(DENT, part={"diagonal": 2.6, "unit": "inch"})
    [problem] = problems_on_part(add_part(*egg(), "egg"), written(document))
    assert problem.startswith("the recipe is in inch, but 'egg' is in mm")
