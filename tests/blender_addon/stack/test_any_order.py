"""Whatever is done to a stack, in whatever order: it is what a plain list says.

A list of plain values goes through the same steps as the stack of a part in Blender. After each
step the two are compared, with the recipe and the template that the stack is written as.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
import trimesh
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from blender_addon.documents.schema import fields
from blender_addon.exchange.recipes import recipe_name, recipe_of
from blender_addon.exchange.templates import template_of
from blender_addon.placing.supports import SUPPORT_TYPES
from blender_addon.stack import modifiers, ranges
from shared_schema.load import load_recipe, load_template
from tests.backend.shapes import KINDS
from tests.blender import add_part, empty_scene_from

PART = "ball"
BALL = trimesh.creation.icosphere(2)
# What a mirror changes; all other values stay.
TURNED = ("point", "vector", "direction")
LAST = modifiers.LAST_LABEL
NAMES = st.sampled_from(
    ["Pore", "pore", "Dent", "Dent.001", "Scar 7", "Delle ß", "ö" * 40, "x" * 70]
)
PLACES = st.sampled_from([(1.0, 0.1, 0.2), (-0.3, 0.9, 0.1), (0.2, -0.2, -1.0)])
# Which defect of the stack, whatever its length is.
WHICH = st.integers(0, 11)


@dataclass(frozen=True)
class Defect:
    """What a defect of the stack should be."""

    values: dict[str, Any]
    shown: bool = True
    # None where it does not vary.
    ranges: dict[str, Any] | None = None

    def with_values(self, **values: Any) -> Defect:
        return replace(self, values={**self.values, **values})


def part() -> Any:
    """The part; what pointed to it before a step back points nowhere."""
    return bpy.data.objects[PART]


def stack() -> list[Any]:
    return modifiers.defect_modifiers(part())


def found(modifier: Any) -> Defect:
    """What a defect of the stack is."""
    values = {**modifiers.read_values(modifier), "name": recipe_name(modifier)}
    variation = ranges.variation_of(modifier)
    drawn = None
    if variation is not None:
        kind = ranges.template_field
        drawn = {one.field: one.as_document(kind(modifier, one.field)) for one in variation.ranges}
    return Defect(values, modifier.show_viewport, drawn)


def free_label(model: list[Defect]) -> int:
    labels = {defect.values["label"] for defect in model}
    past = max(labels, default=0) + 1
    return past if past <= LAST else next(n for n in range(1, LAST) if n not in labels)


class AnyOrder(RuleBasedStateMachine):
    """A part with a stack, and the list that it is compared with."""

    def __init__(self, empty: Path, folder: Path) -> None:
        super().__init__()
        empty_scene_from(empty)
        self.recipe, self.template = folder / "recipe.json", folder / "template.json"
        self.blend = folder / "part.blend"
        bpy.context.view_layer.objects.active = add_part(BALL.vertices, BALL.faces, PART)
        self.model: list[Defect] = []
        self.past: list[list[Defect]] = []
        self.future: list[list[Defect]] = []
        self.step()

    def step(self) -> None:
        """Note where the last step has led, as Blender does."""
        bpy.ops.ed.undo_push(message="step")
        self.past.append(list(self.model))
        self.future.clear()

    def choose(self, which: int) -> int:
        place = which % len(self.model)
        part().modifiers.active = stack()[place]
        return place

    def active(self) -> int:
        return stack().index(part().modifiers.active)

    @rule(kind=st.sampled_from(KINDS), near=PLACES)
    @precondition(lambda self: len(self.model) < 8)
    def add(self, kind: str, near: tuple[float, ...]) -> None:
        bpy.context.scene.cursor.location = near
        assert bpy.ops.flawsmith.add_defect(kind=kind) == {"FINISHED"}
        new = found(stack()[-1])
        assert new.values["kind"] == kind
        self.model.append(Defect({**new.values, "label": free_label(self.model)}))
        self.step()

    @rule(which=WHICH, direction=st.sampled_from(["UP", "DOWN"]))
    @precondition(lambda self: self.model)
    def move(self, which: int, direction: str) -> None:
        place = self.choose(which)
        assert bpy.ops.flawsmith.move(direction=direction) == {"FINISHED"}
        target = place + (-1 if direction == "UP" else 1)
        target = min(max(target, 0), len(self.model) - 1)
        self.model.insert(target, self.model.pop(place))
        assert self.active() == target
        self.step()

    @rule(which=WHICH, same_label=st.booleans())
    @precondition(lambda self: 0 < len(self.model) < 8)
    def duplicate(self, which: int, same_label: bool) -> None:
        place = self.choose(which)
        assert bpy.ops.flawsmith.duplicate(same_label=same_label) == {"FINISHED"}
        self.insert_copy(place, self.model[place].values["label"] if same_label else None)
        assert self.active() == place + 1
        self.step()

    def insert_copy(self, place: int, label: int | None = None) -> None:
        """A copy stands after the first; Blender makes up its name."""
        name = recipe_name(stack()[place + 1])
        assert name not in [defect.values["name"] for defect in self.model]
        label = label or free_label(self.model)
        self.model.insert(place + 1, self.model[place].with_values(label=label, name=name))

    @rule(
        which=WHICH,
        axis=st.sampled_from("XYZ"),
        plane=st.sampled_from(["MIDDLE", "ORIGIN"]),
        copy=st.booleans(),
        whole_stack=st.booleans(),
    )
    @precondition(lambda self: 0 < len(self.model) < 6)
    def mirror(self, which: int, **options: Any) -> None:
        place = self.choose(which)
        assert bpy.ops.flawsmith.mirror(**options) == {"FINISHED"}
        before, copied = list(self.model), int(options["copy"])
        chosen = range(len(before)) if options["whole_stack"] else [place]
        for number, one in enumerate(chosen):
            first = one + number * copied
            if copied:
                self.insert_copy(first)
            self.take_turned(first + copied)
        assert self.active() == place + copied * (1 + (place if options["whole_stack"] else 0))
        self.step()

    def take_turned(self, place: int) -> None:
        """Take what a mirror has changed, and nothing else, from the stack."""
        defect = self.model[place]
        new = modifiers.read_values(stack()[place])
        turned = [
            one.name
            for one in fields(defect.values["kind"])
            if one.quantity in TURNED or one.type in SUPPORT_TYPES
        ]
        changes = {name: new[name] for name in turned if name in new}
        assert set(changes) == set(turned) & set(defect.values)
        self.model[place] = defect.with_values(**changes)

    @rule(which=WHICH, name=NAMES)
    @precondition(lambda self: self.model)
    def rename(self, which: int, name: str) -> None:
        place = self.choose(which)
        others = [one.name for one in stack() if one != stack()[place]]
        stack()[place].name = name
        made = stack()[place].name
        assert made == name or name in others or len(name.encode()) > 63
        # A name that the stack cannot hold may still be the one that it came with.
        given = recipe_name(stack()[place])
        assert given in (made, self.model[place].values["name"])
        self.model[place] = self.model[place].with_values(name=given)
        self.step()

    @rule(which=WHICH, label=st.integers(1, 4) | st.just(LAST))
    @precondition(lambda self: self.model)
    def relabel(self, which: int, label: int) -> None:
        place = self.choose(which)
        modifiers.write_values(stack()[place], {"label": label})
        self.model[place] = self.model[place].with_values(label=label)
        self.step()

    @rule(which=WHICH, value=WHICH, factor=st.sampled_from([0.5, 0.75, 1.25]))
    @precondition(lambda self: self.model)
    def change_value(self, which: int, value: int, factor: float) -> None:
        place = self.choose(which)
        kind, values = self.model[place].values["kind"], self.model[place].values
        numbers = [one for one in fields(kind) if one.type == "number" and one.name in values]
        one = numbers[value % len(numbers)]
        new = float(np.float32(min(max(factor * values[one.name], one.low), one.high)))
        modifiers.write_values(stack()[place], {one.name: new})
        self.model[place] = self.model[place].with_values(**{one.name: one.clip(new)})
        self.step()

    @rule(which=WHICH)
    @precondition(lambda self: self.model)
    def switch(self, which: int) -> None:
        place = self.choose(which)
        shown = not self.model[place].shown
        stack()[place].show_viewport = shown
        self.model[place] = replace(self.model[place], shown=shown)
        self.step()

    @rule(which=WHICH)
    @precondition(lambda self: self.model)
    def remove(self, which: int) -> None:
        place = self.choose(which)
        assert bpy.ops.flawsmith.remove() == {"FINISHED"}
        del self.model[place]
        assert not self.model or self.active() == min(place, len(self.model) - 1)
        self.step()

    @rule()
    @precondition(lambda self: self.model)
    def renumber(self) -> None:
        assert bpy.ops.flawsmith.renumber(which="ALL") == {"FINISHED"}
        self.model = [one.with_values(label=n) for n, one in enumerate(self.model, start=1)]
        self.step()

    @rule()
    @precondition(lambda self: self.model)
    def renumber_later_ones(self) -> None:
        assert bpy.ops.flawsmith.renumber(which="LATER") == {"FINISHED"}
        seen = set()
        for place, defect in enumerate(self.model):
            if not defect.shown:
                continue
            if defect.values["label"] in seen:
                self.model[place] = defect.with_values(label=free_label(self.model))
            seen.add(self.model[place].values["label"])
        self.step()

    @rule(which=WHICH)
    @precondition(lambda self: self.model)
    def vary(self, which: int) -> None:
        place = self.choose(which)
        assert bpy.ops.flawsmith.vary() == {"FINISHED"}
        varied = None if self.model[place].ranges is not None else {}
        self.model[place] = replace(self.model[place], ranges=varied)
        self.step()

    @rule(which=WHICH, value=WHICH)
    @precondition(lambda self: self.model)
    def vary_value(self, which: int, value: int) -> None:
        place = self.choose(which)
        defect = self.model[place]
        names = [f.name for f in ranges.template_fields(defect.values["kind"]) if f.varies]
        name = names[value % len(names)]
        assert bpy.ops.flawsmith.vary_value(field=name) == {"FINISHED"}
        drawn = dict(defect.ranges or {})
        if drawn.pop(name, None) is None:
            one = ranges.range_of(stack()[place], name)
            drawn[name] = one.as_document(ranges.template_field(stack()[place], name))
        self.model[place] = replace(defect, ranges=drawn)
        self.step()

    @rule()
    @precondition(lambda self: self.model)
    def save_and_open_the_file(self) -> None:
        bpy.ops.wm.save_as_mainfile(filepath=str(self.blend))
        bpy.ops.wm.open_mainfile(filepath=str(self.blend))
        self.past.clear()
        self.step()

    @rule(replaced=st.booleans(), past=st.booleans())
    @precondition(lambda self: 0 < len(self.model) < 5)
    def write_a_recipe_and_open_it(self, replaced: bool, past: bool) -> None:
        assert bpy.ops.flawsmith.export_recipe(filepath=str(self.recipe)) == {"FINISHED"}
        new = [Defect(defect.values) for defect in self.model if defect.shown]
        bpy.ops.flawsmith.import_recipe(
            filepath=str(self.recipe), replace=replaced, labels="PAST" if past else "KEEP"
        )
        if past:
            first = 1 if replaced else free_label(self.model)
            labels = sorted({defect.values["label"] for defect in new})
            numbers = {label: first + place for place, label in enumerate(labels)}
            new = [one.with_values(label=numbers[one.values["label"]]) for one in new]
        self.model = new if replaced else [*self.model, *new]
        self.step()

    @rule()
    @precondition(lambda self: len(self.past) > 1)
    def undo(self) -> None:
        assert bpy.ops.ed.undo() == {"FINISHED"}
        self.future.append(self.past.pop())
        self.model = list(self.past[-1])

    @rule()
    @precondition(lambda self: self.future)
    def redo(self) -> None:
        assert bpy.ops.ed.redo() == {"FINISHED"}
        self.past.append(self.future.pop())
        self.model = list(self.past[-1])

    @invariant()
    def the_stack_is_the_list(self) -> None:
        assert [found(modifier) for modifier in stack()] == self.model
        names = [modifier.name for modifier in stack()]
        assert len(set(names)) == len(names)

    @invariant()
    def each_defect_has_supports_of_its_own_and_no_others_are_left(self) -> None:
        used = [support for one in stack() for support in modifiers.defect_supports(one)]
        assert sorted(one.name for one in used) == sorted(
            one.name for one in bpy.data.objects if one.parent is not None
        )

    @invariant()
    def its_recipe_is_the_list(self) -> None:
        assert bpy.ops.flawsmith.export_recipe(filepath=str(self.recipe)) == {"FINISHED"}
        shown = [defect.values for defect in self.model if defect.shown]
        assert recipe_of(part())["defects"] == shown
        written = load_recipe(self.recipe).model_dump(mode="json", exclude_none=True)
        assert written["defects"] == shown

    @invariant()
    @precondition(lambda self: any(defect.shown for defect in self.model))
    def its_template_has_the_ranges(self) -> None:
        assert bpy.ops.flawsmith.export_template(filepath=str(self.template)) == {"FINISHED"}
        shown = [defect for defect in self.model if defect.shown]
        load_template(self.template)
        for defect, given in zip(shown, template_of(part())["defects"], strict=True):
            assert given["name"] == defect.values["name"]
            assert (defect.ranges or {}).items() <= given.items()


@pytest.mark.usefixtures("registered")
def test_in_any_order_the_stack_is_what_a_list_says(file_with_groups: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(
        lambda: AnyOrder(file_with_groups, tmp_path),
        settings=settings(max_examples=15, stateful_step_count=15),
    )
