"""Labels that collide are told, and can be kept or numbered past what is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import pytest

from blender_addon.batch.jobs import Job, Session
from blender_addon.batch.saving import save_blend
from blender_addon.commands.jobs import TASKS
from blender_addon.exchange.checks import findings
from blender_addon.exchange.recipes import apply_recipe
from blender_addon.exchange.templates import apply_template
from blender_addon.stack.labels import shared_labels, taken_labels
from blender_addon.stack.modifiers import (
    LAST_LABEL,
    add_defect,
    defect_modifiers,
    free_label,
    read_value,
    write_values,
)

DENT: dict[str, Any] = {"kind": "dent", "center": [0.0, 0.0, 0.5], "radius": 0.2, "depth": 0.05}
# Two classes, 3 and 7, of which the second has two defects.
RECIPE: dict[str, Any] = {
    "schema_version": 1,
    "part": {"diagonal": 2.6},
    "defects": [{**DENT, "label": label} for label in (7, 3, 7)],
}
DRAWN: dict[str, Any] = {"kind": "dent", "radius": 0.1, "depth": 0.01}


def template(*labels: Any) -> dict[str, Any]:
    return {"schema_version": 1, "defects": [{**DRAWN, "label": label} for label in labels]}


def labels(part: bpy.types.Object) -> list[int]:
    return [read_value(modifier, "label") for modifier in defect_modifiers(part)]


def test_a_recipe_keeps_its_labels_or_goes_past_those_that_are_there(
    active_egg: bpy.types.Object,
) -> None:
    apply_recipe(active_egg, RECIPE)
    assert labels(active_egg) == [7, 3, 7]
    apply_recipe(active_egg, RECIPE, renumber=True)
    assert labels(active_egg)[3:] == [9, 8, 9]
    added = apply_recipe(active_egg, RECIPE)
    assert labels(active_egg)[6:] == [7, 3, 7]
    assert taken_labels(active_egg, added) == [3, 7]
    apply_recipe(active_egg, RECIPE, replace=True, renumber=True)
    assert labels(active_egg) == [2, 1, 2]


def test_a_template_numbers_what_it_leaves_open_past_those_that_are_there(
    active_egg: bpy.types.Object, registered: None
) -> None:
    apply_template(active_egg, template("auto", "auto"))
    assert labels(active_egg) == [1, 2]
    apply_template(active_egg, template("auto", 2))
    assert labels(active_egg)[2:] == [3, 2]
    apply_template(active_egg, template("auto", 2), renumber=True)
    assert labels(active_egg)[4:] == [4, 5]
    apply_template(active_egg, template("auto", "auto"), replace=True)
    assert labels(active_egg) == [1, 2]


def test_a_check_names_who_shares_a_label(active_egg: bpy.types.Object) -> None:
    for name in ("Pore", "Scar", "Knock"):
        add_defect(active_egg, "dent", {**DENT, "name": name})
    assert shared_labels(active_egg) == {}
    # As a group dropped from the asset browser has it.
    write_values(defect_modifiers(active_egg)[2], {"label": 1})
    assert shared_labels(active_egg) == {1: ['"Pore"', '"Knock"']}
    texts = [finding.text for finding in findings(active_egg) if not finding.is_error]
    assert any(text.startswith('"Pore", "Knock" share label 1 and') for text in texts)
    defect_modifiers(active_egg)[0].show_viewport = False
    assert shared_labels(active_egg) == {}


def test_those_that_had_a_label_first_may_keep_it(
    active_egg: bpy.types.Object, registered: None
) -> None:
    """A group dropped from the asset browser, or a recipe, comes with labels that are there."""
    for label in (1, 4, 1, 4, 2):
        add_defect(active_egg, "dent", {**DENT, "label": label})
    assert bpy.ops.flawsmith.renumber(which="LATER") == {"FINISHED"}
    assert labels(active_egg) == [1, 4, 5, 6, 2]
    assert shared_labels(active_egg) == {}
    assert bpy.ops.flawsmith.renumber() == {"FINISHED"}
    assert labels(active_egg) == [1, 2, 3, 4, 5]


def test_new_defects_get_labels_that_none_has(active_egg: bpy.types.Object) -> None:
    add_defect(active_egg, "dent", {**DENT, "label": 5})
    # One of two was removed; the number of defects says nothing.
    assert free_label(active_egg) == 6
    assert read_value(add_defect(active_egg, "dent", DENT), "label") == 6
    write_values(defect_modifiers(active_egg)[0], {"label": LAST_LABEL})
    assert free_label(active_egg) == 1


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A recipe and a template."""
    documents = {"recipe": RECIPE, "template": template(3, "auto")}
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return {name: str(tmp_path / f"{name}.json") for name in documents}


def test_an_import_asks_and_tells(
    active_egg: bpy.types.Object,
    registered: None,
    files: dict[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    taken = "label 3 existed already"
    bpy.ops.flawsmith.import_recipe(filepath=files["recipe"])
    assert "existed already" not in capfd.readouterr().out
    bpy.ops.flawsmith.import_template(filepath=files["template"])
    assert labels(active_egg)[3:] == [3, 9]
    assert taken in capfd.readouterr().out
    bpy.ops.flawsmith.import_template(filepath=files["template"], labels="PAST")
    assert labels(active_egg)[5:] == [11, 10]
    assert "existed already" not in capfd.readouterr().out
    bpy.ops.flawsmith.import_recipe(filepath=files["recipe"], labels="PAST")
    assert labels(active_egg)[7:] == [13, 12, 13]


@pytest.mark.parametrize("renumber", [False, True])
def test_a_command_tells_shared_labels_or_goes_past_them(
    active_egg: bpy.types.Object, files: dict[str, str], tmp_path: Path, renumber: bool
) -> None:
    add_defect(active_egg, "dent", {**DENT, "label": 7, "name": "Own"})
    save_blend(active_egg, tmp_path / "egg.blend")
    job = Job(
        "egg/more",
        "apply",
        str(tmp_path / "egg.blend"),
        object="egg",
        recipe=files["recipe"],
        renumber=renumber,
        options={"suffix": ".ply"},
    )
    Session(TASKS, tmp_path / "out").do(job)
    record = json.loads((tmp_path / "out" / "records" / "egg" / "more.json").read_text())
    found = [defect["label"] for defect in record["defects"]]
    assert found == ([7, 9, 8, 9] if renumber else [7, 7, 3, 7])
    named = any('"Own"' in warning for warning in record["warnings"])
    assert named is not renumber
