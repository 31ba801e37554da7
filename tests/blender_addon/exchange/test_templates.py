"""Templates out of a stack with ranges, drawn by the backend, and back into a stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from backend.sampling.places import Surface
from backend.sampling.recipes import sample_recipes
from backend.templates import load_template as load_bundled
from blender_addon.documents.errors import AddonError
from blender_addon.exchange.recipes import apply_recipe, recipe_of
from blender_addon.exchange.templates import apply_template, save_template, template_of
from blender_addon.parts.frame import set_part_frame
from blender_addon.placing.places import place_near, placed_values
from blender_addon.placing.surface_paths import Surface as PartSurface
from blender_addon.stack import modifiers, ranges
from shared_schema.load import dump, load_template
from shared_schema.recipe import Part, Unit
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg, evaluate, nominal_cloud

ORIGIN = (100.0, -7.0, 0.25)

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def part() -> bpy.types.Object:
    """An ellipsoid of which the part frame's origin is far away."""
    part = add_part(*egg(), "egg")
    set_part_frame(part, "inch", ORIGIN)
    return part


def add_placed(part: bpy.types.Object, kind: str, near: Any = (0.2, 0.1, 1.0)) -> Any:
    surface = PartSurface(part)
    place = place_near(surface, near, modifiers.diagonal(part))
    return modifiers.add_defect(part, kind, placed_values(kind, surface, place))


def surface_of(part: bpy.types.Object) -> Surface:
    """The part in its own frame, as the backend would read it from its file."""
    cloud = nominal_cloud(part)
    moved = type(cloud).of(cloud.points + ORIGIN, cloud.normals, cloud.faces)
    return Surface(moved, Part(name="egg", unit=Unit.INCH, diagonal=cloud.diagonal))


def drawn(part: bpy.types.Object, path: Path, count: int) -> Any:
    """Recipes that the backend draws from the part's template, and the template."""
    save_template(path, part)
    template = load_template(path)
    bare = add_part(*egg(), "bare")
    recipes = sample_recipes(template, surface_of(bare), seed=1, count=count)
    return template, [json.loads(dump(recipe)) for recipe in recipes]


def test_every_drawn_value_is_within_its_range_and_the_others_are_as_designed(
    part: bpy.types.Object, tmp_path: Path
) -> None:
    set_values: list[dict[str, Any]] = []
    for kind in KINDS:
        modifier = add_placed(part, kind)
        values, varied = modifiers.read_values(modifier), {}
        for field in ranges.template_fields(kind):
            # Every other one, so that some stay fixed.
            if field.varies and field.spec and len(varied) <= len(values) // 3:
                given = ranges.spread_about(field, values[field.name])
                varied[field.name] = ranges.set_range(modifier, field.name, given).as_document(
                    field
                )
        set_values.append({**values, **varied})
    _, recipes = drawn(part, tmp_path / "template.json", 8)
    for recipe in recipes:
        for wanted, defect in zip(set_values, recipe["defects"], strict=True):
            for field in ranges.template_fields(defect["kind"]):
                if field.spec and field.name in wanted and field.name != "margin":
                    assert_drawn(defect[field.name], wanted[field.name])
        bare = add_part(*egg(), "again")
        set_part_frame(bare, "inch", ORIGIN)
        assert len(apply_recipe(bare, recipe)) == len(KINDS)
    assert evaluate(bare).mask.any()
    assert len({json.dumps(recipe["defects"]) for recipe in recipes}) == len(recipes)


