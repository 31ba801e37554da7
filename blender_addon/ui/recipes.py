# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's sections of recipes, and of the ranges beside a defect's values."""

from __future__ import annotations

from typing import Any

import bpy

from ..exchange.checks import active_shape_keys
from ..nodes.inputs import input_property
from ..operators import ranges as range_operators
from ..operators import recipes
from ..parts.frame import part_unit, shows_true_lengths
from ..stack.baked import has_baked
from ..stack.modifiers import active_defect, defect_kind
from ..stack.ranges import DRAWS_PROPERTY, TemplateField, range_of, template_fields, variation_of
from ..stack.scaling import is_true_size
from .section import PartSection


class FLAWSMITH_PT_recipes(PartSection, bpy.types.Panel):  # noqa: N801
    """Recipes and templates of the active object."""

    bl_idname = "FLAWSMITH_PT_recipes"
    bl_label = "Recipes"

    def draw(self, context: Any) -> None:
        """What stands against exporting, and the buttons."""
        layout: Any = self.layout
        draw_warnings(layout, context)
        layout.operator(recipes.FLAWSMITH_OT_validate.bl_idname, icon="CHECKMARK")
        column = layout.column(align=True)
        column.operator(recipes.FLAWSMITH_OT_export_recipe.bl_idname, icon="EXPORT")
        column.operator(recipes.FLAWSMITH_OT_export_recipes.bl_idname, icon="EXPORT")
        column.operator(recipes.FLAWSMITH_OT_import_recipe.bl_idname, icon="IMPORT")
        column = layout.column(align=True)
        column.operator(recipes.FLAWSMITH_OT_export_template.bl_idname, icon="EXPORT")
        column.operator(recipes.FLAWSMITH_OT_import_template.bl_idname, icon="IMPORT")


def draw_warnings(layout: Any, context: Any) -> None:
    """A scaled object, applied defects, shape keys, another unit, each with its way out."""
    obj = context.active_object
    if has_baked(obj):
        box = layout.box().column()
        box.label(text="Defects were applied to the mesh", icon="ERROR")
        box.operator(recipes.FLAWSMITH_OT_forget_applied.bl_idname)
    for name in active_shape_keys(obj):
        layout.box().label(text=f"Shape key {name} changes the part", icon="ERROR")
    if not is_true_size(obj):
        box = layout.box().column()
        box.label(text="The object is scaled", icon="ERROR")
        box.operator(recipes.FLAWSMITH_OT_apply_scale.bl_idname)
    if not shows_true_lengths(context.scene, part_unit(obj)):
        box = layout.box().column()
        box.label(text=f"Part is in {part_unit(obj)}, not the scene", icon="ERROR")
        box.operator(recipes.FLAWSMITH_OT_match_units.bl_idname)


class FLAWSMITH_PT_ranges(PartSection, bpy.types.Panel):  # noqa: N801
    """Ranges beside the values of the active defect."""

    bl_idname = "FLAWSMITH_PT_ranges"
    bl_label = "Variation"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        """The active defect: where it is drawn, and from which ranges."""
        layout: Any = self.layout
        obj = context.active_object
        draws: Any = getattr(obj, DRAWS_PROPERTY)
        row = layout.row(align=True)
        row.prop(draws, "use")
        if draws.use:
            row.prop(draws, "low")
            row.prop(draws, "high")
        modifier = active_defect(obj)
        if modifier is None:
            layout.label(text="Choose a defect in the stack", icon="INFO")
            return
        varies = variation_of(modifier) is not None
        button = range_operators.FLAWSMITH_OT_vary.bl_idname
        text = f"Keep {modifier.name} Fixed" if varies else f"Vary {modifier.name}"
        layout.operator(button, text=text, icon="X" if varies else "ADD")
        if varies:
            draw_place(layout, variation_of(modifier))
            draw_ranges(layout, modifier)


def draw_place(layout: Any, variation: Any) -> None:
    """The rule by which a defect's place is drawn, and how often."""
    column = layout.column(align=True)
    column.prop(variation, "place", text="")
    if variation.place in ("ANYWHERE", "EDGES"):
        row = column.row(align=True)
        row.prop(variation, "region", text="")
        row.operator(range_operators.FLAWSMITH_OT_add_region.bl_idname, text="", icon="CUBE")
    if variation.place == "EDGES":
        column.prop(variation, "edge_angle")
    if variation.place == "NEAR":
        column.prop(variation, "distance")
    column.prop(variation, "chance")
    row = layout.row()
    row.prop(variation, "auto_label")
    row.prop(variation, "along_place")
    layout.prop(variation, "use_repeat")
    if variation.use_repeat:
        column = layout.column(align=True)
        for low, high in (("count_min", "count_max"), ("spacing_min", "spacing_max")):
            row = column.row(align=True)
            row.prop(variation, low)
            row.prop(variation, high)


def draw_ranges(layout: Any, modifier: Any) -> None:
    """One line a value that may vary; what it is drawn from below those that do."""
    box = layout.box().column()
    for field in template_fields(str(defect_kind(modifier))):
        if field.varies is None:
            continue
        drawn = range_of(modifier, field.name)
        row = box.row(align=True)
        if field.spec is not None:
            row.prop(*input_property(modifier, field.title), text=field.title)
        else:
            row.label(text=field.title)
        button = range_operators.FLAWSMITH_OT_vary_value.bl_idname
        icon = "DECORATE_KEYFRAME" if drawn else "DECORATE_ANIMATE"
        row.operator(button, text="", icon=icon, depress=drawn is not None).field = field.name
        if drawn is not None:
            draw_range(box, drawn, field)


def draw_range(layout: Any, drawn: Any, field: TemplateField) -> None:
    """What a value is drawn from."""
    column = layout.column(align=True)
    if field.varies == "Choice":
        row = column.row(align=True)
        chosen = drawn.choices.split(",")
        for choice in field.spec.choices if field.spec else ():
            button = row.operator(
                range_operators.FLAWSMITH_OT_toggle_choice.bl_idname,
                text=choice.title(),
                depress=choice in chosen,
            )
            button.field, button.choice = field.name, choice
        return
    unit = {"length": "_length", "angle": "_angle"}.get(field.quantity or "", "")
    row = column.row(align=True)
    row.prop(drawn, f"low{unit}")
    row.prop(drawn, f"high{unit}")
    row = column.row(align=True)
    row.prop(drawn, "distribution", text="")
    row.prop(drawn, "random_sign")


CLASSES = (FLAWSMITH_PT_recipes, FLAWSMITH_PT_ranges)
