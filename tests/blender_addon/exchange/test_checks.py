"""What the check of a part finds: what refuses a recipe, and what looks wrong."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from blender_addon.exchange.checks import findings
from blender_addon.parts.frame import show_in_unit
from blender_addon.stack import modifiers
from tests.blender import add_part, egg, evaluate

DENT = {"center": [0.0, 0.0, 0.5], "center_normal": [0.0, 0.0, 1.0], "radius": 0.2, "depth": 0.05}
PATH = {"points": [[-0.2, 0.0, 0.49], [0.2, 0.0, 0.49]]}


@pytest.fixture
def part() -> bpy.types.Object:
    """An ellipsoid with a dent, seen in its own unit."""
    part = add_part(*egg(), "egg")
    modifiers.add_defect(part, "dent", DENT)
    show_in_unit(bpy.context.scene, "mm")
    return part


def found(part: bpy.types.Object, *, errors: bool) -> list[str]:
    return [finding.text for finding in findings(part) if finding.is_error == errors]


def test_a_sound_part_has_no_findings_and_stays_as_it_is(part: bpy.types.Object) -> None:
    before, objects = evaluate(part), set(bpy.data.objects)
    assert findings(part) == []
    assert set(bpy.data.objects) == objects
    np.testing.assert_array_equal(evaluate(part).labels, before.labels)


def test_every_broken_value_is_an_error(part: bpy.types.Object) -> None:
    bend = modifiers.add_defect(part, "bend", {"side": [0.0, 1.0, 0.0], "hinge_axis": [0, 2, 0]})
    modifiers.write_values(bend, {"hinge_point": [0.0, 0.0, 0.0]})
    modifiers.write_values(modifiers.defect_modifiers(part)[0], {"radius": 0.0})
    first, second = found(part, errors=True)
    assert first == '"Dent": Radius must be greater than 0; it is 0.0'
    assert second.startswith('"Bend": Side must point away from the hinge axis [0.0, 2.0, 0.0]')


def test_deleted_path_is_an_error(part: bpy.types.Object) -> None:
    scratch = modifiers.add_defect(part, "scratch", {"path": PATH})
    bpy.data.objects.remove(modifiers.defect_supports(scratch)[0])
    modifiers.write_values(part.modifiers[0], {"radius": -1.0})  # type: ignore[arg-type]
    [text] = found(part, errors=True)
    assert "'Scratch' has no Path object" in text


def test_flat_hull_is_an_error(part: bpy.types.Object) -> None:
    hull = [[0.0, 0.0, 0.5], [0.1, 0.0, 0.5], [0.0, 0.1, 0.5], [0.1, 0.1, 0.5]]
    modifiers.add_defect(part, "freeform", {"hull": hull, "bumps": []})
    [text] = found(part, errors=True)
    assert text.startswith('"Freeform": Hull must span a volume')


def test_scaled_object_and_object_without_faces_are_errors(part: bpy.types.Object) -> None:
    part.scale = (2.0, 2.0, 2.0)
    assert "scaled by 2 × 2 × 2" in found(part, errors=True)[0]
    cloud = add_part(np.eye(3), np.empty((0, 3), dtype=int), "cloud")
    assert "'cloud' has no faces" in found(cloud, errors=True)[0]


def test_defects_that_mark_nothing_are_named(part: bpy.types.Object) -> None:
    away = {**DENT, "name": "Away", "center": [0.0, 0.0, 5.0]}
    modifiers.add_defect(part, "dent", away)
    modifiers.add_defect(part, "dent", {**DENT, "name": "Shallow", "depth": 0.0})
    # The last one hides what the first has marked, but not that it did.
    modifiers.add_defect(part, "dent", {**DENT, "name": "Over", "radius": 0.4})
    texts = found(part, errors=False)
    assert [text.split(":")[0] for text in texts] == ['"Away"', '"Shallow"']


def test_mesh_too_coarse_for_a_defect_is_named() -> None:
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=2)
    part: Any = bpy.context.active_object
    show_in_unit(bpy.context.scene, "mm")
    top = list(part.data.vertices[0].co)
    modifiers.add_defect(part, "dent", {"center": top, "radius": 0.1, "depth": 0.05})
    modifiers.add_defect(part, "dent", {"center": top, "radius": 1.5, "depth": 0.05})
    [text] = found(part, errors=False)
    assert text.startswith('"Dent": the mesh is too coarse here, edges of 0.5')


def test_a_modifier_before_the_defects_is_named(part: bpy.types.Object) -> None:
    bevel = part.modifiers.new("Bevel", "BEVEL")
    after = part.modifiers.new("Smooth", "SMOOTH")
    assert findings(part) == []
    part.modifiers.move(list(part.modifiers).index(bevel), 0)
    [text] = found(part, errors=False)
    assert text.startswith('"Bevel" comes before the defects')
    bevel.show_viewport = False
    assert findings(part) == []
    assert after.name in part.modifiers


def test_hidden_defects_and_other_units_are_told(part: bpy.types.Object) -> None:
    modifiers.add_defect(part, "dent", DENT).show_viewport = False
    show_in_unit(bpy.context.scene, "m")
    first, second = found(part, errors=False)
    assert first == "switched off, so not in the recipe: Dent.001"
    assert second == "the scene shows other lengths than the part's, which is in mm"


@pytest.mark.usefixtures("registered")
def test_the_operator_reports_all_or_that_there_is_nothing(part: bpy.types.Object) -> None:
    bpy.context.view_layer.objects.active = part
    assert bpy.ops.flawsmith.validate() == {"FINISHED"}
    modifiers.write_values(part.modifiers[0], {"radius": 0.0})  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r'"Dent": Radius must be greater than 0; it is 0.0'):
        bpy.ops.flawsmith.validate()
    part.modifiers.clear()
    assert bpy.ops.flawsmith.validate() == {"FINISHED"}