def assert_drawn(value: Any, wanted: Any) -> None:
    if isinstance(wanted, dict) and "choices" in wanted:
        assert value in wanted["choices"]
    elif isinstance(wanted, dict):
        assert wanted["min"] <= value <= wanted["max"]
    else:
        assert value == pytest.approx(wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_as_designed_is_drawn_where_the_defect_is(
    part: bpy.types.Object, tmp_path: Path, kind: str
) -> None:
    add_placed(part, kind)
    designed = evaluate(part)
    _, [recipe] = drawn(part, tmp_path / "template.json", 1)
    for modifier in modifiers.defect_modifiers(part):
        modifiers.remove_defect(modifier)
    apply_recipe(part, recipe)
    found = evaluate(part)
    points = egg()[0]
    middle = points[designed.source_index[designed.mask]].mean(axis=0)
    again = points[found.source_index[found.mask]].mean(axis=0)
    assert np.linalg.norm(again - middle) < 0.12


def test_places_are_drawn_by_their_rules(part: bpy.types.Object, tmp_path: Path) -> None:
    first, second = add_placed(part, "dent"), add_placed(part, "dent")
    variation = ranges.ensure_variation(first)
    variation.place = "ANYWHERE"
    low, high = np.array((-1.0, -1.0, -1.0)), np.array((-0.7, 1.0, 1.0))
    variation.region = ranges.new_region(part, "Left", low, high)
    near = ranges.ensure_variation(second)
    near.place, near.distance = "NEAR", 0.25
    template, recipes = drawn(part, tmp_path / "template.json", 10)
    np.testing.assert_allclose(template.regions["Left"].max, high + ORIGIN, rtol=1e-6)
    for recipe in recipes:
        one, two = (np.array(defect["center"]) - ORIGIN for defect in recipe["defects"])
        assert one[0] <= -0.7
        assert np.linalg.norm(one - two) <= 0.25 + 1e-9


def test_chance_repeat_and_how_many_are_exported(part: bpy.types.Object, tmp_path: Path) -> None:
    variation = ranges.ensure_variation(add_placed(part, "hole"))
    variation.chance, variation.use_repeat, variation.auto_label = 2.5, True, True
    variation.count_min = variation.count_max = 3.0
    variation.spacing_min, variation.spacing_max = 0.25, 0.5
    draws: Any = getattr(part, ranges.DRAWS_PROPERTY)
    draws.use, draws.low, draws.high = True, 2.0, 2.0
    template, [recipe] = drawn(part, tmp_path / "template.json", 1)
    assert template.draws == 2.0
    assert template.defects[0].chance == 2.5
    assert template.defects[0].repeat.spacing.max == 0.5
    assert [defect["label"] for defect in recipe["defects"]] == [1, 2, 3, 4, 5, 6]


def test_bad_range_names_defect_and_field(part: bpy.types.Object, tmp_path: Path) -> None:
    dent = add_placed(part, "dent")
    dent.name = "Deep"
    ranges.set_range(dent, "radius", {"min": 0.5, "max": 0.25})
    with pytest.raises(AddonError, match=r'^"Deep": Radius min must be at most max, 0.25; it is'):
        save_template(tmp_path / "template.json", part)
    ranges.set_range(dent, "radius", {"min": -0.5, "max": 0.25})
    with pytest.raises(AddonError, match=r'^"Deep": Radius must be greater than 0; it is -0.5'):
        template_of(part)
    ranges.set_range(dent, "radius", {"min": 0.0, "max": 0.25, "distribution": "log_uniform"})
    with pytest.raises(AddonError, match=r"greater than 0 for log_uniform"):
        template_of(part)
    assert not list(tmp_path.iterdir())


def test_without_defects_there_is_no_template(part: bpy.types.Object) -> None:
    with pytest.raises(AddonError, match="'egg' has no defects to draw"):
        template_of(part)


# All of them would take minutes; these have every kind and every rule.
BUNDLED = (
    "casting/sand_inclusions",
    "machining/burrs",
    "machining/dents_with_scratches",
    "printing_3d/layer_shift",
    "sheet_metal/bent_end",
    "sheet_metal/wrinkles",
    "welding/porosity",
)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_templates_come_in_with_their_ranges_and_go_out_again(
    name: str, part: bpy.types.Object, tmp_path: Path
) -> None:
    given = json.loads(dump(load_bundled(name)))
    added = apply_template(part, given)
    scale = modifiers.diagonal(part)
    assert len(added) == len(given["defects"])
    save_template(tmp_path / "again.json", part)
    load_template(tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text("utf-8"))
    if "draws" in given:
        assert_same_range(again["draws"], given["draws"], 1.0)
    assert ("draws" in again) == ("draws" in given)
    for before, after in zip(given["defects"], again["defects"], strict=True):
        assert after["location"]["type"] == before["location"]["type"]
        assert after["label"] == before["label"]
        assert after["chance"] == pytest.approx(before["chance"])
        assert ("repeat" in after) == ("repeat" in before)
        for field in ranges.template_fields(before["kind"]):
            if field.name in before:
                factor = scale if field.quantity in ("length", "vector") else 1.0
                assert_same_range(after[field.name], before[field.name], factor)
    recipe = recipe_of(part)
    assert [defect["kind"] for defect in recipe["defects"]] == [d["kind"] for d in given["defects"]]


def assert_same_range(after: Any, before: Any, factor: float) -> None:
    if isinstance(before, str) or (isinstance(before, dict) and "choices" in before):
        assert after == before
    elif isinstance(before, dict):
        if isinstance(after, float):
            after = {**before, "min": after, "max": after}
        for end in ("min", "max"):
            assert after[end] == pytest.approx(before[end] * factor, rel=1e-6)
        assert after.get("distribution", "uniform") == before["distribution"]
        assert after.get("random_sign", False) == before["random_sign"]
    else:
        after = after["min"] if isinstance(after, dict) else after
        np.testing.assert_allclose(after, np.array(before) * factor, rtol=1e-6)


def test_import_puts_values_in_the_middle_and_places_where_they_are(
    part: bpy.types.Object,
) -> None:
    point = [100.0, -7.0, 0.75]
    dent = {
        "kind": "dent",
        "name": "Pit",
        "label": 7,
        "location": {"type": "point", "position": point},
        "radius": {"min": 0.1, "max": 0.4, "distribution": "log_uniform"},
        "depth": {"min": 0.02, "max": 0.04, "random_sign": True},
        "falloff": {"choices": ["linear", "flat"]},
    }
    template = {"schema_version": 1, "unit": "inch", "lengths": "absolute", "defects": [dent]}
    [modifier] = apply_template(part, template)
    values = modifiers.read_values(modifier)
    np.testing.assert_allclose(values["center"], (0.0, 0.0, 0.5), atol=1e-6)
    assert (values["radius"], values["depth"]) == (pytest.approx(0.2), pytest.approx(0.03))
    assert (values["name"], values["label"], values["falloff"]) == ("Pit", 7, "linear")
    assert ranges.variation_of(modifier).place == "DESIGNED"


def test_lengths_in_another_unit_are_converted(part: bpy.types.Object) -> None:
    dent = {"kind": "dent", "radius": {"min": 2.54, "max": 5.08}, "depth": 0.254}
    template = {"schema_version": 1, "unit": "mm", "lengths": "absolute", "defects": [dent]}
    [modifier] = apply_template(part, template)
    assert modifiers.read_values(modifier)["radius"] == pytest.approx(0.15)
    assert ranges.range_of(modifier, "radius").high == pytest.approx(0.2)


def test_location_that_blender_has_no_rule_for_is_kept(part: bpy.types.Object) -> None:
    line = [[100.1, -7.0, 0.7], [100.0, -6.9, 0.7], [99.9, -7.0, 0.7], [100.0, -7.1, 0.7]]
    location = {"type": "lasso", "points": line, "thickness": 0.1}
    freeform = {"kind": "freeform", "size": 0.2, "amplitude": 0.01, "location": location}
    template = {"schema_version": 1, "unit": "inch", "lengths": "absolute", "defects": [freeform]}
    apply_template(part, template)
    again = template_of(part)["defects"][0]["location"]
    np.testing.assert_allclose(again["points"], line)
    assert again["thickness"] == 0.1


def test_template_is_applied_as_a_whole_or_not_at_all(part: bpy.types.Object) -> None:
    dent = {"kind": "dent", "radius": 0.2, "depth": 0.02}
    nowhere = {"type": "surface_random", "region": "far"}
    template = {
        "schema_version": 1,
        "regions": {"far": {"min": [5.0, 5.0, 5.0], "max": [6.0, 6.0, 6.0]}},
        "defects": [dent, {**dent, "location": nowhere}],
    }
    objects = set(bpy.data.objects)
    with pytest.raises(AddonError, match="region 'far' holds no surface of 'egg'"):
        apply_template(part, template)
    assert not modifiers.defect_modifiers(part)
    assert set(bpy.data.objects) == objects
